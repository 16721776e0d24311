//! Where in the text a value stands: spans from what the YAML reader tells of places.

use runbook_model::{SourceId, Span};
use serde_saphyr::Location;

/// The bytes of `location` in `text`, without line ends at its end.
pub(super) fn span_of(source: SourceId, text: &str, location: &Location) -> Span {
    let span = location.span();
    let start = span.byte_offset().and_then(|at| usize::try_from(at).ok()).unwrap_or_else(|| offset(text, location));
    let start = start.min(text.len());
    let len = span.byte_len().and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
    trimmed(source, text, start, start.saturating_add(len).min(text.len()))
}

/// The bytes `start..end` of `text`, without line ends at their end.
pub(super) fn trimmed(source: SourceId, text: &str, start: usize, end: usize) -> Span {
    let kept = text.get(start..end).map_or(0, |slice| slice.trim_end().len());
    Span::new(source, start, start + kept)
}

/// The byte at the line and column of `location`; the parser's own errors have nothing else.
fn offset(text: &str, location: &Location) -> usize {
    let wanted = usize::try_from(location.line()).unwrap_or(usize::MAX).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(wanted).map(str::len).sum();
    let column = usize::try_from(location.column()).unwrap_or(usize::MAX).saturating_sub(1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
}

/// The span of a list or map that begins at `place`: up to the end of its last child, or to its own closing bracket.
pub(super) fn container(text: &str, place: Span, last: Option<Span>) -> Span {
    let bytes = text.as_bytes();
    let start = place.start as usize;
    let mut end = last.map_or(place.end as usize, |last| (last.end as usize).max(place.end as usize));
    let close = match bytes.get(start) {
        Some(b'[') => b']',
        Some(b'{') => b'}',
        _ => return Span::new(place.source, start, end),
    };
    end = end.max(start + 1);
    while let Some(byte) = bytes.get(end) {
        match byte {
            byte if *byte == close => return Span::new(place.source, start, end + 1),
            b'#' => end += bytes.get(end..).and_then(|rest| rest.iter().position(|b| *b == b'\n')).unwrap_or(1),
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' => end += 1,
            _ => break,
        }
    }
    Span::new(place.source, start, last.map_or(place.end as usize, |last| last.end as usize))
}

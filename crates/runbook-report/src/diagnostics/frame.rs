//! One source with the places of a diagnostic in it, in line order.

use super::line::Line;
use crate::style::{Glyph, Style, Tone};
use crate::text;
use runbook_model::{Label, Source};
use std::fmt::Write as _;

/// Where the lines of a source begin; positions by binary search, so that many faults in a large file stay cheap.
pub(super) struct Index<'a> {
    source: &'a Source,
    starts: Vec<usize>,
}

impl<'a> Index<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        let ends = source.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { source, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The line (from 0) of byte `offset`, and the offset in that line; both at the last character boundary.
    pub(super) fn locate(&self, offset: u32) -> (usize, usize) {
        let mut offset = (offset as usize).min(self.source.text.len());
        while !self.source.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        (line, offset - self.starts.get(line).copied().unwrap_or(0))
    }

    /// Line and column, from 1, the column in characters.
    pub(super) fn position(&self, offset: u32) -> (usize, usize) {
        let (line, within) = self.locate(offset);
        let column = self.raw(line).get(..within).map_or(0, |before| before.chars().count());
        (line + 1, column + 1)
    }

    fn raw(&self, line: usize) -> &'a str {
        let start = self.starts.get(line).copied().unwrap_or(self.source.text.len());
        let end = self.starts.get(line + 1).copied().unwrap_or(self.source.text.len());
        self.source.text.get(start..end).unwrap_or("")
    }

    /// A line (from 0) without its end.
    fn line(&self, line: usize) -> &'a str {
        self.raw(line).trim_end_matches(['\n', '\r'])
    }

    pub(super) fn name(&self) -> String {
        text::clean(&self.source.name)
    }
}

/// A run of carets under one line.
struct Mark<'a> {
    line: usize,
    columns: (usize, usize),
    text: &'a str,
    primary: bool,
}

/// The gutter's width that the places of `labels` need.
pub(super) fn gutter<'a>(index: &Index<'_>, labels: impl IntoIterator<Item = &'a Label>) -> usize {
    let last = labels.into_iter().map(|label| index.locate(label.span.end).0 + 1).max().unwrap_or(1);
    last.to_string().len().max(2)
}

/// Writes the head line of a frame and the lines of `labels`; the first label names the place, and it is the
/// diagnostic's own if `primary`.
pub(super) fn write(
    out: &mut String,
    index: &Index<'_>,
    labels: &[&Label],
    primary: bool,
    gutter: usize,
    style: Style,
) {
    let Some(first) = labels.first() else { return };
    let (line, column) = index.position(first.span.start);
    let top = style.paint(Tone::Frame, style.glyph(Glyph::FrameTop));
    let _ = writeln!(out, "{:gutter$}{top} {}:{line}:{column}", "", index.name());
    let mut marks: Vec<Mark<'_>> =
        labels.iter().enumerate().flat_map(|(nth, label)| marks(index, label, primary && nth == 0)).collect();
    marks.sort_by_key(|mark| (mark.line, mark.columns.0, !mark.primary));
    marks.dedup_by(|next, mark| {
        let same = mark.text.is_empty() && (next.line, next.columns) == (mark.line, mark.columns);
        if same {
            mark.text = next.text;
        }
        same
    });
    let mut previous = None;
    for mark in &marks {
        previous = Some(write_mark(out, index, mark, previous, gutter, style));
    }
}

/// The marks of one label: one, or for a span over several lines its first and its last.
fn marks<'a>(index: &Index<'_>, label: &'a Label, primary: bool) -> Vec<Mark<'a>> {
    let (start, end) = (index.locate(label.span.start), index.locate(label.span.end));
    let first = Line::new(index.line(start.0));
    // A span that ends with a line end is a span of whole lines.
    let end = if end.0 > start.0 && end.1 == 0 { (end.0 - 1, usize::MAX) } else { end };
    if end.0 <= start.0 {
        return vec![Mark { line: start.0, columns: first.columns(start.1, end.1), text: &label.text, primary }];
    }
    let last = Line::new(index.line(end.0));
    let from = last.content().0;
    let until = last.column(end.1).max(from + 1);
    vec![
        Mark { line: start.0, columns: first.columns(start.1, usize::MAX), text: "", primary },
        Mark { line: end.0, columns: (from, until), text: &label.text, primary },
    ]
}

/// Writes a mark, and its line unless the same part of it was written `previous`ly; returns what was written.
fn write_mark(
    out: &mut String,
    index: &Index<'_>,
    mark: &Mark<'_>,
    previous: Option<(usize, usize)>,
    gutter: usize,
    style: Style,
) -> (usize, usize) {
    let bar = style.paint(Tone::Frame, style.glyph(Glyph::FrameBar));
    let room = style.width.saturating_sub(gutter + 2).max(20);
    let cut = Line::new(index.line(mark.line)).cut(room, mark.columns, style);
    // A long line is written once more where another part of it has to be seen.
    let written = (mark.line, cut.from());
    if previous != Some(written) {
        if previous.is_some_and(|(line, _)| line + 1 < mark.line) {
            let gap = style.paint(Tone::Frame, style.glyph(Glyph::FrameGap));
            let _ = writeln!(out, "{:gutter$}{gap}", "");
        }
        let number = style.paint(Tone::Frame, &format!("{:>gutter$}", mark.line + 1));
        let _ = writeln!(out, "{}", format!("{number}{bar} {}", cut.text).trim_end());
    }
    let (blank, length) = cut.place(mark.columns);
    let (sign, tone) = if mark.primary { ("^", Tone::Bad) } else { ("-", Tone::Frame) };
    let label = text::clean(mark.text);
    let carets = format!("{} {label}", sign.repeat(length));
    let _ = writeln!(out, "{:gutter$}{bar} {:blank$}{}", "", "", style.paint(tone, carets.trim_end()));
    written
}

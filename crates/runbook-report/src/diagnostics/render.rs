//! Diagnostics as text: message, frames, help, and a closing line with counts.

use super::frame::{self, Index};
use crate::style::{Glyph, Style, Tone};
use crate::text;
use runbook_model::{CODES, Diagnostic, Label, Severity, SourceId, SourceMap};
use std::collections::HashMap;
use std::fmt::Write as _;

/// All of `diagnostics` in their order, each with the lines that it is about, and one closing line with counts; empty
/// if there are none. Never panics, whatever the spans are: a span without a text gets no frame.
pub fn render(diagnostics: &[Diagnostic], sources: &SourceMap, style: &Style) -> String {
    let style = *style;
    let mut out = String::new();
    let mut indexes = Indexes { sources, known: HashMap::new() };
    for diagnostic in diagnostics {
        write_one(&mut out, diagnostic, &mut indexes, style);
        out.push('\n');
    }
    if let Some(worst) = diagnostics.iter().max_by_key(|diagnostic| diagnostic.severity) {
        // `max_by_key` returns the last of equals; the first is the one to begin with.
        let first = diagnostics.iter().find(|diagnostic| diagnostic.severity == worst.severity).unwrap_or(worst);
        let hint = format!("`runbook explain {}` tells more", first.code);
        let _ = writeln!(out, "{}; {hint}", counts(diagnostics));
    }
    style.encode(out)
}

/// What `runbook explain CODE` prints: title and text; `None` if there is no such code.
pub fn explain(code: &str) -> Option<String> {
    let doc = CODES.iter().find(|doc| doc.code.eq_ignore_ascii_case(code.trim()))?;
    let text: Vec<String> = text::wrap(doc.text, 80);
    Some(format!("{}: {}\n\n{}\n", doc.code, doc.title, text.join("\n")))
}

/// `3 errors, 1 warning`.
pub(super) fn counts(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let say = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let parts = [say(count(Severity::Error), "error"), say(count(Severity::Warning), "warning")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

struct Indexes<'a> {
    sources: &'a SourceMap,
    known: HashMap<SourceId, Index<'a>>,
}

impl<'a> Indexes<'a> {
    fn get(&mut self, id: SourceId) -> Option<&Index<'a>> {
        let source = self.sources.get(id)?;
        Some(self.known.entry(id).or_insert_with(|| Index::new(source)))
    }
}

fn write_one(out: &mut String, diagnostic: &Diagnostic, indexes: &mut Indexes<'_>, style: Style) {
    let (word, tone) = match diagnostic.severity {
        Severity::Error => ("error", Tone::Bad),
        Severity::Warning => ("warning", Tone::Warn),
    };
    let head = style.paint(tone, &format!("{word}[{}]", diagnostic.code));
    let message = style.paint(Tone::Strong, &text::clean(&diagnostic.message));
    let _ = writeln!(out, "{head}: {message}");
    let groups = by_source(diagnostic);
    let mut gutter = 2;
    for (source, labels) in &groups {
        if let Some(index) = indexes.get(*source) {
            gutter = gutter.max(frame::gutter(index, labels.iter().copied()));
        }
    }
    let mut framed = false;
    for (nth, (source, labels)) in groups.iter().enumerate() {
        match indexes.get(*source) {
            Some(index) => {
                frame::write(out, index, labels, nth == 0, gutter, style);
                framed = true;
            }
            None => write_unplaced(out, labels, gutter),
        }
    }
    match &diagnostic.help {
        Some(help) => write_help(out, help, gutter, style),
        None if framed => {
            let stop = style.paint(Tone::Frame, style.glyph(Glyph::FrameStop));
            let _ = writeln!(out, "{:gutter$}{stop}", "");
        }
        None => {}
    }
}

/// The labels by source, the diagnostic's own source and place first.
fn by_source(diagnostic: &Diagnostic) -> Vec<(SourceId, Vec<&Label>)> {
    let mut groups = vec![(diagnostic.primary.span.source, vec![&diagnostic.primary])];
    for label in &diagnostic.related {
        match groups.iter_mut().find(|(source, _)| *source == label.span.source) {
            Some((_, labels)) => labels.push(label),
            None => groups.push((label.span.source, vec![label])),
        }
    }
    groups
}

/// Labels whose source is not known still have something to say.
fn write_unplaced(out: &mut String, labels: &[&Label], gutter: usize) {
    for label in labels.iter().filter(|label| !label.text.is_empty()) {
        let _ = writeln!(out, "{:gutter$}= {}", "", text::clean(&label.text));
    }
}

fn write_help(out: &mut String, help: &str, gutter: usize, style: Style) {
    let end = style.glyph(Glyph::FrameEnd);
    let lead = gutter + text::width(end) + 1;
    let room = style.columns().saturating_sub(lead + 6);
    for (nth, line) in text::clean_lines(help).iter().flat_map(|line| text::wrap(line, room)).enumerate() {
        if nth == 0 {
            let head = format!("{} {}", style.paint(Tone::Frame, end), style.paint(Tone::Good, "help:"));
            let _ = writeln!(out, "{:gutter$}{head} {line}", "");
        } else {
            let _ = writeln!(out, "{:lead$}      {line}", "");
        }
    }
}

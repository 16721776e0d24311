//! What a step read for people, such as a changelog: whole, cut to what fits, or only what is marked in it.

use crate::style::{Style, Tone};
use crate::text;
use runbook_model::{Excerpt, ExcerptLine};

/// So many lines are shown before a person who asks for more is told where they are.
const LINES: usize = 60;
/// How many of them are the first ones, whatever is marked.
const FIRST: usize = 20;
/// Marked lines below the line of a step.
const MARKED: usize = 12;

/// The whole text.
pub(crate) fn whole(excerpt: &Excerpt, indent: usize, style: Style) -> String {
    excerpt.lines.iter().map(|line| shown(line, indent, style)).collect()
}

/// The text, if it fits; else its first lines, its headings and what is marked. `more` says where all of it is.
pub(crate) fn bounded(excerpt: &Excerpt, indent: usize, more: &str, style: Style) -> String {
    if excerpt.lines.len() <= LINES {
        return whole(excerpt, indent, style);
    }
    let mut out = String::new();
    let (mut count, mut gap) = (0, false);
    for (nth, line) in excerpt.lines.iter().enumerate() {
        if count < LINES && (nth < FIRST || line.is_heading() || !line.marks.is_empty()) {
            if std::mem::take(&mut gap) {
                out.push_str(&format!("{:indent$}{}\n", "", style.paint(Tone::Dim, "…")));
            }
            out.push_str(&shown(line, indent, style));
            count += 1;
        } else {
            gap = true;
        }
    }
    out + &rest(excerpt.lines.len() - count, indent, more, style)
}

/// The marked lines alone, as far as they fit.
pub(crate) fn marked(excerpt: &Excerpt, indent: usize, more: &str, style: Style) -> String {
    let marked = || excerpt.lines.iter().filter(|line| !line.marks.is_empty());
    let out: String = marked().take(MARKED).map(|line| shown(line, indent, style)).collect();
    let count = marked().count().min(MARKED);
    if count == 0 { out } else { out + &rest(excerpt.lines.len() - count, indent, more, style) }
}

/// `(41 more lines: runbook show 7k2m)`
fn rest(lines: usize, indent: usize, more: &str, style: Style) -> String {
    let noun = if lines == 1 { "line" } else { "lines" };
    match lines {
        0 => String::new(),
        _ => format!("{:indent$}{}\n", "", style.paint(Tone::Dim, &format!("({lines} more {noun}: {more})"))),
    }
}

/// A marked line has its marks behind it, for screens without colour and for screen readers.
fn shown(line: &ExcerptLine, indent: usize, style: Style) -> String {
    let clean = text::clean(&line.text);
    let deep = line.text.len() - line.text.trim_start().len();
    let (sign, tone) = match (line.marks.is_empty(), line.is_heading()) {
        (false, _) => ("! ", Tone::Warn),
        (true, true) => ("  ", Tone::Strong),
        (true, false) => ("  ", Tone::Normal),
    };
    let marks = if line.marks.is_empty() { String::new() } else { format!("  [{}]", line.marks.join(", ")) };
    let room = style.columns().saturating_sub(indent + deep + 2).max(20);
    let parts = text::wrap(&format!("{clean}{}", text::clean(&marks).trim_end()), room);
    let lead = format!("{:indent$}{sign}{:deep$}", "", "");
    text::hang(&lead, indent + sign.len() + deep, parts.iter().map(|part| style.paint(tone, part)))
}

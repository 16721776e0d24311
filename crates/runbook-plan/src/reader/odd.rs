//! Characters that look like a space or like nothing, where YAML wants a space: text that was copied from a page has them.
//!
//! YAML takes them as letters. So a key becomes another key, and an indentation none at all, and what is wrong then shows
//! somewhere else. They may stand inside of texts, in quotes and in blocks.

use super::places::span_of;
use runbook_model::{Code, Diagnostic, Node, SourceId, Span, Value};
use serde_saphyr::Error;

/// How many places are tried one by one, and in how large a text.
const TRIES: usize = 16;
const SMALL: usize = 1 << 20;

/// What people call the character, if it is one of these.
fn name(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{85}' => "a next line character",
        '\u{a0}' => "a no-break space",
        '\u{ad}' => "a soft hyphen",
        '\u{2003}' => "an em space",
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' => "an unusual space",
        '\u{180e}' | '\u{200b}' => "a zero width space",
        '\u{200c}' | '\u{200d}' => "a zero width joiner",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "a mark of direction",
        '\u{2028}' | '\u{2029}' => "a line separator",
        '\u{202f}' => "a narrow no-break space",
        '\u{2060}' => "a word joiner",
        '\u{3000}' => "an ideographic space",
        '\u{feff}' => "a byte order mark",
        _ => return None,
    })
}

fn is_odd(c: char) -> bool {
    name(c).is_some()
}

/// What stands for it in a text that is tried: a space for one that takes room.
fn plain(c: char) -> Option<char> {
    c.is_whitespace().then_some(' ')
}

fn diagnostic(source: SourceId, at: usize, c: char, where_it_stands: &str) -> Diagnostic {
    let what = name(c).unwrap_or("a character");
    let message = format!("{what} (U+{:04X}) {where_it_stands}", u32::from(c));
    let help = if plain(c).is_some() { "replace it by a plain space" } else { "remove it" };
    let help = format!(
        "{help}; text that is copied from a page or a chat has such characters. Quote a text in which it is meant"
    );
    Diagnostic::error(Code::SYNTAX, Span::new(source, at, at + c.len_utf8()), message).help(help)
}

/// The first carriage return that ends a line alone. YAML ends the line there and most editors do not, so what follows
/// it may be seen as a comment and read as a field.
pub(super) fn lone_return(source: SourceId, text: &str) -> Option<Diagnostic> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|byte| *byte == b'\r').map(|at| from + at) {
        if bytes.get(at + 1) != Some(&b'\n') {
            let message = "a carriage return alone ends this line";
            let help = "save the file with the line ends of Unix (LF) or Windows (CR LF)";
            return Some(Diagnostic::error(Code::SYNTAX, Span::new(source, at, at + 1), message).help(help));
        }
        from = at + 1;
    }
    None
}

/// What of it stands in unquoted keys, and at the ends of other unquoted texts.
pub(super) fn in_tree(source: SourceId, text: &str, root: &Node) -> Option<Diagnostic> {
    if text.is_ascii() || !text.chars().any(is_odd) {
        return None;
    }
    let mut found = Vec::new();
    look(text, root, &mut found);
    found.sort_unstable_by_key(|(at, ..)| *at);
    let (at, c, place) = found.first().copied()?;
    let one = diagnostic(source, at, c, place);
    Some(counted(one, found.len() - 1))
}

fn counted(mut one: Diagnostic, more: usize) -> Diagnostic {
    if more > 0 {
        one.message.push_str(&format!(", and {more} more of them behind it"));
    }
    one
}

fn look(text: &str, node: &Node, found: &mut Vec<(usize, char, &'static str)>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                if let Some(written) = unquoted(text, entry.key_span) {
                    let start = entry.key_span.start as usize;
                    let odd = written.char_indices().find(|(_, c)| is_odd(*c));
                    found.extend(odd.map(|(at, c)| (start + at, c, "stands in this key")));
                }
                look(text, &entry.value, found);
            }
        }
        Value::List(items) => items.iter().for_each(|item| look(text, item, found)),
        Value::String(_) => {
            let Some(written) = unquoted(text, node.span) else { return };
            let start = node.span.start as usize;
            let ends = [written.char_indices().next(), written.char_indices().next_back()];
            let odd = ends.into_iter().flatten().find(|(_, c)| is_odd(*c));
            found.extend(odd.map(|(at, c)| (start + at, c, "stands at the end of this text")));
        }
        _ => {}
    }
}

/// The text as written, unless quotes or a block say that every character is meant.
fn unquoted(text: &str, span: Span) -> Option<&str> {
    let start = span.start as usize;
    // Spans end before what looks like a blank.
    let behind = text.get(span.end as usize..)?.chars().take_while(|c| is_odd(*c)).map(char::len_utf8).sum::<usize>();
    let written = text.get(start..span.end as usize + behind)?;
    if written.contains('\n') || written.starts_with(['"', '\'', '|', '>', '&', '*', '!']) {
        return None;
    }
    let before = text.get(..start)?.trim_end_matches([' ', '\t']);
    let in_block = before.ends_with('\n') && {
        let head = before.trim_end();
        let line = head.rsplit('\n').next().unwrap_or(head);
        let mark = line.rsplit([' ', ':']).next().unwrap_or("");
        mark.starts_with(['|', '>'])
    };
    (!in_block).then_some(written)
}

/// The character that is to blame for the error that ended the reading, proven: without it the reader gets further.
pub(super) fn cause(
    source: SourceId,
    text: &str,
    error: &Error,
    read: &dyn Fn(&str) -> Result<(), Error>,
) -> Option<Diagnostic> {
    if text.is_ascii() {
        return None;
    }
    let stopped = error.without_snippet().location().map_or(text.len(), |at| span_of(source, text, &at).start as usize);
    let line_end = text.get(stopped..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| stopped + end);
    let start = text.chars().next().filter(|c| *c == '\u{feff}').map_or(0, char::len_utf8);
    let all: Vec<(usize, char)> = text.char_indices().filter(|(at, c)| *at >= start && is_odd(*c)).collect();
    let line = |text: &str, error: &Error| {
        error.without_snippet().location().map_or(u64::MAX, |at| {
            let at = span_of(source, text, &at).start as usize;
            text.get(..at).map_or(0, |before| before.matches('\n').count() as u64)
        })
    };
    let before = line(text, error);
    let helps = |without: &[(usize, char)]| {
        let tried = replaced(text, without);
        read(&tried).err().is_none_or(|error| line(&tried, &error) > before)
    };
    let near = all.iter().rev().filter(|(at, _)| *at <= line_end).take(if text.len() > SMALL { 0 } else { TRIES });
    let one = near.copied().find(|one| helps(&whole_run(&all, *one))).map(|one| {
        let run = whole_run(&all, one);
        (run.first().copied().unwrap_or(one), 0)
    });
    let (found, more) = one.or_else(|| helps(&all).then(|| all.first().map(|first| (*first, all.len() - 1)))?)?;
    Some(counted(diagnostic(source, found.0, found.1, "stands where YAML wants a plain space"), more))
}

/// The characters that stand beside this one without a gap.
fn whole_run(all: &[(usize, char)], one: (usize, char)) -> Vec<(usize, char)> {
    let Some(at) = all.iter().position(|other| *other == one) else { return vec![one] };
    let touches = |left: &(usize, char), right: &(usize, char)| left.0 + left.1.len_utf8() == right.0;
    let (mut first, mut last) = (at, at);
    while first > 0 && all.get(first - 1).zip(all.get(first)).is_some_and(|(left, right)| touches(left, right)) {
        first -= 1;
    }
    while all.get(last).zip(all.get(last + 1)).is_some_and(|(left, right)| touches(left, right)) {
        last += 1;
    }
    all.get(first..=last).unwrap_or_default().to_vec()
}

fn replaced(text: &str, without: &[(usize, char)]) -> String {
    let mut tried = String::with_capacity(text.len());
    let mut done = 0;
    for (at, c) in without {
        tried.push_str(text.get(done..*at).unwrap_or(""));
        tried.extend(plain(*c));
        done = at + c.len_utf8();
    }
    tried.push_str(text.get(done..).unwrap_or(""));
    tried
}

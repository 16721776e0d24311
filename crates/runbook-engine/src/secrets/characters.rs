//! The characters of a text, each with what it is in: the text, or an escape sequence. Pure.

use runbook_model::OutsideEscapes;

/// A character of a text, where it begins, and whether it belongs to an escape sequence.
#[derive(Clone, Copy)]
pub(super) struct Character {
    pub(super) at: usize,
    pub(super) c: char,
    pub(super) hidden: bool,
    /// Counts what stands apart: text, what opens a sequence, what stands in it.
    pub(super) piece: usize,
}

/// The characters of `text`. A sequence that its line leaves open is text, with all that it holds.
pub(super) fn characters<'a>(text: &'a str, outside: impl Fn(&'a str) -> OutsideEscapes<'a>) -> Vec<Character> {
    let mut characters: Vec<Character> = Vec::with_capacity(text.len());
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let body = line.strip_suffix('\n').unwrap_or(line);
        let mut outside = outside(body);
        let mut shown = outside.by_ref().map(|(at, _)| at).collect::<Vec<_>>().into_iter().peekable();
        let open = outside.open_since().unwrap_or(body.len());
        for (at, c) in line.char_indices() {
            let hidden = shown.next_if_eq(&at).is_none() && at < open;
            let piece = match characters.as_slice() {
                [.., Character { c: '\u{1b}', .. }, opens] => opens.piece + 1,
                [.., last] => last.piece + usize::from(last.hidden != hidden),
                [] => 0,
            };
            characters.push(Character { at: begin + at, c, hidden, piece });
        }
        begin += line.len();
    }
    characters
}

//! A text without what only lays it out: white space, colours, quotes and escapes, and the case of its letters. Pure.

use runbook_model::{OutsideEscapes, outside_controls, outside_escapes};
use std::ops::Range;

/// What is left, each byte with its place in the whole text.
pub(super) struct Skeleton {
    text: String,
    places: Vec<Place>,
}

/// Where the character of a byte begins and ends, and in which piece of the text.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    piece: usize,
}

impl Skeleton {
    /// `text` without its escape sequences.
    pub(super) fn of(text: &str) -> Self {
        Self::made(letters(text, outside_escapes).into_iter().filter(|letter| !letter.hidden), text.len())
    }

    /// `text` in each way in which somebody may read it: without its escape sequences, with the strings in them, and with all of them.
    pub(super) fn readings(text: &str) -> Vec<Self> {
        let shown = |letters: &[Letter]| Self::made(letters.iter().filter(|one| !one.hidden).copied(), text.len());
        let all = letters(text, outside_escapes);
        let mut readings = vec![shown(&all)];
        if all.iter().any(|letter| letter.hidden) {
            readings.push(shown(&letters(text, outside_controls)));
            readings.push(Self::made(all.into_iter(), text.len()));
        }
        readings
    }

    fn made(letters: impl Iterator<Item = Letter>, room: usize) -> Self {
        let mut skeleton = Self { text: String::with_capacity(room), places: Vec::with_capacity(room) };
        let mut rest = letters.peekable();
        while let Some(letter) = rest.next() {
            match letter.c {
                '\\' => drop(rest.next_if(|next| "\\\"'nrt/".contains(next.c))),
                c if c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'') => {}
                _ => skeleton.push(letter),
            }
        }
        skeleton
    }

    fn push(&mut self, Letter { at, c, piece, .. }: Letter) {
        self.text.push(c.to_ascii_lowercase());
        let place = Place { start: at, end: at + c.len_utf8(), piece };
        self.places.extend(std::iter::repeat_n(place, c.len_utf8()));
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Where in the whole text `bones` stand, with so many characters of base64 on both sides.
    pub(super) fn find(&self, bones: &str, beside: usize) -> Vec<Range<usize>> {
        let found = self.text.match_indices(bones);
        found.filter_map(|(at, found)| self.whole(at, at + found.len(), beside)).collect()
    }

    fn whole(&self, from: usize, to: usize, beside: usize) -> Option<Range<usize>> {
        let encoded = |at: &usize| {
            let byte = self.text.as_bytes().get(*at);
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte))
        };
        // What is laid out apart is another word, and so are a sequence and the text beside it.
        let joined = |at: usize| {
            let places = (at.checked_sub(1).and_then(|before| self.places.get(before)), self.places.get(at));
            matches!(places, (Some(one), Some(next)) if one.end == next.start && one.piece == next.piece)
        };
        let before = (0..from).rev().take(beside).take_while(|at| encoded(at) && joined(at + 1)).count();
        let after = (to..self.places.len()).take(beside).take_while(|at| encoded(at) && joined(*at)).count();
        let first = self.places.get(from - before)?;
        let last = self.places.get((to + after).checked_sub(1)?)?;
        Some(first.start..last.end)
    }
}

/// A character of a text, where it begins, and whether it belongs to an escape sequence.
#[derive(Clone, Copy)]
struct Letter {
    at: usize,
    c: char,
    hidden: bool,
    /// Counts what stands apart: text, what opens a sequence, what stands in it.
    piece: usize,
}

/// The characters of `text`. A sequence that its line leaves open is text, with all that it holds.
fn letters<'a>(text: &'a str, outside: impl Fn(&'a str) -> OutsideEscapes<'a>) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::with_capacity(text.len());
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let body = line.strip_suffix('\n').unwrap_or(line);
        let mut outside = outside(body);
        let mut shown = outside.by_ref().map(|(at, _)| at).collect::<Vec<_>>().into_iter().peekable();
        let open = outside.open_since().unwrap_or(body.len());
        for (at, c) in line.char_indices() {
            let hidden = shown.next_if_eq(&at).is_none() && at < open;
            let piece = match letters.as_slice() {
                [.., Letter { c: '\u{1b}', .. }, opens] => opens.piece + 1,
                [.., last] => last.piece + usize::from(last.hidden != hidden),
                [] => 0,
            };
            letters.push(Letter { at: begin + at, c, hidden, piece });
        }
        begin += line.len();
    }
    letters
}

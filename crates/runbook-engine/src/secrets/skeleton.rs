//! A text without what only lays it out: white space, colours, quotes and escapes, and the case of its letters. Pure.

use super::characters::{Character, characters};
use runbook_model::{outside_controls, outside_escapes};
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
        Self::made(characters(text, outside_escapes).into_iter().filter(|character| !character.hidden), text.len())
    }

    /// `text` in each way in which somebody may read it: without its escape sequences, with the strings in them, and with all of them.
    pub(super) fn readings(text: &str) -> Vec<Self> {
        let shown =
            |characters: &[Character]| Self::made(characters.iter().filter(|one| !one.hidden).copied(), text.len());
        let all = characters(text, outside_escapes);
        let mut readings = vec![shown(&all)];
        if all.iter().any(|character| character.hidden) {
            readings.push(shown(&characters(text, outside_controls)));
            readings.push(Self::made(all.into_iter(), text.len()));
        }
        readings
    }

    fn made(characters: impl Iterator<Item = Character>, room: usize) -> Self {
        let mut skeleton = Self { text: String::with_capacity(room), places: Vec::with_capacity(room) };
        let mut rest = characters.peekable();
        while let Some(character) = rest.next() {
            match character.c {
                '\\' => drop(rest.next_if(|next| "\\\"'nrt/".contains(next.c))),
                c if c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'') => {}
                _ => skeleton.push(character),
            }
        }
        skeleton
    }

    fn push(&mut self, Character { at, c, piece, .. }: Character) {
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

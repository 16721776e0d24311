//! A text without what only lays it out: white space, colours, quotes and escapes, and the case of its letters. Pure.

use runbook_model::outside_escapes;
use std::ops::Range;

/// What is left, each byte with its place in the whole text.
pub(super) struct Skeleton {
    text: String,
    /// Where the character of each byte begins and ends.
    places: Vec<(usize, usize)>,
}

impl Skeleton {
    pub(super) fn of(text: &str) -> Self {
        let mut skeleton = Self { text: String::with_capacity(text.len()), places: Vec::with_capacity(text.len()) };
        let mut rest = readable(text).into_iter().peekable();
        while let Some((at, c)) = rest.next() {
            match c {
                '\\' => drop(rest.next_if(|(_, next)| "\\\"'nrt/".contains(*next))),
                c if c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'') => {}
                c => skeleton.push(c.to_ascii_lowercase(), at),
            }
        }
        skeleton
    }

    fn push(&mut self, c: char, at: usize) {
        self.text.push(c);
        let place = (at, at + c.len_utf8());
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
        // What is laid out apart is another word.
        let joined = |at: usize| {
            let places = (at.checked_sub(1).and_then(|before| self.places.get(before)), self.places.get(at));
            matches!(places, (Some((_, end)), Some((start, _))) if end == start)
        };
        let before = (0..from).rev().take(beside).take_while(|at| encoded(at) && joined(at + 1)).count();
        let after = (to..self.places.len()).take(beside).take_while(|at| encoded(at) && joined(*at)).count();
        let (start, _) = self.places.get(from - before)?;
        let (_, end) = self.places.get((to + after).checked_sub(1)?)?;
        Some(*start..*end)
    }
}

/// The characters outside of escape sequences. A sequence that its line leaves open is text: nothing stands behind it unread.
fn readable(text: &str) -> Vec<(usize, char)> {
    let mut found = Vec::with_capacity(text.len());
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let body = line.strip_suffix('\n').unwrap_or(line);
        let mut outside = outside_escapes(body);
        found.extend(outside.by_ref().map(|(at, c)| (begin + at, c)));
        let introducer = |c| matches!(c, '\u{1b}' | '\u{80}'..='\u{9f}');
        let open = if outside.is_open() { body.rfind(introducer) } else { None };
        let from = begin + open.unwrap_or(body.len());
        found.extend(
            text.get(from..begin + line.len()).unwrap_or_default().char_indices().map(|(at, c)| (from + at, c)),
        );
        begin += line.len();
    }
    found
}

//! The texts by which secrets are recognised, and where they stand in another text. Pure.
//!
//! A secret is recognised as it is, and one that is not too short also in the encodings that programs write, in other
//! letters, broken into lines, coloured, and where somebody has cut it off.

use super::encodings::{base64_cores, plain_forms};
use super::skeleton::Skeleton;
use std::ops::Range;
use zeroize::Zeroize;

/// Shorter secrets are recognised as they are and in no other form: those would be everywhere.
pub(super) const ENCODED: usize = 6;
/// A line of a secret that is shorter says nothing.
const LINE: usize = 4;
/// How much of a secret that was cut off counts as a part of it.
const CUT: usize = 4;
/// How many characters beside those that are surely of a secret may hold a part of it in base64.
const BESIDE: usize = 4;
/// What stands where a text was cut off.
const ELLIPSIS: char = '…';

/// What is shown instead of the secret `name`.
pub(crate) fn placeholder(name: &str) -> String {
    format!("(secret {name})")
}

/// Everything by which the secrets of a run are recognised.
#[derive(Default)]
pub(super) struct Marks(Vec<Mark>);

/// One secret.
struct Mark {
    name: String,
    shown: String,
    /// The secret, without the white space around it, and its lines; the longest first.
    texts: Vec<String>,
    /// What is left of its forms in a [`Skeleton`].
    bones: Vec<String>,
    /// The same for base64, which has parts of it beside them too.
    cores: Vec<String>,
    number: Option<f64>,
}

/// What a text is, which decides what may be struck out of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Told to people.
    Told,
    /// An output of a step.
    Output,
    /// What the way back goes by: no name of a path may change by chance.
    Undo,
}

impl Marks {
    pub(super) fn add(&mut self, name: &str, secret: &str) {
        let mark = Mark::of(name, secret);
        self.0.retain(|other| other.shown != mark.shown);
        if !mark.texts.is_empty() {
            self.0.push(mark);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the secret that stands in `text` so that it is no accident.
    pub(super) fn surely_in(&self, text: &str) -> Option<&str> {
        let long = |mark: &&Mark| mark.texts.first().is_some_and(|text| text.len() >= ENCODED);
        let mut found = self.0.iter().filter(long);
        found.find(|mark| !mark.ranges(text, Place::Told).is_empty()).map(|mark| mark.name.as_str())
    }

    /// `text` with what shows instead of the secrets in it; `None` if there are none.
    pub(super) fn strike(&self, text: &str, place: Place) -> Option<String> {
        let kept = self.placeholders(text);
        let mut hits: Vec<(Range<usize>, &str)> = Vec::new();
        for mark in &self.0 {
            let ranges = mark.ranges(text, place).into_iter();
            let free = |range: &Range<usize>| !kept.iter().any(|kept| overlaps(kept, range));
            hits.extend(ranges.filter(free).map(|range| (range, mark.shown.as_str())));
        }
        if hits.is_empty() {
            return None;
        }
        hits.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut struck = String::with_capacity(text.len());
        let mut at = 0;
        for (range, shown) in hits {
            if range.start >= at {
                struck.push_str(text.get(at..range.start).unwrap_or_default());
                struck.push_str(shown);
            }
            at = at.max(range.end);
        }
        struck.push_str(text.get(at..).unwrap_or_default());
        Some(struck)
    }

    /// What shows instead of a number that is a secret, or has one among its digits. A number of few digits may be
    /// anything.
    pub(super) fn strike_number(&self, number: &serde_json::Number, place: Place) -> Option<&str> {
        let (equal, within) = match place {
            Place::Told => return None,
            Place::Output => (3, ENCODED),
            Place::Undo => (ENCODED, 8),
        };
        let digits = number.to_string();
        let is = |mark: &&Mark| {
            let same = mark.number.is_some() && mark.number == number.as_f64();
            mark.texts.iter().any(|text| {
                (text.len() >= equal && (same || *text == digits))
                    || (text.len() >= within && digits.contains(text.as_str()))
            })
        };
        self.0.iter().find(is).map(|mark| mark.shown.as_str())
    }

    /// What shows instead of `true` or `false` where that is the whole secret.
    pub(super) fn strike_bool(&self, value: bool, place: Place) -> Option<&str> {
        let word = if value { "true" } else { "false" };
        let is = |mark: &&Mark| place == Place::Output && mark.texts.first().is_some_and(|text| text == word);
        self.0.iter().find(is).map(|mark| mark.shown.as_str())
    }

    fn placeholders(&self, text: &str) -> Vec<Range<usize>> {
        self.0.iter().flat_map(|mark| every(text, &mark.shown)).collect()
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        [&mut self.texts, &mut self.bones, &mut self.cores].into_iter().for_each(Zeroize::zeroize);
    }
}

impl Mark {
    fn of(name: &str, secret: &str) -> Self {
        let whole = secret.trim();
        let lines = secret.lines().map(str::trim).filter(|line| line.len() >= LINE && *line != whole);
        let mut texts: Vec<String> =
            std::iter::once(whole).filter(|whole| !whole.is_empty()).chain(lines).map(str::to_owned).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        let long = || texts.iter().filter(|text| text.len() >= ENCODED);
        let forms = long().flat_map(|text| plain_forms(text).into_iter().chain([text.clone()]));
        let bare = |forms: Vec<String>| {
            let bones = forms.iter().map(|form| Skeleton::of(form).into_text());
            let mut bones: Vec<String> = bones.filter(|bones| bones.len() >= ENCODED).collect();
            bones.sort_unstable();
            bones.dedup();
            bones
        };
        let bones = bare(forms.collect());
        let cores = bare(long().flat_map(|text| base64_cores(text)).collect());
        Self {
            name: name.to_owned(),
            shown: placeholder(name),
            number: whole.parse().ok().filter(|n: &f64| n.is_finite()),
            texts,
            bones,
            cores,
        }
    }

    /// Where the secret stands in `text`, in no order; the places may overlap.
    fn ranges(&self, text: &str, place: Place) -> Vec<Range<usize>> {
        // Paths cannot be made from secrets, and undo data that names another path would be no way back.
        let is_path = place != Place::Told && text.starts_with('/') && !text.contains('\n');
        if is_path {
            let sure = |mark: &&String| **mark == text || mark.len() >= 16;
            return self.texts.iter().filter(sure).flat_map(|mark| every(text, mark)).collect();
        }
        let mut found: Vec<Range<usize>> = self.texts.iter().flat_map(|mark| every(text, mark)).collect();
        if !self.bones.is_empty() && text.len() >= ENCODED {
            for reading in Skeleton::readings(text) {
                found.extend(self.bones.iter().flat_map(|bones| reading.find(bones, 0)));
                found.extend(self.cores.iter().flat_map(|core| reading.find(core, BESIDE)));
            }
        }
        if place != Place::Undo {
            found.extend(self.texts.iter().filter(|mark| mark.len() >= 2 * CUT).flat_map(|mark| cut_off(text, mark)));
        }
        found
    }
}

/// Every place of `what` in `text`.
fn every(text: &str, what: &str) -> Vec<Range<usize>> {
    text.match_indices(what).map(|(at, found)| at..at + found.len()).collect()
}

fn overlaps(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// Where the beginning of `mark` stands at the end of `text`, its end at the beginning, and both at an ellipsis.
fn cut_off(text: &str, mark: &str) -> Vec<Range<usize>> {
    let ends = text.match_indices(ELLIPSIS).map(|(at, _)| at).chain([text.len()]);
    let begins = text.match_indices(ELLIPSIS).map(|(at, found)| at + found.len()).chain([0]);
    let parts = || mark.char_indices().map(|(at, _)| at).filter(|at| *at > 0);
    let before = |end: usize| {
        let text = text.get(..end)?;
        let part = parts().rev().filter(|at| *at >= CUT).find(|at| text.ends_with(mark.get(..*at).unwrap_or(mark)))?;
        Some(end - part..end)
    };
    let after = |begin: usize| {
        let text = text.get(begin..)?;
        let rest = |at: usize| mark.get(at..).unwrap_or(mark);
        let part = parts().filter(|at| mark.len() - at >= CUT).find(|at| text.starts_with(rest(*at)))?;
        Some(begin..begin + rest(part).len())
    };
    ends.filter_map(before).chain(begins.filter_map(after)).collect()
}

//! Names of things: steps and runs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The id of a step, unique in its plan: a letter, then letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// The id, if `text` is a well-formed one.
    pub fn new(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let well_formed = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The id as written in the plan.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The id of a run: lower-case letters and digits. Whole it is the name of directories and of the run in every document;
/// printed it is [`RunId::short`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Digits and letters that cannot be mistaken for one another on a screen.
    const ALPHABET: &'static [u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    /// Characters of an id that is drawn, and the longest that there is.
    const WHOLE: usize = 16;
    /// Characters that people see of one, and type.
    const SHORT: usize = 6;

    /// The id, if `text` is one to sixteen lower-case letters and digits. It also names a directory, so nothing else passes.
    pub fn new(text: &str) -> Option<Self> {
        let well_formed = (1..=Self::WHOLE).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The id of sixteen characters that these 80 bits of the caller's randomness make.
    pub fn from_entropy(bytes: [u8; 10]) -> Self {
        let bits = bytes.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        let digit = |place: usize| Self::ALPHABET[(bits >> (5 * place)) as usize & 31] as char;
        Self((0..Self::WHOLE).rev().map(digit).collect())
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as people see and type it: the beginning of one of full length, and a shorter one whole. No two runs of a host
    /// have the same, because an id is drawn again where another run has its beginning.
    pub fn short(&self) -> &str {
        match self.0.len() {
            Self::WHOLE => &self.0[..Self::SHORT],
            _ => &self.0,
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::RunId;

    #[test]
    fn every_bit_counts_and_people_see_a_beginning() {
        let ids = std::iter::once([0; 10]).chain((0..80).map(|bit| {
            let mut bytes = [0; 10];
            bytes[bit / 8] = 1 << (bit % 8);
            bytes
        }));
        let ids: std::collections::HashSet<RunId> = ids.map(RunId::from_entropy).collect();
        assert_eq!(ids.len(), 81);
        assert!(ids.iter().all(|id| id.as_str().len() == 16 && RunId::new(id.as_str()).as_ref() == Some(id)));
        let id = RunId::from_entropy([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]);
        assert_eq!((id.as_str(), id.to_string().as_str()), ("zzzzzzr000000001", "zzzzzz"));
        assert_eq!(serde_json::to_value(&id).unwrap(), "zzzzzzr000000001");
    }

    #[test]
    fn an_id_of_older_journals_is_shown_whole() {
        for id in ["7k2m9c", "r1", "abcdefghijklmno"] {
            assert_eq!(RunId::new(id).unwrap().to_string(), id);
        }
    }
}

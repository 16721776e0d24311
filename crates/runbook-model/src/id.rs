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

/// The id of a run: lower-case letters and digits, short enough to type from a screen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Digits and letters that cannot be mistaken for one another on a screen.
    const ALPHABET: &'static [u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// The id, if `text` is one to sixteen lower-case letters and digits. It also names a directory, so nothing else passes.
    pub fn new(text: &str) -> Option<Self> {
        let well_formed =
            (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        well_formed.then(|| Self(text.to_owned()))
    }

    /// A six-character id made from 30 bits of the caller's randomness.
    pub fn from_entropy(bits: u32) -> Self {
        let digits = (0..6).map(|i| Self::ALPHABET[(bits >> (5 * i)) as usize & 31] as char);
        Self(digits.collect())
    }

    /// The id as printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

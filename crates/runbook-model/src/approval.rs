//! A step that waits for a person, and the person's yes.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a step waits for that only a person can give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What the person is asked to decide.
    pub message: String,
    /// The command that says yes.
    pub answer: String,
}

/// A person's yes to a step that waits for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// When it was given, in milliseconds since 1970.
    pub at: i64,
    /// The reason given; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

impl fmt::Display for Approval {
    /// `approved by ada: it is quiet`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "approved by {}", self.by)?;
        if self.because.is_empty() { Ok(()) } else { write!(out, ": {}", self.because) }
    }
}

//! Bad news for the operator: why a step, an undo or a run did not do what it should. Data inside events.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What sort of failure it was; policy and exit codes depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A command, a write or a check did not succeed.
    Failed,
    /// It took longer than it was allowed to.
    TimedOut,
    /// The operator cancelled.
    Cancelled,
    /// A rule, gate or window said no before anything was done.
    Refused,
    /// The evidence neither proves nor disproves.
    Inconclusive,
    /// Something that this run needs is not on the host: a program, a file, a permission, space.
    Missing,
}

/// One failure: the thing, the place, the next action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort.
    pub kind: FailureKind,
    /// One sentence without a full stop that names the thing and the place.
    pub message: String,
    /// The last lines that a program said, or a matrix of what was seen; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The next action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// A failure of `kind`.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: String::new(), hint: None }
    }

    /// Something did not succeed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// A rule, gate or window said no before anything was done.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, message)
    }

    /// The host lacks something.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Missing, message)
    }

    /// The same with what a program said.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The same with the next action.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

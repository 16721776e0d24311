//! What probes and signals saw.

use serde::{Deserialize, Serialize};

/// What a probe says that `apply` would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "prediction", rename_all = "kebab-case")]
pub enum Prediction {
    /// The host is already as the step wants it.
    NoChange {
        /// What is there.
        summary: String,
    },
    /// It would change something.
    Change {
        /// What would change, in one line.
        summary: String,
        /// A unified diff, where one says more than the summary.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diff: Option<String>,
    },
    /// It depends on what these steps put out or do.
    Unknown {
        /// The step to wait for.
        until: crate::StepId,
    },
    /// Nothing can tell before it runs.
    CannotPredict {
        /// Why not.
        because: String,
    },
}

impl Prediction {
    /// Nothing to do.
    pub fn no_change(summary: impl Into<String>) -> Self {
        Self::NoChange { summary: summary.into() }
    }

    /// A change without a diff.
    pub fn change(summary: impl Into<String>) -> Self {
        Self::Change { summary: summary.into(), diff: None }
    }

    /// A change with a unified diff.
    pub fn change_with(summary: impl Into<String>, diff: impl Into<String>) -> Self {
        Self::Change { summary: summary.into(), diff: Some(diff.into()) }
    }

    /// Whether the host is already as wanted.
    pub fn is_no_change(&self) -> bool {
        matches!(self, Self::NoChange { .. })
    }
}

/// How much a signal decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalRole {
    /// Red means that the verification fails.
    Blocking,
    /// Adds to the picture; never decides alone.
    Confirming,
    /// Shown only.
    Advisory,
}

/// What a signal is evidence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalKind {
    /// The process lives and answers.
    Health,
    /// A real flow works.
    Functional,
    /// A known error is absent.
    Negative,
}

/// What a signal's reading means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalVerdict {
    /// As wanted.
    Green,
    /// Not as wanted.
    Red,
    /// It could not be read; neither proves nor disproves.
    Unread,
    /// It was not as wanted when reading ended, and its time was not up: another signal had decided. Neither proves nor
    /// disproves.
    #[serde(rename = "not-yet")]
    NotYet,
}

/// One reading of one signal: a row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The signal's name in the plan.
    pub signal: String,
    /// How much it decides.
    pub role: SignalRole,
    /// What it is evidence of.
    pub kind: SignalKind,
    /// What was read.
    pub read: String,
    /// What was wanted.
    pub wanted: String,
    /// What that means.
    pub verdict: SignalVerdict,
    /// Where it was read, if that is a place: `/srv/demo/demo.log:41`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// All of the line, or of what a program said, where `read` shows a part of it; at most 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<String>,
}

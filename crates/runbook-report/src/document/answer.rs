//! An answer to a line of a checklist.

use runbook_model::Next;

/// How a line of a checklist is answered, from the least to the most that a person has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sign {
    NotApplicable,
    Checked,
    Missing,
    /// It was looked at, and is not as wanted.
    Red,
}

impl Sign {
    /// The one of two that a person has to look at.
    pub(crate) fn worse(self, other: Self) -> Self {
        self.max(other)
    }
}

/// One line's answer with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) sign: Sign,
    pub(crate) evidence: String,
    /// A command that is evidence as well.
    pub(crate) command: Option<Next>,
}

impl Answer {
    pub(super) fn new(sign: Sign, evidence: impl Into<String>) -> Self {
        Self { sign, evidence: evidence.into(), command: None }
    }

    pub(super) fn checked(evidence: impl Into<String>) -> Self {
        Self::new(Sign::Checked, evidence)
    }

    pub(super) fn missing(evidence: impl Into<String>) -> Self {
        Self::new(Sign::Missing, evidence)
    }

    pub(super) fn not_applicable(why: impl Into<String>) -> Self {
        Self::new(Sign::NotApplicable, why)
    }
}

//! How steps and runs end, and why a run is taken back.

use crate::{Failure, StepId};
use serde::{Deserialize, Serialize};

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The host was as wanted; or the step only reads and did.
    Unchanged {
        /// What is there.
        summary: String,
    },
    /// The host was changed, and the change was confirmed.
    Changed {
        /// What changed.
        summary: String,
    },
    /// It did not have to run.
    Skipped {
        /// Why.
        because: String,
    },
    /// It failed, was cancelled or ran out of time.
    Failed(Failure),
}

/// Why a run is rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum RollbackCause {
    /// A step failed.
    StepFailed {
        /// The step.
        step: StepId,
    },
    /// The operator cancelled the run.
    Cancelled,
    /// The operator asked for it with `runbook rollback`.
    Requested,
    /// It held, and nobody committed it.
    NotCommitted,
    /// It was to go on where nobody is there, and a step that was left would have failed.
    CannotGoOn {
        /// What was in the way.
        because: String,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every step ended well.
    Succeeded,
    /// It was taken back, and no signal that was green before is known to be lost.
    RolledBack,
    /// It failed and stands where it failed, because the plan says `on_failure: stop`.
    Stopped,
    /// It was open or stuck, and a person closed it by hand: the host is as it should be.
    Accepted,
    /// It was drained or refused before it changed anything.
    Refused,
    /// An undo failed, or the host is not as it was after the rollback.
    Stuck,
}

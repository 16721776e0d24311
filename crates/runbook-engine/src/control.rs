//! What steers a run from outside. Who sends it (a terminal, another process, another host) is not known here.

use runbook_model::{Approval, Decided, StepId};
use serde::{Deserialize, Serialize};

/// What the holder of a run's controls may tell it. What no longer applies is ignored: a run may move on at any moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "kebab-case")]
pub enum Control {
    /// Start nothing more, finish what runs, and leave the run open.
    Drain,
    /// Stop what runs and follow `on_failure`. While the run is taken back the same as [`Drain`](Self::Drain), for half
    /// an undo is nowhere.
    Cancel,
    /// End what runs, and leave at once. The journal resumes.
    Leave,
    /// The answer to [`DecisionAsked`](runbook_model::Event::DecisionAsked) about `step`.
    Answer {
        /// The verification.
        step: StepId,
        /// What, and by whom.
        decided: Decided,
    },
    /// What the run holds stays. A run that does not hold is not changed by it.
    Commit {
        /// Who.
        by: String,
    },
    /// Lets `step`, which waits for a person or will, go on.
    Approve {
        /// The step.
        step: StepId,
        /// Who, when and why.
        approval: Approval,
    },
}

//! What steers a run from outside. Who sends it (a terminal, another process, another host) is not known here.

use runbook_model::{Approval, Decided, StepId};
use serde::{Deserialize, Serialize};

/// What the holder of a run's controls may tell it, and what a frame of JSON holds for one at a distance.
/// What makes no sense where the run is changes nothing, and is on record as
/// [`ControlRefused`](runbook_model::Event::ControlRefused); what is so already is not told again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Control {
    /// What may be written down on its way, too.
    Letter(Letter),
}

/// A control that may lie in a file until the run takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "kebab-case")]
pub enum Letter {
    /// Start nothing more, finish what runs, and leave the run open.
    Drain,
    /// Stop what runs and follow `on_failure`. While the run is taken back the same as [`Drain`](Self::Drain), for half
    /// an undo is nowhere.
    Cancel,
    /// End what runs, and leave at once. The journal resumes.
    Leave,
    /// The answer to a [`DecisionAsked`](runbook_model::Event::DecisionAsked) about `step`.
    Answer {
        /// The verification.
        step: StepId,
        /// The number of the record that asks.
        asked: u64,
        /// What, and by whom.
        #[serde(flatten)]
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

impl From<Letter> for Control {
    fn from(letter: Letter) -> Self {
        Self::Letter(letter)
    }
}

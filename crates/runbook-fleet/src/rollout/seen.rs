//! What a controller sees of a rollout, and what comes to it from the threads of its hosts.

use runbook_model::{HostName, Record, StepId};
use runbook_rollout::{Came, RolloutRecord, Target};

/// What a controller sees.
#[derive(Clone, Debug)]
pub enum Seen {
    /// Something came on record of the rollout.
    Record(Box<RolloutRecord>),
    /// Something came on record of a run.
    Run {
        /// Whose.
        target: Target,
        /// What.
        record: Box<Record>,
    },
    /// What a step is doing.
    Progress {
        /// Whose.
        target: Target,
        /// The step.
        step: StepId,
        /// In words.
        note: String,
    },
    /// What is in the way of a host, in words.
    Note {
        /// The host.
        host: HostName,
        /// What.
        text: String,
    },
}

/// What comes from the thread of a host.
pub(super) enum FromHost {
    Came(Came),
    Seen(Seen),
}

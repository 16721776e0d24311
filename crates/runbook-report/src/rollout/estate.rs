//! All that is told of an attempt.

use crate::document::RunDocument;
use runbook_model::{HostName, StepId};
use runbook_rollout::{RolloutRecord, RolloutState, Target, Waves};
use std::collections::BTreeMap;

/// What there is to tell of an attempt.
pub struct Estate<'a> {
    /// What it asks of which hosts.
    pub waves: &'a Waves,
    /// The state after all of its records.
    pub state: &'a RolloutState,
    /// Its records, or as many of the last ones as are told of.
    pub records: &'a [RolloutRecord],
    /// What hosts are doing right now, as far as this controller hears.
    pub doing: &'a BTreeMap<HostName, Doing>,
    /// The runs that were read from their hosts.
    pub runs: &'a [(Target, RunDocument<'a>)],
    /// How long it has gone on, in milliseconds.
    pub elapsed_ms: u64,
}

/// What a host is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doing {
    /// The step.
    pub step: StepId,
    /// What it says.
    pub note: String,
}

impl Estate<'_> {
    /// The run of a target, if it was read.
    pub(super) fn run(&self, target: &Target) -> Option<&RunDocument<'_>> {
        self.runs.iter().find(|(of, _)| of == target).map(|(_, run)| run)
    }
}

//! Those who watch a run. Nothing that an observer does or fails to do changes the run.

use runbook_model::{Record, StepId};
use serde::{Deserialize, Serialize};

/// Watches a run.
/// It has a thread of its own, and may take its time there: the run goes on without it.
pub trait Observer: Send {
    /// A record that is in the journal. Every record is told, in order, unless the run is over and the observer stuck.
    fn record(&mut self, record: &Record);

    /// What a step is doing; may be dropped.
    fn progress(&mut self, _step: &StepId, _note: &str) {}

    /// Time passes; called a few times a second while something is under way.
    fn tick(&mut self, _now_ms: i64) {}

    /// The run was told to drain, to cancel or to leave, and this is what that means now. Told once for each.
    fn interrupted(&mut self, _interrupt: Interrupt) {}
}

/// What it means to be told to drain, to cancel or to leave, by where the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interrupt {
    /// Nothing more is started, what runs is finished.
    Draining,
    /// What runs is stopped.
    Cancelling,
    /// Nothing more is taken back, what runs is finished.
    Pausing {
        /// It was told to cancel, which does no more than to drain does here.
        cancel: bool,
    },
    /// `runbook` ends at once and leaves a journal that resumes.
    Leaving,
}

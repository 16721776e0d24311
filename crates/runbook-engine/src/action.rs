//! What a run does next, in order.

use runbook_model::{Deadline, Event, Outcome, Results, StepId, UndoPhase, Verdict};
use std::time::Duration;

/// Something to do, in order: everything that is recorded before a job must be in the journal before the job starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Append this to the journal and fold it in.
    Record(Event),
    /// Start this.
    Start(Job),
    /// Wait for this.
    Await(Await),
}

/// What comes in by itself or from outside, as one [`Input`](crate::Input), and needs no thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Await {
    /// What a person says follows from evidence that does not tell.
    Answer(StepId),
    /// A secret that is handed in by a control.
    Secret {
        /// The variable.
        secret: String,
        /// For so long.
        within: Duration,
    },
    /// The time before another attempt.
    Pause {
        /// The step.
        step: StepId,
        /// For so long.
        pause: Duration,
    },
    /// What the clock says: until when a run holds.
    Clock {
        /// For so long.
        within: Duration,
    },
    /// A commit, until then.
    Commit(Deadline),
}

/// A piece of work for a thread. Each ends in one [`Input`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Read the signals before the first change.
    Baseline(StepId),
    /// Evaluate the condition, probe, prepare.
    Begin {
        /// The step.
        step: StepId,
        /// Act even if the probe finds nothing to do: what it serves has changed.
        forced: bool,
    },
    /// Apply and confirm.
    Act(StepId),
    /// After a crash: confirm, and apply only if the change is not there.
    Recheck(StepId),
    /// Take a part of a step back.
    Undo {
        /// The step.
        step: StepId,
        /// The part.
        phase: UndoPhase,
    },
    /// Read the signals after the rollback.
    Verify(StepId),
    /// Compare what the rollback kept with the backup of this step.
    Compare(StepId),
    /// See how the service of this step is before the first change.
    Find(StepId),
    /// Bring up the service of this step if a boot left it down.
    Revive(StepId),
    /// Let go of a service and read it, for the end of the run.
    Close {
        /// The step by which it is reached.
        step: StepId,
        /// The service.
        service: String,
    },
}

/// The record and the job of taking back a part of `step`.
pub(crate) fn undo(step: &StepId, phase: UndoPhase) -> [Action; 2] {
    let step = step.clone();
    [Action::Record(Event::UndoStarted { step: step.clone(), phase }), Action::Start(Job::Undo { step, phase })]
}

/// The record of how a step ended that hands nothing on and read no signals.
pub(crate) fn ended(step: StepId, outcome: Outcome) -> Action {
    Action::Record(Event::StepFinished { step, outcome, results: Results::default(), readings: Vec::new() })
}

/// The last record.
pub(crate) fn over(verdict: Verdict, note: impl Into<String>) -> Vec<Action> {
    vec![Action::Record(Event::RunFinished { verdict, note: note.into() })]
}

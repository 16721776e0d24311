//! The life of one step: which status may follow which, in one match. Everything else is an illegal transition.

use crate::{Event, Outcome, UndoPhase};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a step is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Not begun.
    #[default]
    Pending,
    /// Being probed or prepared; the host is untouched by it.
    Started,
    /// Its intent is durable: it may have changed the host.
    Intended,
    /// An attempt failed and another one will follow; it may have changed the host.
    Retrying,
    /// Ended without having to change anything.
    Unchanged,
    /// Changed the host, and the change was confirmed.
    Changed,
    /// Did not run: its condition was false, or nothing that it serves had anything to do.
    Skipped,
    /// Failed before its intent: the host is untouched by it.
    FailedUntouched,
    /// Failed after its intent: half-done is the usual case.
    FailedTouched,
    /// What it brought up is being brought down.
    Halting,
    /// What it brought up is down.
    Halted,
    /// Being undone.
    Undoing,
    /// Undone.
    Undone,
    /// Bringing down or undoing failed: stuck.
    UndoFailed,
}

impl StepStatus {
    /// Whether it is over as far as going forward is concerned.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::Started | Self::Intended | Self::Retrying)
    }

    /// Whether steps that wait for it may start.
    pub fn satisfies(self) -> bool {
        matches!(self, Self::Unchanged | Self::Changed | Self::Skipped)
    }

    /// Whether the host may carry its traces, so that a rollback has to undo it.
    pub fn may_have_touched(self) -> bool {
        use StepStatus::{Changed, FailedTouched, Halted, Halting, Intended, Retrying, UndoFailed, Undoing};
        matches!(self, Intended | Retrying | Changed | FailedTouched | Halting | Halted | Undoing | UndoFailed)
    }
}

/// An event that cannot follow a status: a damaged journal or a fault of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IllegalTransition {
    /// The status.
    pub from: StepStatus,
    /// The name of the event.
    pub event: &'static str,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot follow the status {:?}", self.event, self.from)
    }
}

impl std::error::Error for IllegalTransition {}

/// The status of a step after `event`, which is about that step.
///
/// After a crash the same step may start or be undone once more; that is why `StepStarted` may follow `Started` and
/// `Intended`, and `UndoStarted` may follow itself. A service step may be brought down again after it was undone,
/// when state is restored because the verification after the rollback stayed red.
pub fn next_status(from: StepStatus, event: &Event) -> Result<StepStatus, IllegalTransition> {
    use StepStatus::{
        Changed, FailedTouched, FailedUntouched, Halted, Halting, Intended, Pending, Retrying, Skipped, Started,
        Unchanged, UndoFailed, Undoing, Undone,
    };
    let touched = from.may_have_touched();
    let to = match (from, event) {
        (Pending | Started, Event::StepStarted { .. }) => Started,
        (Intended | Retrying, Event::StepStarted { .. }) => Intended,
        (Started, Event::StepIntended { .. }) => Intended,
        (Started, Event::StepRetrying { .. }) => Started,
        (Intended, Event::StepRetrying { .. }) => Retrying,
        (Pending, Event::StepFinished { outcome: Outcome::Skipped { .. }, .. }) => Skipped,
        (Started, Event::StepFinished { outcome, .. }) => match outcome {
            Outcome::Unchanged { .. } => Unchanged,
            Outcome::Failed(_) => FailedUntouched,
            Outcome::Skipped { .. } => Skipped,
            Outcome::Changed { .. } => return illegal(from, event),
        },
        (Intended | Retrying, Event::StepFinished { outcome, .. }) => match outcome {
            Outcome::Changed { .. } | Outcome::Unchanged { .. } => Changed,
            Outcome::Failed(_) => FailedTouched,
            Outcome::Skipped { .. } => return illegal(from, event),
        },
        (_, Event::UndoStarted { phase, .. }) if touched || matches!(from, Undone | Unchanged) => match phase {
            UndoPhase::Halt => Halting,
            UndoPhase::Undo | UndoPhase::Insurance => Undoing,
        },
        (Halting, Event::UndoFinished { failure: None, .. }) => Halted,
        (Undoing, Event::UndoFinished { failure: None, .. }) => Undone,
        (Halting | Undoing, Event::UndoFinished { failure: Some(_), .. }) => UndoFailed,
        _ => return illegal(from, event),
    };
    Ok(to)
}

fn illegal(from: StepStatus, event: &Event) -> Result<StepStatus, IllegalTransition> {
    Err(IllegalTransition { from, event: event.name() })
}

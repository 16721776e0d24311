//! What a run has to react to.

use crate::Came;
use runbook_model::{
    Approval, Deadline, Decided, Failure, Reading, Remains, Results, ServiceSeen, ServiceState, StepId, UndoPhase,
    UndoRecord, Waiting,
};
use serde_json::Value as Json;

/// Something that the run has to react to.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A new run; its header and predictions are recorded.
    Begin,
    /// This process goes on with a run; that is recorded.
    Resume,
    /// Records were folded in, or a job ended. `idle` is whether no job is under way.
    Advance {
        /// No job is under way.
        idle: bool,
    },
    /// What runs is finished, nothing more is started, and the run stays open.
    Drain,
    /// What runs is stopped. In a rollback the same as `Drain`.
    Cancel,
    /// A baseline was read.
    BaselineTaken {
        /// The verification.
        step: StepId,
        /// Its rows.
        readings: Vec<Reading>,
        /// Its positions.
        marks: Json,
        /// Why there are none.
        failure: Option<Failure>,
    },
    /// A step was probed and prepared.
    Began {
        /// The step.
        step: StepId,
        /// What came of it.
        began: Began,
    },
    /// A step that acts waits for a person.
    Waits {
        /// The step.
        step: StepId,
        /// For what.
        waiting: Waiting,
    },
    /// A person lets a step go on.
    Approved {
        /// The step.
        step: StepId,
        /// Who, when and why.
        approval: Approval,
    },
    /// A person was asked what follows from evidence that does not tell.
    Decided {
        /// The verification.
        step: StepId,
        /// The answer; `None` if the question was withdrawn, because the run is interrupted or ends anyway.
        decided: Option<Decided>,
    },
    /// Waiting for a secret that is handed in is over.
    Secret {
        /// The variable.
        secret: String,
        /// How it ended.
        came: Came,
    },
    /// A control makes no sense where the run is.
    Refused {
        /// Which.
        control: String,
        /// The step that it names.
        step: Option<StepId>,
        /// Why.
        because: String,
    },
    /// Until when the run holds, if it holds now.
    Holds(Deadline),
    /// Somebody commits what the run holds.
    Commit {
        /// Who.
        by: String,
    },
    /// No commit is waited for any more.
    HoldEnded {
        /// The time is over; else the run goes on, or is left.
        over: bool,
    },
    /// A step acted.
    Acted {
        /// The step.
        step: StepId,
        /// What it did, with what it hands on, or why not.
        result: Result<(String, Results), Failure>,
        /// The rows that it read.
        readings: Vec<Reading>,
        /// What it left on the host besides its change.
        remains: Vec<Remains>,
    },
    /// The pause before another attempt is over.
    Paused {
        /// The step.
        step: StepId,
    },
    /// A part of a step was taken back, or not.
    Undone {
        /// The step.
        step: StepId,
        /// The part.
        phase: UndoPhase,
        /// What was put back, or why not.
        result: Result<String, Failure>,
        /// What is left on the host all the same.
        remains: Vec<Remains>,
    },
    /// The signals were read after the rollback.
    Verified {
        /// The verification.
        step: StepId,
        /// Its rows.
        readings: Vec<Reading>,
        /// Green signals of the baseline that were read and are not green now.
        lost: Vec<String>,
        /// Green signals of the baseline that could not be read now.
        unread: Vec<String>,
        /// Why nothing could be read.
        failure: Option<Failure>,
    },
    /// What the rollback kept was compared with a backup.
    Compared {
        /// The step that made the backup.
        step: StepId,
        /// What differs, or could not be compared.
        remains: Vec<Remains>,
    },
    /// It was seen how the service of a step is before the first change.
    Found {
        /// The step.
        step: StepId,
        /// The service; `None` if nothing can be said of it.
        service: Option<ServiceState>,
        /// What the step needs to bring it to that state; null if that is not known.
        data: Json,
        /// The boot in which that was.
        boot: String,
    },
    /// A service that a boot left down was brought up, or did not need it, or does not come up.
    Revived {
        /// The step that found it.
        step: StepId,
        /// What was done, or why not.
        result: Result<String, Failure>,
    },
    /// A service was let go of and read.
    Closed {
        /// The step by which it is reached.
        step: StepId,
        /// The service.
        service: String,
        /// How it was.
        seen: ServiceSeen,
    },
}

/// What came of probing and preparing a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Began {
    /// Its condition is false.
    Skip(String),
    /// The host is as wanted.
    Unchanged {
        /// What is there.
        summary: String,
        /// What it hands on.
        results: Results,
    },
    /// It can act. `undo` is `None` for a step that changes nothing, which needs no intent.
    Ready {
        /// How to take it back.
        undo: Option<UndoRecord>,
    },
    /// It cannot.
    Failed(Failure),
}

//! What happens in a run. The journal holds these and nothing else; every state and report is a fold over them.

use crate::{
    Approval, Deadline, Decided, Failure, Outcome, Prediction, Reading, Remains, Results, RollbackCause, RunHeader,
    ServiceSeen, ServiceState, StepId, UndoPhase, UndoRecord, Verdict, Waiting,
};
use serde::{Deserialize, Serialize};

/// An event as the journal holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the run's journal, from 1, without gaps.
    pub seq: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// One thing that happened. Variants that are not marked durable may be lost by a power cut, never by a crash of
/// `runbook`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first record of every run. Durable.
    RunStarted(Box<RunHeader>),
    /// Another process goes on with the run: after a crash, or to roll it back. Durable.
    RunResumed {
        /// The version of `runbook` that goes on.
        version: String,
    },
    /// What every step would do, read before the first change.
    Predicted {
        /// The step.
        step: StepId,
        /// What it would do.
        prediction: Prediction,
        /// Whether it will have to run.
        needed: bool,
        /// What it hands on, as far as that is known without acting: what later steps use if it is skipped.
        #[serde(flatten)]
        results: Results,
    },
    /// The signals of a verification before the first change.
    BaselineTaken {
        /// The verification step.
        step: StepId,
        /// One row a signal.
        readings: Vec<Reading>,
        /// Positions in logs and the like, for the kind to read from later.
        marks: serde_json::Value,
        /// Why there is no reading; then nothing of this verification can be compared after a rollback.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// A step begins an attempt by probing the host.
    StepStarted {
        /// The step.
        step: StepId,
        /// From 1.
        attempt: u32,
    },
    /// The step is about to change the host, and this is how it would be taken back. Durable.
    StepIntended {
        /// The step.
        step: StepId,
        /// What its undo goes by; files that it refers to are durable as well.
        #[serde(flatten)]
        undo: UndoRecord,
    },
    /// An attempt failed and another one follows.
    StepRetrying {
        /// The step.
        step: StepId,
        /// Why the attempt failed.
        failure: Failure,
        /// Milliseconds until the next attempt.
        pause_ms: u64,
    },
    /// A step has begun to wait for a person.
    StepWaits {
        /// The step.
        step: StepId,
        /// For what.
        #[serde(flatten)]
        waiting: Waiting,
    },
    /// A person lets the step go on, be it before the run gets there. The first one counts. Durable.
    StepApproved {
        /// The step.
        step: StepId,
        /// Who, when and why.
        approval: Approval,
    },
    /// A verification neither proves nor disproves, and somebody is there who is asked what follows. Durable.
    DecisionAsked {
        /// The verification.
        step: StepId,
        /// What the evidence lacks.
        failure: Failure,
        /// The rows that it read.
        readings: Vec<Reading>,
        /// Milliseconds after which no answer is one.
        within_ms: u64,
    },
    /// The answer, or that there was none. Durable.
    DecisionMade {
        /// The verification.
        step: StepId,
        /// What, and by whom.
        #[serde(flatten)]
        decided: Decided,
    },
    /// A step ended.
    StepFinished {
        /// The step.
        step: StepId,
        /// How.
        #[serde(flatten)]
        outcome: Outcome,
        /// What it hands on.
        #[serde(flatten)]
        results: Results,
        /// The rows of a verification.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        readings: Vec<Reading>,
    },
    /// What a step left on the host, or an undo did, that a closing line has to name. Comes before the record that ends
    /// the step or the undo, in the same commit.
    Remained {
        /// The step.
        step: StepId,
        /// What.
        remains: Vec<Remains>,
    },
    /// All is done, and stands until somebody commits it; without that by then the run goes back. Durable.
    RunHeld {
        /// Until when.
        #[serde(flatten)]
        deadline: Deadline,
    },
    /// Somebody commits what the run holds. Durable.
    RunCommitted {
        /// Who.
        by: String,
    },
    /// A secret is waited for that a control hands in. Its value is in no record.
    SecretAsked {
        /// The variable.
        secret: String,
        /// How long it is waited for.
        within_ms: u64,
    },
    /// It was handed in.
    SecretHandedIn {
        /// The variable.
        secret: String,
    },
    /// It was not.
    SecretMissed {
        /// The variable.
        secret: String,
        /// Why it is not waited for any more.
        because: String,
    },
    /// A control that came in makes no sense where the run is, and changes nothing.
    ControlRefused {
        /// Which: `answer`, `approve`, `commit`, `drain`, `cancel`, `secret`, or the name of what cannot be read.
        control: String,
        /// The step that it names, if it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// Why.
        because: String,
    },
    /// The operator asked to start nothing more.
    DrainRequested,
    /// The operator asked to stop what runs.
    CancelRequested,
    /// From here on the run is taken back. Durable.
    RollbackStarted {
        /// Why.
        #[serde(flatten)]
        cause: RollbackCause,
    },
    /// A step is about to be taken back. Durable.
    UndoStarted {
        /// The step.
        step: StepId,
        /// Which part.
        phase: UndoPhase,
    },
    /// A step was taken back, or could not be.
    UndoFinished {
        /// The step.
        step: StepId,
        /// Which part.
        phase: UndoPhase,
        /// What was put back.
        summary: String,
        /// Why it could not be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// The signals after the rollback, against the baseline.
    RollbackVerified {
        /// The verification step.
        step: StepId,
        /// One row a signal.
        readings: Vec<Reading>,
        /// Names of the signals that were green before the change and are not now.
        lost: Vec<String>,
        /// Names of the signals that were green before the change and could not be read now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unread: Vec<String>,
        /// Why they could not be read at all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// What a rollback kept was compared with this backup, after the last verification.
    Compared {
        /// The step that made the backup.
        step: StepId,
        /// What differs, or could not be compared; empty if all of it is as it was.
        remains: Vec<Remains>,
    },
    /// How the service of a step was before the first change.
    ServiceFound {
        /// The step.
        step: StepId,
        /// The service as it was; absent if nothing can be said of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<ServiceState>,
        /// What the step needs to bring it to that state; null if that is not known.
        data: serde_json::Value,
        /// The boot in which that was.
        boot: String,
    },
    /// On the way back, after what the run did to it was taken back: a service that a boot did not bring back was brought up.
    ServiceRevived {
        /// The step that found it.
        step: StepId,
        /// What was done; empty if there was nothing to do.
        summary: String,
        /// Why it does not come up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// A service was read at the end, when nobody was kept from starting it any more.
    ServiceRead {
        /// The step by which it is reached.
        step: StepId,
        /// The service.
        service: String,
        /// How it was.
        seen: ServiceSeen,
    },
    /// The last record of every run. Durable.
    RunFinished {
        /// How it ended.
        verdict: Verdict,
        /// Why, or what is left, in one sentence; empty if there is nothing to add.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
}

impl Event {
    /// The event's name as the journal writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunStarted(_) => "run-started",
            Self::RunResumed { .. } => "run-resumed",
            Self::Predicted { .. } => "predicted",
            Self::BaselineTaken { .. } => "baseline-taken",
            Self::StepStarted { .. } => "step-started",
            Self::StepIntended { .. } => "step-intended",
            Self::StepRetrying { .. } => "step-retrying",
            Self::StepWaits { .. } => "step-waits",
            Self::StepApproved { .. } => "step-approved",
            Self::DecisionAsked { .. } => "decision-asked",
            Self::DecisionMade { .. } => "decision-made",
            Self::StepFinished { .. } => "step-finished",
            Self::Remained { .. } => "remained",
            Self::RunHeld { .. } => "run-held",
            Self::RunCommitted { .. } => "run-committed",
            Self::SecretAsked { .. } => "secret-asked",
            Self::SecretHandedIn { .. } => "secret-handed-in",
            Self::SecretMissed { .. } => "secret-missed",
            Self::ControlRefused { .. } => "control-refused",
            Self::DrainRequested => "drain-requested",
            Self::CancelRequested => "cancel-requested",
            Self::RollbackStarted { .. } => "rollback-started",
            Self::UndoStarted { .. } => "undo-started",
            Self::UndoFinished { .. } => "undo-finished",
            Self::RollbackVerified { .. } => "rollback-verified",
            Self::Compared { .. } => "compared",
            Self::ServiceFound { .. } => "service-found",
            Self::ServiceRevived { .. } => "service-revived",
            Self::ServiceRead { .. } => "service-read",
            Self::RunFinished { .. } => "run-finished",
        }
    }

    /// Whether the next action must wait until this record survives a power cut.
    pub fn is_durable(&self) -> bool {
        matches!(
            self,
            Self::RunStarted(_)
                | Self::RunResumed { .. }
                | Self::StepIntended { .. }
                | Self::StepApproved { .. }
                | Self::DecisionAsked { .. }
                | Self::DecisionMade { .. }
                | Self::RunHeld { .. }
                | Self::RunCommitted { .. }
                | Self::RollbackStarted { .. }
                | Self::UndoStarted { .. }
                | Self::RunFinished { .. }
        )
    }

    /// The step that it says something of without moving it.
    pub(crate) fn tells_of(&self) -> Option<&StepId> {
        match self {
            Self::DecisionAsked { step, .. }
            | Self::DecisionMade { step, .. }
            | Self::StepWaits { step, .. }
            | Self::StepApproved { step, .. }
            | Self::Predicted { step, .. }
            | Self::BaselineTaken { step, .. }
            | Self::Remained { step, .. }
            | Self::RollbackVerified { step, .. }
            | Self::Compared { step, .. }
            | Self::ServiceFound { step, .. } => Some(step),
            _ => None,
        }
    }

    /// The step that it moves to another status.
    pub fn moves(&self) -> Option<&StepId> {
        match self {
            Self::StepStarted { step, .. }
            | Self::StepIntended { step, .. }
            | Self::StepRetrying { step, .. }
            | Self::StepFinished { step, .. }
            | Self::UndoStarted { step, .. }
            | Self::UndoFinished { step, .. } => Some(step),
            _ => None,
        }
    }
}

//! A bound step: everything about it is known. Plain, blocking, local code; the engine gives it a thread.

use crate::{BackupStep, Lack, ServiceStep, Verification, Work};
use runbook_host::Reader;
use runbook_model::{Failure, Prediction, RestorePoint, Results, ServiceState, UndoPhase};
use serde_json::Value as Json;
use std::path::PathBuf;

/// What a step can do. Every method may be called again after a crash in the middle of it.
pub trait Step: Send + Sync {
    /// Reads the host and says what [`apply`](Self::apply) would do. It cannot write: `Reader` has no way to.
    fn probe(&self, host: &Reader) -> Result<Probe, Failure>;

    /// What the step would fail for on the host as it is now, each with the changes that may bring it before the step's
    /// turn. `failed` is what `probe` failed with; that need not be told again, unless less can mend it than any change
    /// of what the step declares. Asked of steps that have to run, before the first change of the run.
    fn lacks(&self, _host: &Reader, _failed: Option<&Failure>) -> Vec<Lack> {
        Vec::new()
    }

    /// How it is undone.
    fn undoing(&self) -> Undoing<'_>;

    /// Collects what [`undoing`](Self::undoing) will need: what it goes by as the result, files in `work.dir`, which
    /// must be durable when this returns. Must not change the host. Never called twice for one run of a step that
    /// changes the host; for any other it is called right before each `apply`, and nothing of it is recorded.
    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        match self.undoing() {
            Undoing::Captured(paths) => work.capture(paths).map(Prepared::of),
            Undoing::NotNeeded | Undoing::Own(_) => Ok(Prepared::default()),
        }
    }

    /// Whether what [`undoing`](Self::undoing) will have to do can be done by this user on this host, as far as that
    /// can be read without writing: a refusal that names what stands in the way. Asked in dry runs and before the first
    /// change of a run, when what earlier steps will bring is not there yet; `prepare` proves it.
    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        match self.undoing() {
            Undoing::Captured(paths) => paths.iter().try_for_each(|path| host.can_restore(path)),
            Undoing::NotNeeded | Undoing::Own(_) => Ok(()),
        }
    }

    /// What a program of the author's that [`undoing`](Self::undoing) runs would fail for on the host as it is now.
    fn lacks_to_undo(&self, _host: &Reader) -> Vec<Lack> {
        Vec::new()
    }

    /// Changes the host. Its intent, with the data from `prepare`, is durable when this is called. It may find its own
    /// half-done work from an earlier attempt.
    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure>;

    /// Whether the change is there, after `apply` or after a crash in it. The default probes again.
    fn confirm(&self, host: &Reader, _undo: &Json) -> Result<Confirmation, Failure> {
        Ok(self.probe(host)?.prediction.into())
    }

    /// Whether [`undoing`](Self::undoing) is a program of the author's, who knows what the step left running and how it is
    /// ended: it finds that running. For all others it is ended before.
    fn ends_what_it_left(&self) -> bool {
        false
    }

    /// What a step that moves a service can do besides.
    fn service(&self) -> Option<&dyn ServiceStep> {
        None
    }

    /// What a backup can do besides.
    fn backup(&self) -> Option<&dyn BackupStep> {
        None
    }

    /// What a verification can do besides.
    fn verification(&self) -> Option<&dyn Verification> {
        None
    }
}

/// How a step is undone. A step that says nothing of it does not compile.
pub enum Undoing<'a> {
    /// Not at all: it changes nothing that anybody would want back.
    NotNeeded,
    /// These paths are captured before it acts, and put back just as they were, absence included.
    Captured(&'a [PathBuf]),
    /// By the kind itself.
    Own(&'a dyn OwnUndo),
}

/// A step that is undone by its kind.
pub trait OwnUndo {
    /// Takes back what `apply` did, wholly or in part, from `undo` and local files alone. Idempotent: what is already
    /// back is left alone. Says in one line what was put back.
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure>;
}

impl dyn Step + '_ {
    /// One phase of the way back. A step without the capability that a phase is about has nothing to do in it.
    pub fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        let done = match phase {
            UndoPhase::Undo => match self.undoing() {
                Undoing::NotNeeded => None,
                Undoing::Captured(paths) => Some(work.restore_captured(paths)),
                Undoing::Own(own) => Some(own.undo(work, undo)),
            },
            UndoPhase::Halt => self.service().map(|service| service.halt(work, undo)),
            UndoPhase::Insurance => self.backup().map(|backup| backup.restore_state(work, undo)),
        };
        done.unwrap_or_else(|| Ok(String::new()))
    }
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What apply would do.
    pub prediction: Prediction,
    /// What it would hand on, as far as that can be told without acting.
    pub results: Results,
}

/// What the undo of a step goes by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prepared {
    /// The kind's own data, given back to `apply`, `confirm` and `undo`.
    pub undo: Json,
    /// The service that the step moves, as it is before.
    pub service: Option<ServiceState>,
    /// Where paths come back from, as [`Work::covering`] chose.
    pub restore_points: Vec<RestorePoint>,
}

/// What an apply did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// One line for the screen.
    pub summary: String,
    /// What it hands on.
    pub results: Results,
}

/// Whether a change is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// It is.
    There,
    /// It is not; what is still to be done.
    NotThere(String),
    /// Reading the host cannot tell. After an `apply` that succeeded this is accepted; after a crash it is a failure.
    CannotTell,
}

/// By reading once more what there is to do.
impl From<Prediction> for Confirmation {
    fn from(prediction: Prediction) -> Self {
        match prediction {
            Prediction::NoChange { .. } => Self::There,
            Prediction::Change { summary, .. } => Self::NotThere(summary),
            Prediction::Unknown { .. } | Prediction::CannotPredict { .. } => Self::CannotTell,
        }
    }
}

impl Probe {
    /// A prediction without results.
    pub fn of(prediction: Prediction) -> Self {
        Self { prediction, results: Results::default() }
    }

    /// The same with results.
    #[must_use]
    pub fn with(mut self, results: impl Into<Results>) -> Self {
        self.results = results.into();
        self
    }
}

impl Done {
    /// Done, in one line.
    pub fn saying(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), results: Results::default() }
    }

    /// The same with results.
    #[must_use]
    pub fn with(mut self, results: impl Into<Results>) -> Self {
        self.results = results.into();
        self
    }
}

impl Prepared {
    /// The kind's own data alone.
    pub fn of(undo: Json) -> Self {
        Self { undo, ..Self::default() }
    }

    /// The same of a step that moves `service`.
    #[must_use]
    pub fn moving(mut self, service: ServiceState) -> Self {
        self.service = Some(service);
        self
    }
}

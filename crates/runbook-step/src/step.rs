//! A bound step: everything about it is known. Plain, blocking, local code; the engine gives it a thread.

use crate::Lack;
use runbook_host::{Host, Reader};
use runbook_model::{
    Approval, Failure, Outputs, Prediction, Reading, Remains, ServiceSeen, StepId, UndoPhase, Waiting,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

/// What a step can do. Every method may be called again after a crash in the middle of it.
pub trait Step: Send + Sync {
    /// Reads the host and says what [`apply`](Self::apply) would do. It cannot write: `Reader` has no way to.
    fn probe(&self, host: &Reader) -> Result<Probe, Failure>;

    /// What the step would fail for on the host as it is now, each with the changes that may bring it before the step's
    /// turn. `failed` is what `probe` failed with; that need not be told again, unless less can mend it than any change
    /// of what the step declares. Asked of steps that have to run, before the first change of the run.
    fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        let (_, _) = (host, failed);
        Vec::new()
    }

    /// For verifications: what of the signals can be seen now without running anything, asking a service or waiting. For
    /// previews.
    fn glance(&self, host: &Reader) -> Vec<Reading> {
        let _ = host;
        Vec::new()
    }

    /// For verifications: reads the signals before the first change, and the positions to read logs from later.
    fn baseline(&self, work: &Work<'_>) -> Result<Option<Baseline>, Failure> {
        let _ = work;
        Ok(None)
    }

    /// Collects what [`undo`](Self::undo) will need: small data as the result, files in `work.dir`, which
    /// must be durable when this returns. Must not change the host. Never called twice for one run of a step that
    /// changes the host; for any other it is called right before each `apply`, and nothing of it is recorded.
    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        let _ = work;
        Ok(Json::Null)
    }

    /// Whether what [`undo`](Self::undo) will have to do can be done by this user on this host, as far as that
    /// can be read without writing: a refusal that names what stands in the way. Asked in dry runs and before the first
    /// change of a run, when what earlier steps will bring is not there yet; `prepare` proves it.
    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        let _ = host;
        Ok(())
    }

    /// What a program of the author's that [`undo`](Self::undo) runs would fail for on the host as it is now.
    fn lacks_to_undo(&self, host: &Reader) -> Vec<Lack> {
        let _ = host;
        Vec::new()
    }

    /// Changes the host. Its intent, with the data from `prepare`, is durable when this is called. It may find its own
    /// half-done work from an earlier attempt.
    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure>;

    /// Whether the change is there, after `apply` or after a crash in it. The default probes again.
    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let _ = undo;
        Ok(match self.probe(host)?.prediction {
            Prediction::NoChange { .. } => Confirmation::There,
            Prediction::Change { summary, .. } => Confirmation::NotThere(summary),
            Prediction::Unknown { .. } | Prediction::CannotPredict { .. } => Confirmation::CannotTell,
        })
    }

    /// Takes back what `apply` did, wholly or in part, from `undo` and local files alone. Idempotent: what is already
    /// back is left alone. Says in one line what was put back.
    ///
    /// `Halt` brings down a service that the step brought up, and is a no-op for all other kinds. `Insurance` puts
    /// back state that only a service writes, and is called on backups alone.
    fn undo(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure>;

    /// Whether [`undo`](Self::undo) is a program of the author's, who knows what the step left running and how it is
    /// ended: it finds that running. For all others it is ended before.
    fn ends_what_it_left(&self) -> bool {
        false
    }

    /// For verifications: reads the signals after a rollback, until all that were green in `work.baseline` are green
    /// again or the step's time for it is up. The engine compares; being red is no failure here.
    fn verify_rollback(&self, work: &Work<'_>) -> Result<Vec<Reading>, Failure> {
        let _ = work;
        Ok(Vec::new())
    }

    /// For backups: compares these of its paths, which a rollback kept, with what it holds. One entry for each path that
    /// differs or cannot be compared.
    fn compare(&self, work: &Work<'_>, kept: &[PathBuf]) -> Result<Vec<Remains>, Failure> {
        let _ = (work, kept);
        Ok(Vec::new())
    }

    /// Whether it keeps others from bringing up what it brought down until the run is over: then it acts also if that is
    /// down already.
    fn keeps_down(&self) -> bool {
        false
    }

    /// For a step that moved a service, in a process that goes on with the run of another: brings down again, and keeps
    /// down, what the run still wants to be down. Nothing kept others out since the process before ended.
    fn keep_down_again(&self, work: &Work<'_>, undo: &Json) -> Result<(), Failure> {
        let (_, _) = (work, undo);
        Ok(())
    }

    /// For a step about a service: how that is before the first change of the run, with what [`revive`](Self::revive) needs.
    /// It says `"up"` or `"down"` under [`SERVICE_KEY`](runbook_model::SERVICE_KEY), as undo data does. Null if nothing can be said.
    fn find(&self, host: &Reader) -> Result<Json, Failure> {
        let _ = host;
        Ok(Json::Null)
    }

    /// Brings up what `found` says was up, if the boot that came since left it down. Says what was done; nothing if it is up.
    fn revive(&self, work: &Work<'_>, found: &Json) -> Result<String, Failure> {
        let (_, _) = (work, found);
        Ok(String::new())
    }

    /// For a step that moved a service, when the run is about to end, well or not: lets everybody start it again, and reads
    /// how it is. `None` if it cannot be read.
    fn close(&self, work: &Work<'_>, undo: &Json) -> Result<Option<ServiceSeen>, Failure> {
        let (_, _) = (work, undo);
        Ok(None)
    }

    /// Called on completed steps after a step brought a service down: the second pass over a live directory. Says
    /// what it found, if anything. `since` tells what the run may have changed since the step was complete, which is
    /// not to be taken for the state before; it may grow meanwhile.
    fn settle(&self, work: &Work<'_>, since: &dyn Fn() -> Vec<Changed>) -> Result<Option<String>, Failure> {
        let _ = (work, since);
        Ok(None)
    }
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What apply would do.
    pub prediction: Prediction,
    /// Outputs as far as they can be told without acting.
    pub outputs: Outputs,
}

/// What an apply did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// One line for the screen.
    pub summary: String,
    /// What later steps may use.
    pub outputs: Outputs,
}

/// The signals before the first change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// One row a signal.
    pub readings: Vec<Reading>,
    /// Positions in logs; given back to the step as `Work::marks`.
    pub marks: Json,
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

/// A backup of this run that is complete and durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRef {
    /// The step that made it.
    pub step: StepId,
    /// The directory with its archive and manifest.
    pub dir: PathBuf,
}

/// Where a path comes back from: chosen before the step changes it, and used for its undo whatever came later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The path as the step names it.
    pub path: PathBuf,
    /// The same as the backup names it.
    pub name: PathBuf,
    /// The step that made the backup.
    pub step: StepId,
    /// The backup's directory.
    pub dir: PathBuf,
}

/// What a step of the run may have changed since a backup was complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The step.
    pub step: StepId,
    /// With everything below; `/` where it is not known.
    pub path: PathBuf,
}

/// What a step is given to work with.
pub struct Work<'a> {
    /// The host; writes are allowed.
    pub host: &'a Host,
    /// The step's own directory inside the run's directory; it exists. Files in it live as long as the run is kept.
    pub dir: &'a Path,
    /// The step.
    pub step: &'a StepId,
    /// Backups of this run, the latest first.
    pub backups: &'a [BackupRef],
    /// Where paths come back from: [`covering`](Self::covering) adds to it in `prepare`, it is kept with the undo data,
    /// and [`restore`](Self::restore) goes by it.
    pub held: &'a Mutex<Vec<Held>>,
    /// What `baseline` returned as marks; null if no baseline was taken.
    pub marks: &'a Json,
    /// The rows that `baseline` read; empty if none.
    pub baseline: &'a [Reading],
    /// Rows of evidence, kept also when the step fails.
    pub evidence: &'a Mutex<Vec<Reading>>,
    /// What is left on the host and has to be named at the end; see [`leaves`](Self::leaves).
    pub remains: &'a Mutex<Vec<Remains>>,
    /// Who let steps of this run go on; see [`approval`](Self::approval).
    pub approvals: &'a RwLock<HashMap<StepId, Approval>>,
    /// Milliseconds since 1970 when the work began.
    pub now_ms: i64,
    /// Takes what the step says while it works.
    pub progress: &'a (dyn Fn(Note) + Sync),
}

/// What a step says while it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// What is going on, for the screen; may be dropped.
    Doing(String),
    /// It waits for a person.
    Waits(Waiting),
}

impl Probe {
    /// A prediction without outputs.
    pub fn of(prediction: Prediction) -> Self {
        Self { prediction, outputs: Outputs::new() }
    }

    /// The same with outputs.
    #[must_use]
    pub fn with(mut self, outputs: Outputs) -> Self {
        self.outputs = outputs;
        self
    }
}

impl Done {
    /// Done, in one line.
    pub fn saying(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), outputs: Outputs::new() }
    }

    /// The same with outputs.
    #[must_use]
    pub fn with(mut self, outputs: Outputs) -> Self {
        self.outputs = outputs;
        self
    }
}

impl Work<'_> {
    /// Keeps rows of evidence with the step, whether it succeeds or fails. Replaces those of an earlier call.
    pub fn saw(&self, readings: Vec<Reading>) {
        if let Ok(mut evidence) = self.evidence.lock() {
            *evidence = readings;
        }
    }

    /// Tells what `apply` or `undo` leaves on the host besides its change, or cannot bring back: it is recorded
    /// when the work ends, well or not, and named by the closing lines.
    pub fn leaves(&self, remains: Remains) {
        if let Ok(mut known) = self.remains.lock() {
            known.push(remains);
        }
    }

    /// Says what is going on.
    pub fn say(&self, what: impl Into<String>) {
        (self.progress)(Note::Doing(what.into()));
    }

    /// Who let the step go on, if somebody did by now; that is on record then.
    pub fn approval(&self) -> Option<Approval> {
        self.approvals.read().unwrap_or_else(PoisonError::into_inner).get(self.step).cloned()
    }

    /// Says that the step waits for a person from now on; that is kept with the run.
    pub fn wait_for(&self, waiting: Waiting) {
        (self.progress)(Note::Waits(waiting));
    }
}

//! What a step is given to work with.

use runbook_host::Host;
use runbook_model::{Approval, Reading, Remains, RestorePoint, StepId, Waiting};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

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
    /// Where paths come back from, as `prepare` said: [`restore`](Self::restore) goes by it.
    pub restore_points: &'a [RestorePoint],
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

/// A backup of this run that is complete and durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRef {
    /// The step that made it.
    pub step: StepId,
    /// The directory with its archive and manifest.
    pub dir: PathBuf,
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

//! What only some steps can do: those that move a service, back up, or judge evidence.

use crate::Work;
use runbook_host::Reader;
use runbook_model::{Failure, Reading, Remains, ServiceSeen, ServiceState, StepId};
use serde_json::Value as Json;
use std::path::PathBuf;

/// A step that stops, starts or restarts a service.
pub trait ServiceStep {
    /// Brings the service down for what lies below the step, before the step itself is undone. Says what was done; nothing
    /// if it was down.
    fn halt(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure>;

    /// Whether it keeps others from bringing up what it brought down until the run is over: then it acts also if that is
    /// down already.
    fn keeps_down(&self) -> bool {
        false
    }

    /// In a process that goes on with the run of another: brings down again, and keeps down, what the run still wants to
    /// be down. Nothing kept others out since the process before ended.
    fn keep_down_again(&self, _work: &Work<'_>, _undo: &Json) -> Result<(), Failure> {
        Ok(())
    }

    /// How the service is before the first change of the run, with what [`revive`](Self::revive) needs. `None` if nothing
    /// can be said.
    fn find(&self, _host: &Reader) -> Result<Option<WasFound>, Failure> {
        Ok(None)
    }

    /// Brings up what `found` says was up, if the boot that came since left it down. Says what was done; nothing if it is up.
    fn revive(&self, _work: &Work<'_>, _found: &Json) -> Result<String, Failure> {
        Ok(String::new())
    }

    /// When the run is about to end, well or not: lets everybody start the service again, and reads how it is.
    fn close(&self, work: &Work<'_>, undo: &Json) -> Result<ServiceSeen, Failure>;
}

/// A service before the first change of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct WasFound {
    /// The service.
    pub service: ServiceState,
    /// What [`ServiceStep::revive`] needs.
    pub data: Json,
}

/// A step that makes a backup.
pub trait BackupStep {
    /// Puts back the state that only a service writes, when the verification after a rollback stays red.
    fn restore_state(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure>;

    /// The second pass over directories that were live when they were copied, after a step brought a service down. Says
    /// what it found, if anything. `since` tells what the run may have changed since the backup was complete, which is
    /// not to be taken for the state before; it may grow meanwhile.
    fn second_pass(&self, work: &Work<'_>, since: &dyn Fn() -> Vec<Changed>) -> Result<Option<String>, Failure>;

    /// Compares these of its paths, which a rollback kept, with what it holds. One entry for each path that differs or
    /// cannot be compared.
    fn compare(&self, work: &Work<'_>, kept: &[PathBuf]) -> Result<Vec<Remains>, Failure>;
}

/// A step that judges signals.
pub trait Verification {
    /// What of the signals can be seen now without running anything, asking a service or waiting. For previews.
    fn glance(&self, host: &Reader) -> Vec<Reading>;

    /// Reads the signals before the first change, and the positions to read logs from later.
    fn baseline(&self, work: &Work<'_>) -> Result<Baseline, Failure>;

    /// Reads the signals after a rollback, until all that were green in `work.baseline` are green again or the step's time
    /// for it is up. The engine compares; being red is no failure here.
    fn verify_rollback(&self, work: &Work<'_>) -> Result<Vec<Reading>, Failure>;
}

/// The signals before the first change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// One row a signal.
    pub readings: Vec<Reading>,
    /// Positions in logs; given back to the step as `Work::marks`.
    pub marks: Json,
}

/// What a step of the run may have changed since a backup was complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The step.
    pub step: StepId,
    /// With everything below; `/` where it is not known.
    pub path: PathBuf,
}

//! Fault points for the crash and failure tests; in debug builds only.
//!
//! `RUNBOOK_FAULT` holds one of `kill-after=N` and `kill-before=N` (SIGKILL to itself after or before the commit that
//! holds the N-th record that this process writes), `fail-apply=STEP` (the apply succeeds and is then reported as failed),
//! `panic-apply=STEP` (the same, by a panic), `fail-undo=STEP` (its undo fails before it does anything).

use runbook_model::{Failure, StepId};

/// The fault that was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    kill_after: Option<u64>,
    kill_before: Option<u64>,
    fail_apply: Option<String>,
    panic_apply: Option<String>,
    fail_undo: Option<String>,
}

impl Faults {
    pub(crate) fn from_environment() -> Self {
        let text = std::env::var("RUNBOOK_FAULT").unwrap_or_default();
        let mut faults = Self::default();
        if let Some((name, value)) = text.split_once('=') {
            match name {
                "kill-after" => faults.kill_after = value.parse().ok(),
                "kill-before" => faults.kill_before = value.parse().ok(),
                "fail-apply" => faults.fail_apply = Some(value.to_owned()),
                "panic-apply" => faults.panic_apply = Some(value.to_owned()),
                "fail-undo" => faults.fail_undo = Some(value.to_owned()),
                _ => {}
            }
        }
        faults
    }

    /// `written` records were written before this commit of `count` more.
    pub(crate) fn before_commit(&self, written: u64, count: u64) {
        kill_if(self.kill_before, written, count);
    }

    pub(crate) fn after_commit(&self, written: u64, count: u64) {
        kill_if(self.kill_after, written, count);
    }

    pub(crate) fn apply(&self, step: &StepId) -> Result<(), Failure> {
        assert_ne!(self.panic_apply.as_deref(), Some(step.as_str()), "a fault was injected here");
        fail_if(self.fail_apply.as_deref(), step)
    }

    pub(crate) fn undo(&self, step: &StepId) -> Result<(), Failure> {
        fail_if(self.fail_undo.as_deref(), step)
    }
}

fn kill_if(point: Option<u64>, written: u64, count: u64) {
    if point.is_some_and(|point| written < point && point <= written + count) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::park();
    }
}

fn fail_if(name: Option<&str>, step: &StepId) -> Result<(), Failure> {
    if name == Some(step.as_str()) { Err(Failure::failed("a fault was injected here")) } else { Ok(()) }
}

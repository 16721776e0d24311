//! On whose behalf the host is read or changed: for how long, and who may say that it is no longer wanted.

use crate::{Cancel, Canceller, Running};
use runbook_model::FailureKind;
use std::time::{Duration, Instant};

/// How long a program may take that is asked something, where the caller names no limit.
pub(crate) const ASKED: Duration = Duration::from_secs(120);

/// How long any other command may take where neither the step nor its caller has a limit.
pub(crate) const RUNS: Duration = Duration::from_secs(30 * 60);

/// The variable in the environment of every command of a step; its value is `<run>/<step>`.
pub(crate) const MARK: &str = "RUNBOOK_STEP";

/// What a [`Reader`](crate::Reader) is used for. By default nobody waits for it and nobody ends it.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    /// The operator's second Ctrl-C.
    pub(crate) cancel: Cancel,
    /// This process is about to end, whatever runs.
    pub(crate) leaving: Cancel,
    /// When the work has to be over.
    pub(crate) deadline: Option<Instant>,
    /// Where running commands are noted.
    pub(crate) running: Running,
    /// `<run>/<step>`; empty outside of a run.
    pub(crate) tag: String,
}

impl Default for Errand {
    fn default() -> Self {
        Self {
            cancel: Canceller::new().1,
            leaving: Canceller::new().1,
            deadline: None,
            running: Running::default(),
            tag: String::new(),
        }
    }
}

impl Errand {
    /// Returns when the work is no longer wanted: what kind of failure that is.
    pub(crate) async fn unwanted(&self, deadline: Option<Instant>) -> FailureKind {
        let (mut cancel, mut leaving) = (self.cancel.clone(), self.leaving.clone());
        let time_up = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = cancel.cancelled() => FailureKind::Cancelled,
            () = leaving.cancelled() => FailureKind::Cancelled,
            () = time_up => FailureKind::TimedOut,
        }
    }
}

//! Why a run cannot go on at all. What goes wrong inside a step is a `Failure` in an event.

use runbook_model::{IllegalTransition, RunId};

/// Why the engine stopped without a verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal cannot be used; nothing more was started.
    #[error(transparent)]
    Journal(#[from] runbook_journal::Error),
    /// The journal holds an impossible order of records.
    #[error("the journal of run {run} is damaged")]
    Damaged {
        /// The run.
        run: RunId,
        /// The record that cannot be.
        source: IllegalTransition,
    },
    /// The plan that was saved with the run cannot be understood.
    #[error("the plan that was saved with run {run} cannot be understood")]
    Saved {
        /// The run.
        run: RunId,
        /// Why not.
        source: serde_json::Error,
    },
    /// The plan that was saved with the run is refused by this version of `runbook`.
    #[error(
        "the plan that was saved with run {0} is not understood by this version of runbook; use the version that began it"
    )]
    Refused(RunId),
    /// What taking the run back relies on is gone; nothing was changed.
    #[error("run {run} cannot be taken back, and nothing was touched: {missing}")]
    NoWayBack {
        /// The run.
        run: RunId,
        /// What is gone.
        missing: String,
    },
    /// A record still holds a secret where nothing else may stand, so it is not written; nothing more was started.
    #[error("a record `{event}` holds a secret that cannot be struck out of it, and is not written")]
    Untold {
        /// The name of the event.
        event: &'static str,
    },
    /// The way back that a run had when it was interrupted is no longer whole; nothing was changed.
    #[error("run {run} does not go on, and nothing was touched, because its way back is not whole: {missing}")]
    NoWayOn {
        /// The run.
        run: RunId,
        /// What is gone, damaged or out of reach for this user.
        missing: String,
    },
    /// The files that the plan brings cannot be kept; nothing was begun.
    #[error("cannot keep the files of the plan in {path}")]
    Files {
        /// Where they are kept.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A control cannot be sent to the process that holds the run.
    #[error("cannot write to {path}")]
    Mailbox {
        /// Where controls of the run are left.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The operating system gives no threads or no randomness.
    #[error("cannot start the run")]
    Start(#[source] std::io::Error),
}

//! What can be wrong with the state directory.

use crate::Holder;
use std::path::PathBuf;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state directory cannot be made, entered or written.
    #[error(
        "cannot use the state directory {path}; name another one with --state-dir, or run as a user who may write there"
    )]
    StateDir {
        /// The directory or the file in it.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A newer `runbook` wrote it.
    #[error(
        "the state directory {path} was written by a newer version of runbook (format {found}, this one knows {known}); use that version"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest format that this version knows.
        known: i64,
    },
    /// The file is not one of ours.
    #[error("{path} is not a journal of runbook; move it away, or name another directory with --state-dir")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another `runbook` holds the lock.
    #[error("another runbook is at work on this host: {0}")]
    Held(Holder),
    /// The disk is full.
    #[error(
        "the journal {path} cannot be written: there is no space left on its disk; make room there, or name another directory with --state-dir"
    )]
    Full {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The database refused.
    #[error("the journal {path} cannot be {action}")]
    Database {
        /// The database.
        path: PathBuf,
        /// `read` or `written`.
        action: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A record cannot be understood.
    #[error("record {seq} of run {run} in the journal cannot be understood")]
    Record {
        /// The run.
        run: String,
        /// The record.
        seq: u64,
        /// Why not.
        source: serde_json::Error,
    },
    /// There is no such run.
    #[error("there is no run `{0}` on this host; `runbook history` lists them")]
    NoSuchRun(String),
}

//! What can be wrong with the state directory.

use crate::Holder;
use runbook_model::Next;
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
    /// Others may write to the directory.
    #[error(
        "others may write to the state directory {path}, and so change what a rollback puts back; take that from them with `chmod go-w {path}`, or name another directory with --state-dir"
    )]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// The directory belongs to another user.
    #[error(
        "the state directory {path} belongs to another user (number {owner}), who could change what a rollback puts back; run as that user, or name another directory with --state-dir"
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
    },
    /// The directory holds other things and no journal.
    #[error(
        "{path} is not a state directory of runbook: it holds no journal, but {with}; name one with --state-dir that is empty or not there yet"
    )]
    Occupied {
        /// The directory.
        path: PathBuf,
        /// One thing in it.
        with: PathBuf,
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
    /// The journal, or what is held against it, is there and cannot be read.
    #[error("{path} cannot be read, so nobody knows what was done on this host")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// What the disk says of a run, beside the journal, cannot be written or read.
    #[error("{path}, which is held against the journal, cannot be written")]
    Witness {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
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
    #[error("there is no run `{0}` on this host; `{list}` lists them", list = Next::History)]
    NoSuchRun(String),
    /// There is no such attempt at a rollout.
    #[error("there is no rollout `{0}` here; `{list}` lists them", list = Next::History)]
    NoSuchAttempt(String),
}

impl Error {
    /// Whether the journal itself is damaged or cannot be read, so that nobody knows what it held.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Unreadable { .. }
                | Self::Foreign { .. }
                | Self::Database { action: "read", .. }
                | Self::Record { .. }
        )
    }
}

//! What is known of a service: what its supervisor last wrote, checked against the process table.

use crate::host::{Identity, Reader};
use crate::log::{digest, last_before};
use runbook_model::Failure;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// An exact position in a log: not a time, not a number of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogMark {
    /// The file system.
    pub(crate) dev: u64,
    /// The file, whatever its name is by now.
    pub(crate) ino: u64,
    /// Bytes before the position.
    pub(crate) offset: u64,
    /// A digest of the last of them: another one means that the file was written anew.
    #[serde(default)]
    pub(crate) before: Option<u64>,
    /// When this was noted, in milliseconds since 1970: what was written before is no part of what follows.
    #[serde(default)]
    pub(crate) at_ms: i64,
}

impl LogMark {
    /// The end of the log at `path`, or that there is none yet.
    pub(crate) fn at_end(host: &Reader, path: &Path) -> Result<Self, Failure> {
        let at_ms = host.now_ms();
        let Some(found) = host.stat(path)? else { return Ok(Self { at_ms, ..Self::default() }) };
        let offset = found.len();
        let before = last_before(host, path, offset)?.map(|bytes| digest(&bytes));
        Ok(Self { dev: found.dev(), ino: found.ino(), offset, before, at_ms })
    }

    /// Whether both are in the same file.
    pub(crate) fn same_file(&self, other: &Self) -> bool {
        (self.dev, self.ino) == (other.dev, other.ino)
    }
}

/// Written by the supervisor alone, in one rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The supervisor.
    pub(crate) supervisor: Identity,
    /// The service's process, if it was running.
    pub(crate) child: Option<Identity>,
    /// When the process was started, in nanoseconds since 1970 by the clock that also stamps files.
    pub(crate) started_ns: u64,
    /// How often it was started again by itself since it was last told to start.
    pub(crate) restarts: u32,
    /// Where its log stood when it was last told to start.
    pub(crate) log_since: Option<LogMark>,
    /// How it last ended.
    pub(crate) last_exit: Option<String>,
    /// Why the last attempt to start its process failed.
    #[serde(default)]
    pub(crate) not_started: Option<String>,
    /// What it does.
    pub(crate) phase: Phase,
}

/// What a supervisor does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// The service runs.
    Running,
    /// It ended by itself and will be started again.
    Waiting,
    /// It is being brought down.
    Stopping,
    /// It was brought down, or ended and is not to be started again.
    Ended,
    /// It could not be started, ended too often, or does not go away: why.
    GaveUp(String),
}

/// Whether a service runs, as the process table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It runs under its supervisor.
    Running(Identity),
    /// Its supervisor waits to start it again.
    Waiting,
    /// Its supervisor is gone, it still runs.
    Unsupervised(Identity),
    /// Neither runs.
    Down,
}

impl State {
    /// Whether the service runs now.
    pub(crate) fn life(&self, host: &Reader) -> Result<Life, Failure> {
        let supervised = host.alive(&self.supervisor)?;
        let child = match &self.child {
            Some(child) if host.alive(child)? => Some(child.clone()),
            _ => None,
        };
        Ok(match (supervised, child) {
            (true, Some(child)) => Life::Running(child),
            (true, None) => Life::Waiting,
            (false, Some(child)) => Life::Unsupervised(child),
            (false, None) => Life::Down,
        })
    }
}

impl Life {
    /// The service's process.
    pub(crate) fn process(&self) -> Option<&Identity> {
        match self {
            Self::Running(identity) | Self::Unsupervised(identity) => Some(identity),
            Self::Waiting | Self::Down => None,
        }
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Running(identity) => format!("running, {identity}"),
            Self::Waiting => "down, about to be started again by its supervisor".to_owned(),
            Self::Unsupervised(identity) => format!("running, {identity}, without its supervisor"),
            Self::Down => "down".to_owned(),
        }
    }
}

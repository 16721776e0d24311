//! What is known of a service: what its supervisor last wrote, checked against the process table.

use runbook_host::{Identity, LogMark, Reader};
use runbook_model::Failure;
use serde::{Deserialize, Serialize};

/// Written by the supervisor alone, in one rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The supervisor.
    pub supervisor: Identity,
    /// The service's process, if it was running.
    pub child: Option<Identity>,
    /// When the process was started, in nanoseconds since 1970 by the clock that also stamps files.
    pub started_ns: u64,
    /// How often it was started again by itself since it was last told to start.
    pub restarts: u32,
    /// Where its log stood when it was last told to start.
    pub log_since: Option<LogMark>,
    /// How it last ended.
    pub last_exit: Option<String>,
    /// Why the last attempt to start its process failed.
    #[serde(default)]
    pub not_started: Option<String>,
    /// What it does.
    pub phase: Phase,
}

/// What a supervisor does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
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
pub enum Life {
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
    pub fn life(&self, host: &Reader) -> Result<Life, Failure> {
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
    pub fn process(&self) -> Option<&Identity> {
        match self {
            Self::Running(identity) | Self::Unsupervised(identity) => Some(identity),
            Self::Waiting | Self::Down => None,
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Running(identity) => format!("running, {identity}"),
            Self::Waiting => "down, about to be started again by its supervisor".to_owned(),
            Self::Unsupervised(identity) => format!("running, {identity}, without its supervisor"),
            Self::Down => "down".to_owned(),
        }
    }
}

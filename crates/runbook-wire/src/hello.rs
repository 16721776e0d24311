//! The handshake: which versions both sides speak, who calls, and what the host is.

use crate::contents::Contents;
use runbook_model::{AtWork, HostFacts, RunId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The versions that a side speaks, from the oldest to the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The oldest.
    pub min: u32,
    /// The newest.
    pub max: u32,
}

/// What this version speaks.
pub const PROTOCOL: Versions = Versions { min: 1, max: 1 };

/// The newest version that both speak.
pub fn agreed(one: Versions, other: Versions) -> Option<u32> {
    let newest = one.max.min(other.max);
    (newest >= one.min && newest >= other.min).then_some(newest)
}

/// The first message to an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// What the controller speaks.
    pub proto: Versions,
    /// The version of the controller's `runbook`.
    pub version: String,
    /// Who acts.
    pub operator: String,
    /// What the controller is about: all its connections, and those of whoever goes on with it, say the same.
    pub work: String,
    /// Counts the connections of that work. A host that has seen a higher one refuses.
    pub epoch: u64,
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that both speak from here on.
    pub proto: u32,
    /// The version of the agent's `runbook`.
    pub version: String,
    /// What the host is.
    pub facts: HostFacts,
    /// Its clock, in milliseconds since 1970.
    pub now_ms: i64,
    /// Who is at work on it.
    pub holder: Option<AtWork>,
    /// The run that this agent is at work on.
    pub at_work_on: Option<RunId>,
    /// Where it keeps the contents that were sent, each under its digest: an absolute path that stays as it is.
    pub contents: PathBuf,
}

impl Welcome {
    /// Where a content is once it was sent. A plan may name it; it stays as long as a run may need it.
    pub fn path_of(&self, digest: &str) -> PathBuf {
        Contents::at(&self.contents).path(digest)
    }
}

//! What is asked of a host to list it among others.

use crate::error::Error;
use crate::session::Session;
use runbook_host::{Command, now_ms};
use runbook_model::{AtWork, HostFacts, Standing};
use rustix::fs::statvfs;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long node may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// A host in short.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Surveyed {
    /// What it is.
    pub facts: HostFacts,
    /// What blocks it.
    pub standing: Standing,
    /// Who is at work on it.
    pub holder: Option<AtWork>,
    /// What the file system of the state directory has room for.
    pub free_bytes: u64,
    /// The version of the node that a login finds, as it says it.
    pub node: Option<String>,
    /// Its clock, in milliseconds since 1970.
    pub now_ms: i64,
}

impl Session {
    /// Reads what is told of this host in a list.
    pub fn survey(&self) -> Result<Surveyed, Error> {
        let state = self.status()?;
        let dir = self.state_dir().path();
        let there = dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(dir);
        let found = statvfs(there).map_err(std::io::Error::from)?;
        let node = Command { limit: Some(PATIENCE), ..Command::new(["node", "--version"]) };
        // There may be none, and that is no fault.
        let node = self.reader_by_hand().ask(&node).ok().filter(|output| output.status.success());
        Ok(Surveyed {
            facts: self.facts(),
            standing: state.standing,
            holder: state.holder,
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
            node: node.map(|output| format!("node {}", output.text().trim().trim_start_matches('v'))),
            now_ms: now_ms(),
        })
    }
}

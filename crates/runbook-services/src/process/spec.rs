//! What a service is: the file that its supervisor is started with.
//!
//! It holds the environment, which may hold secrets, so only its owner may read it.

use runbook_host::{UMASK, base_environment};
use runbook_model::Failure;
use runbook_model::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A service of the embedded supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Its name.
    pub name: String,
    /// The program file, absolute.
    pub program: PathBuf,
    /// The argument vector as the plan writes it.
    pub argv: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Its own environment.
    pub env: BTreeMap<String, String>,
    /// What it inherits. Kept, so that a rollback starts it in the surroundings that it had.
    pub base_env: BTreeMap<String, String>,
    /// The permission bits that files it makes never have. `None` in what an older version wrote: the one of all that
    /// `runbook` starts.
    #[serde(default)]
    pub umask: Option<u32>,
    /// Standard output and error are appended to it.
    pub log: PathBuf,
    /// What to do when it ends by itself.
    pub restart: Restart,
    /// How long it may take to end after TERM, in milliseconds.
    pub grace_ms: u64,
    /// How often it may end by itself before the supervisor gives up.
    pub limit: Limit,
    /// When it counts as up.
    pub ready: Ready,
}

words! {
    /// What to do when a service ends by itself.
    Restart {
        /// Nothing.
        Never = "never",
        /// Start it again if it failed.
        OnFailure = "on-failure",
        /// Start it again.
        Always = "always",
    }
}

/// When to give up: the same numbers for every service; tests shorten them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// So many restarts
    pub restarts: usize,
    /// in so many milliseconds.
    pub within_ms: u64,
    /// The pause before the first restart; it doubles with each one.
    pub first_pause_ms: u64,
    /// The longest pause.
    pub longest_pause_ms: u64,
}

/// When a service counts as up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its own process listens on this port.
    pub port: Option<u16>,
    /// It wrote a line with this text.
    pub log: Option<String>,
    /// How long that may take, in milliseconds.
    pub within_ms: u64,
}

impl Default for Limit {
    fn default() -> Self {
        Self { restarts: 10, within_ms: 300_000, first_pause_ms: 500, longest_pause_ms: 30_000 }
    }
}

impl Spec {
    /// A service that runs in `cwd`, has yet no program, and is otherwise as usual.
    pub fn of(name: String, cwd: PathBuf, log: PathBuf) -> Self {
        Self {
            name,
            program: PathBuf::new(),
            argv: Vec::new(),
            cwd,
            env: BTreeMap::new(),
            base_env: base_environment(),
            umask: Some(UMASK),
            log,
            restart: Restart::OnFailure,
            grace_ms: 10_000,
            limit: Limit::default(),
            ready: Ready { port: None, log: None, within_ms: 30_000 },
        }
    }

    /// What its process executes.
    pub fn executes(&self) -> crate::freshness::Executes<'_> {
        let arguments = self.argv.get(1..).unwrap_or_default();
        crate::freshness::Executes { program: &self.program, arguments, cwd: &self.cwd }
    }

    /// How long it may take to end after TERM.
    pub fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    /// As it is kept in a file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::failed(format!("service `{}` cannot be written down: {error}", self.name)))
    }

    /// Whether both would run the same; the surroundings that they inherit do not count.
    pub fn runs_like(&self, other: &Self) -> bool {
        let bare = |spec: &Self| Self { base_env: BTreeMap::new(), umask: None, ..spec.clone() };
        bare(self) == bare(other)
    }
}

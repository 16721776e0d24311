//! What a manager has to tell of a service. Everything else is the same for all of them.

use crate::Launch;
use runbook_host::Account;
use runbook_host::Identity;
use std::path::PathBuf;

/// What a manager tells. A new manager is one more way to fill this in.
pub(super) struct ServiceFacts {
    /// Its name, for messages.
    pub(super) title: String,
    /// What its next start executes; why that cannot be told, if it cannot.
    pub(super) launch: Result<Launch, String>,
    /// The program and the arguments as they are declared, variables not put in.
    pub(super) declared: Vec<String>,
    /// Who it runs as.
    pub(super) account: Account,
    /// Its processes, the main one first; none if it is down.
    pub(super) processes: Vec<Identity>,
    /// The files that say what it is.
    pub(super) files: Vec<PathBuf>,
    /// Other files that its start depends on, such as files with variables.
    pub(super) deciding: Vec<PathBuf>,
    /// Why what the manager goes by is not what its files say, if so.
    pub(super) stale: Option<String>,
    /// Its log: a path, or `journal`.
    pub(super) log: String,
    /// What happens when it ends by itself.
    pub(super) restart: String,
    /// How often it was started again by itself.
    pub(super) restarts: u32,
    /// How it is now, in words, where it is down.
    pub(super) state: String,
}

//! What a manager has to tell of a service for `service.inspect`, which does everything else alike for all of them.

use runbook_host::{Account, Identity};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a variable or an argument is; `None` if only running the script could tell.
pub type Value = Option<String>;

/// What is about to be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// A path, or a name that is looked for along `PATH`.
    pub program: String,
    /// What follows the program's own name.
    pub args: Vec<Value>,
    /// The working directory.
    pub cwd: PathBuf,
    /// The environment.
    pub env: BTreeMap<String, Value>,
    /// The user.
    pub account: Account,
}

/// What a manager tells. A new manager is one more way to fill this in.
#[derive(Debug)]
pub struct ServiceFacts {
    /// Its name, for messages.
    pub title: String,
    /// What its next start executes; why that cannot be told, if it cannot.
    pub launch: Result<Launch, String>,
    /// The program and the arguments as they are declared, variables not put in.
    pub declared: Vec<String>,
    /// Who it runs as.
    pub account: Account,
    /// Its processes, the main one first; none if it is down.
    pub processes: Vec<Identity>,
    /// The files that say what it is.
    pub files: Vec<PathBuf>,
    /// Other files that its start depends on, such as files with variables.
    pub deciding: Vec<PathBuf>,
    /// Why what the manager goes by is not what its files say, if so.
    pub stale: Option<String>,
    /// Its log: a path, or `journal`.
    pub log: String,
    /// What happens when it ends by itself.
    pub restart: String,
    /// How often it was started again by itself.
    pub restarts: u32,
    /// How it is now, in words, where it is down.
    pub state: String,
}

//! What can be seen of a service without changing it, whatever manager it has.

use crate::facts::ServiceFacts;
use crate::log::{Marks, Moment, Noted, Tail};
use crate::target_service::TargetService;
use runbook_host::{Identity, LogMark, Process, Reader};
use runbook_model::{Failure, Resource};
use runbook_step::Lack;
use serde_json::Value as Json;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A service of any manager.
pub type AnyService = Arc<dyn Observed>;

/// A service, as those see it who change nothing.
pub trait Observed: Inspected + Logged + fmt::Debug + fmt::Display + Send + Sync {
    /// The thing that steps conflict about.
    fn resource(&self) -> Resource;

    /// The manager's word for one that is up.
    fn up_word(&self) -> &'static str {
        "running"
    }

    /// How it is now.
    fn sight(&self, host: &Reader) -> Result<Sight, Failure>;

    /// Who holds a port for it.
    fn holders(&self, host: &Reader) -> Result<Holders, Failure>;

    /// Why nothing can be seen of it on this host, if so.
    fn absent(&self, host: &Reader) -> Option<Lack> {
        let _ = host;
        None
    }

    /// The same service, if its manager tells its processes from all others.
    fn target(&self) -> Option<&dyn TargetService> {
        None
    }
}

/// A service by what is inspected of it.
pub trait Inspected {
    /// What its next start executes and what runs of it. A service that this host does not know is a failure.
    fn facts(&self, host: &Reader) -> Result<ServiceFacts, Failure>;
}

/// A service by what it logs.
pub trait Logged {
    /// The file that it was last started with as its log, and where that stood then. `None` if it has no such file.
    fn log_file(&self, host: &Reader) -> Result<Option<(PathBuf, Option<LogMark>)>, Failure> {
        let _ = host;
        Ok(None)
    }

    /// Its own log from the position that counts at this moment, or why none can be read.
    fn log(&self, host: &Reader, marks: &Marks<'_>, moment: Moment) -> Result<Result<Tail, String>, Failure>;

    /// Which of the positions count for another file that it writes, or why that cannot be told.
    fn marks_of_files<'m>(&self, host: &Reader, marks: &'m Marks<'_>) -> Result<&'m Json, String> {
        let _ = host;
        Ok(marks.baseline)
    }

    /// Where its own log ends now, for [`log`](Self::log) to read on from later.
    fn log_marks(&self, host: &Reader) -> Result<Noted, Failure> {
        let _ = host;
        Ok(Noted::new())
    }

    /// Whether the positions are noted once more when the change was judged: what a rollback has to answer for comes later.
    fn is_marked_again(&self) -> bool {
        false
    }
}

/// The same service is meant.
impl PartialEq for dyn Observed {
    fn eq(&self, other: &Self) -> bool {
        self.resource() == other.resource()
    }
}

impl Eq for dyn Observed {}

/// How a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Whether it is up.
    pub is_up: bool,
    /// The same in words.
    pub words: String,
    /// Its main process, if it is up and has one.
    pub process: Option<Identity>,
    /// How often its manager has started it again by itself, where that is told.
    pub restarts: Option<u32>,
}

/// Who holds a port for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holders {
    /// Its own processes.
    pub own: Vec<Identity>,
    /// Who else may hold the socket.
    pub beside: Beside,
    /// What explains a stranger, to be said behind it; empty if nothing does.
    pub otherwise: String,
}

/// Who may hold a socket beside a process of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Anybody who was given it.
    Anybody,
    /// The manager, which passes on those that it was told to open: the first process of the host, or one of these.
    Manager(Vec<Process>),
}

impl Beside {
    /// Whether this process may.
    pub fn admits(&self, process: &Process) -> bool {
        match self {
            Self::Anybody => true,
            Self::Manager(processes) => process.identity.pid == 1 || processes.contains(process),
        }
    }
}

//! What can be seen of a service by whoever only looks, whatever manager it has.

use runbook_host::{Identity, Process, Reader};
use runbook_model::Failure;
use runbook_step::Lack;
use std::fmt;

/// A service, as those see it who change nothing.
pub trait Observed: fmt::Display {
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
}

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

//! What a process is to this tool: never a bare number, always a number with the time it was started.
//!
//! Reading them is in `procfs.rs`, signalling them in `pidfd.rs`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// One process for all time: numbers are reused, but not with the same start within the same boot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// When it was started, in clock ticks since the boot.
    pub start: u64,
    /// Which boot.
    pub boot: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)
    }
}

/// A line of the process table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Which process.
    pub identity: Identity,
    /// The kernel's short name of it.
    pub name: String,
    /// The number of its parent.
    pub parent: u32,
    /// The number of its process group.
    pub group: u32,
    /// Whether it ended and only waits for its parent to read how.
    pub ended: bool,
}

/// What a process executes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// The program file; `None` if this user may not see it.
    pub exe: Option<PathBuf>,
    /// The argument vector.
    pub argv: Vec<String>,
    /// Its working directory; `None` if this user may not see it.
    pub cwd: Option<PathBuf>,
    /// The user that it runs as.
    pub uid: Option<u32>,
    /// Whether it sees other process numbers than this user: it is in a container. `None` if this user may not see it.
    pub contained: Option<bool>,
}

impl Executed {
    /// `node server.js, user 1000`: for messages.
    pub fn line(&self) -> String {
        let argv = self.argv.join(" ");
        // A process that gave itself a shorter title leaves empty arguments behind it.
        let argv = argv.trim_end();
        let what = match (&self.exe, argv.is_empty()) {
            (_, false) => argv.to_owned(),
            (Some(exe), true) => exe.display().to_string(),
            (None, true) => "an unknown program".to_owned(),
        };
        self.uid.map_or(what.clone(), |uid| format!("{what}, user {uid}"))
    }
}

/// A TCP socket that accepts connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address that it listens on; an IPv4 address in IPv6 clothes is shown as IPv4.
    pub address: IpAddr,
    /// The socket's inode.
    pub inode: u64,
}

/// Who holds the listening sockets of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortOwners {
    /// The sockets, each with the processes that have it open.
    pub sockets: Vec<(Listener, Vec<Process>)>,
}

impl PortOwners {
    /// Whether nobody listens.
    pub fn is_free(&self) -> bool {
        self.sockets.is_empty()
    }

    /// A socket whose owner this user may not see.
    pub fn unseen(&self) -> Option<&Listener> {
        self.sockets.iter().find(|(_, owners)| owners.is_empty()).map(|(listener, _)| listener)
    }

    /// Every process that holds one of the sockets, once.
    pub fn processes(&self) -> Vec<&Process> {
        let mut found: Vec<&Process> = Vec::new();
        for process in self.sockets.iter().flat_map(|(_, owners)| owners) {
            if !found.iter().any(|known| known.identity == process.identity) {
                found.push(process);
            }
        }
        found
    }
}

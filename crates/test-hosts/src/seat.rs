//! The place of a host in the room: its directory, its port at the switch, its group.

use crate::cgroup::Cgroup;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// A host as its files and groups: what is the same at every boot.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// What the host is called.
    pub(crate) name: String,
    /// Its own directory.
    pub(crate) dir: PathBuf,
    /// Its place at the switch.
    pub(crate) port: u8,
    /// The group of everything that belongs to it.
    pub(crate) cgroup: Cgroup,
}

impl Seat {
    /// Where the host's own processes are; it is the root of the hierarchy that the host sees.
    pub(crate) fn machine(&self) -> Cgroup {
        self.cgroup.child("machine")
    }

    /// The address at the switch.
    pub(crate) fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, self.port)
    }
}

//! The network between the hosts of one lab: a bridge in a network namespace of its own. Labs never meet, so each can use
//! the same addresses, and nothing on this machine's own network changes.

use crate::command::{command, run, tool};
use crate::error::Result;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;

/// The bridge.
const BRIDGE: &str = "br0";

/// Where the tests are, seen from the hosts.
pub(crate) const GATE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// The network of one lab.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    namespace: String,
}

impl Switch {
    /// The network whose namespace is called `namespace`, whether or not it is there.
    pub(crate) fn called(namespace: &str) -> Self {
        Self { namespace: namespace.to_owned() }
    }

    /// The file of its namespace, for `nsenter --net`.
    pub(crate) fn file(&self) -> String {
        format!("/run/netns/{}", self.namespace)
    }

    /// Makes the namespace and the bridge, unless they are there. A half of them is made anew.
    pub(crate) fn create(&self) -> Result<()> {
        if run(command(&["ip", "-n", &self.namespace, "link", "show", BRIDGE]), b"")?.code == 0 {
            return Ok(());
        }
        self.remove()?;
        tool(&["ip", "netns", "add", &self.namespace])?;
        let lines = format!(
            "link set lo up\nlink add {BRIDGE} type bridge\naddress add {GATE}/24 dev {BRIDGE}\nlink set {BRIDGE} up\n"
        );
        run(command(&["ip", "-n", &self.namespace, "-batch", "-"]), lines.as_bytes())?.ok().map(drop)
    }

    /// Gives the namespace of the process `pid` a cable to the bridge and an address on it.
    pub(crate) fn plug(&self, port: u8, pid: u32, address: Ipv4Addr) -> Result<()> {
        let cable = format!(
            "link add p{port} type veth peer name eth0 netns {pid}\nlink set p{port} master {BRIDGE}\nlink set p{port} up\n"
        );
        run(command(&["ip", "-n", &self.namespace, "-batch", "-"]), cable.as_bytes())?.ok()?;
        let inside = format!("link set lo up\naddress add {address}/24 dev eth0\nlink set eth0 up\n");
        let pid = pid.to_string();
        run(command(&["nsenter", "--target", &pid, "--net", "ip", "-batch", "-"]), inside.as_bytes())?.ok().map(drop)
    }

    /// Makes a socket in the network of the hosts. It belongs to the network in which its thread made it, so a thread goes there,
    /// makes it, and ends.
    pub(crate) fn enter<T: Send + 'static>(
        &self,
        socket: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let namespace = File::open(self.file())?;
        let there = std::thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            socket()
        });
        there.join().unwrap_or_else(|_| Err(io::Error::other("the thread in the network of the hosts died")))
    }

    /// Takes the cable out, or puts it in again.
    pub(crate) fn set(&self, port: u8, state: &str) -> Result<()> {
        tool(&["ip", "-n", &self.namespace, "link", "set", &format!("p{port}"), state]).map(drop)
    }

    /// Removes the namespace and what is in it.
    pub(crate) fn remove(&self) -> Result<()> {
        if std::path::Path::new(&self.file()).exists() {
            tool(&["ip", "netns", "delete", &self.namespace])?;
        }
        Ok(())
    }
}

//! The lab: where hosts come from, and the place in their network from which a test reaches them.

use crate::available::{self, Unavailable};
use crate::command::{Output, run};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::node::Node;
use crate::registry::Registry;
use crate::room::Room;
use crate::site::Site;
use crate::ssh::Ssh;
use crate::switch::GATE;
use crate::{forward, memory, stale, tree};
use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

/// A network with no hosts yet. Many labs can be open at once, in one process or in many; they do not see each other.
///
/// Hosts keep their lab: it is gone when it and all its hosts are dropped.
#[derive(Clone, Debug)]
pub struct Lab {
    room: Arc<Room>,
}

impl Lab {
    /// Opens a lab, after removing what labs left whose process was killed. The first one on a machine builds the shared
    /// tree, which takes a minute and the network.
    ///
    /// # Errors
    ///
    /// Says why hosts cannot run here.
    pub fn open() -> Result<Self, Unavailable> {
        Self::with(Room::new)
    }

    /// A lab for a test; none, and a line that says `SKIPPED` and why, where hosts cannot run.
    ///
    /// # Panics
    ///
    /// Where hosts cannot run although `CI` is set.
    #[must_use]
    pub fn for_test() -> Option<Self> {
        available::or_skip(Self::open())
    }

    /// Opens the lab whose hosts stay when the process ends. There is one on a machine, for people.
    ///
    /// # Errors
    ///
    /// Says why hosts cannot run here.
    pub fn open_kept() -> Result<Self, Unavailable> {
        Self::with(Room::kept)
    }

    fn with(room: impl Fn(&Site, PathBuf) -> Result<Room>) -> Result<Self, Unavailable> {
        let site = Site::here();
        available::check()?;
        let _lock = site.lock().map_err(Unavailable::Site)?;
        available::try_kernel(&site)?;
        stale::sweep(&site).map_err(Unavailable::Site)?;
        let tree = tree::ready(&site).map_err(Unavailable::Tree)?;
        let room = room(&site, tree).map_err(Unavailable::Site)?;
        Ok(Self { room: Arc::new(room) })
    }

    /// Removes everything that dead labs left, the hosts that were kept, and the shared trees if no lab is open any more.
    ///
    /// # Errors
    ///
    /// Says what could not be removed.
    pub fn clean() -> Result<()> {
        let site = Site::here();
        let _lock = site.lock()?;
        stale::sweep(&site)?;
        stale::remove_kept(&site)?;
        if stale::rooms(&site)?.is_empty() { tree::remove(&site) } else { Ok(()) }
    }

    /// In the name of everything on this machine that belongs to the lab: its namespace, its control groups.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.room.name
    }

    /// The names of the lab's hosts, in order.
    pub fn names(&self) -> Result<Vec<String>> {
        self.room.names()
    }

    /// A host of the lab that another process booted.
    pub fn find(&self, name: &str) -> Result<Host> {
        Host::find(&self.room, name)
    }

    /// Makes a new host with this name and waits until its systemd has started everything.
    pub fn boot(&self, name: &str) -> Result<Host> {
        Host::new(&self.room, name)
    }

    /// Makes several hosts, at the same time as far as there is memory for it.
    pub fn boot_all(&self, names: &[&str]) -> Result<Vec<Host>> {
        let died = |_| Err(Error::Refused("the thread that boots a host died".to_owned()));
        let mut hosts = Vec::new();
        let mut rest = names;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(memory::room_for_hosts()?.clamp(1, rest.len()));
            let booted: Vec<Result<Host>> = std::thread::scope(|scope| {
                let threads: Vec<_> = now.iter().map(|name| scope.spawn(|| self.boot(name))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(died)).collect()
            });
            hosts.extend(booted.into_iter().collect::<Result<Vec<Host>>>()?);
            rest = later;
        }
        Ok(hosts)
    }

    /// A command to run on this machine, with its files, but in the network of the hosts.
    pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.room.switch.file())).arg("--").args(words);
        command
    }

    /// Runs a command on this machine in the network of the hosts to its end.
    pub fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I) -> Result<Output> {
        run(self.command(words), b"")
    }

    /// Starts an npm registry in the network of the hosts. It is empty, and asks no other one. There is one of it in a lab.
    pub fn registry(&self, node: &Node) -> Result<Registry> {
        Registry::start(&self.room, node)
    }

    /// Lets hosts reach `to` on this machine, such as a package registry: they find it at [`Lab::gate`] on `port`, as long as
    /// this process lives. Nothing else outside of their network can be reached.
    pub fn forward(&self, port: u16, to: SocketAddr) -> Result<()> {
        forward::open(&self.room.switch, port, to)
    }

    /// The address at which hosts find what was forwarded, and programs that run in their network.
    #[must_use]
    pub fn gate(&self) -> Ipv4Addr {
        GATE
    }

    /// How ssh on this machine reaches `hosts`.
    pub fn ssh(&self, hosts: &[&Host]) -> Result<Ssh> {
        Ssh::new(&self.room, hosts)
    }

    /// The private key that every host of the lab lets in as root.
    #[must_use]
    pub fn ssh_key(&self) -> PathBuf {
        self.room.site.key()
    }
}

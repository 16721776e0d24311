//! The registry in front of the user's own one, which keeps what it served: see front.mjs.

use super::Result;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = include_str!("front.mjs");

/// A registry on loopback. It ends when this is dropped, and when this process dies.
pub(super) struct Front {
    process: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Front {
    /// Starts it over what `cache` holds.
    pub(super) fn start(cache: &Path) -> Result<Self> {
        let mut node = Command::new("node");
        node.args(["--input-type=module", "--eval", PROGRAM, "--"]).arg(cache);
        let spawned = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = spawned.map_err(|error| format!("node cannot be started on this machine: {error}"))?;
        let mut line = String::new();
        if let Some(said) = process.stdout.take() {
            BufReader::new(said).read_line(&mut line)?;
        }
        let mut front = Self { process, address: (Ipv4Addr::LOCALHOST, 0).into() };
        let port = line.trim().parse().map_err(|_| "the registry front did not start; its own words are above")?;
        front.address.set_port(port);
        Ok(front)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

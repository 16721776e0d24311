//! Where the agent of a state directory listens, and where it keeps what is not a run's.

use crate::error::Error;
use rustix::process::geteuid;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The directory for the sockets of root.
const OF_ROOT: &str = if cfg!(target_os = "macos") { "/var/run/runbook/agents" } else { "/run/runbook/agents" };

/// The longest path of a state directory that a socket can be in: its own path may have 107 bytes on Linux, and fewer on a Mac.
const LONGEST: usize = 60;

/// The place of one agent: there is one a state directory and user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory of the socket, for this user alone.
    dir: PathBuf,
    /// Names the state directory in few letters, for the path of a socket is short.
    name: String,
    state_dir: PathBuf,
}

impl Place {
    /// The place of the agent for `state_dir`, which is absolute.
    pub fn of(state_dir: &Path) -> Self {
        let dir = if geteuid().is_root() {
            PathBuf::from(OF_ROOT)
        } else {
            // Not by the environment, which is another one at the next login: two places would be two agents.
            match state_dir.as_os_str().len() {
                0..=LONGEST => state_dir.join("agent"),
                _ => PathBuf::from(format!("/run/user/{}/runbook", geteuid().as_raw())),
            }
        };
        let digest = blake3::hash(state_dir.as_os_str().as_encoded_bytes()).to_hex();
        Self { dir, name: digest.chars().take(16).collect(), state_dir: state_dir.to_owned() }
    }

    /// What the agent is called among the units of the host that this process starts as its `nth`. The unit of one that was killed stays as long as
    /// anything runs that it had started, so each has a name of its own; that there is one agent is up to the lock.
    pub(crate) fn unit(&self, nth: u32) -> String {
        format!("runbook-agent-{}-{}-{nth}.service", self.name, std::process::id())
    }

    /// What the unit is called that settles an open run after a reboot.
    pub(crate) fn recovery(&self) -> String {
        format!("runbook-recover-{}.service", self.name)
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.dir.join(format!("{}.sock", self.name))
    }

    /// Whoever holds its lock is the agent.
    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join(format!("{}.lock", self.name))
    }

    /// Why one that was started does not listen.
    pub(crate) fn why(&self) -> PathBuf {
        self.dir.join(format!("{}.why", self.name))
    }

    /// What it keeps on the disk.
    pub fn kept(&self) -> PathBuf {
        self.state_dir.join("agent")
    }

    /// The state directory.
    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Makes the directory of the socket.
    ///
    /// # Errors
    /// Another user owns it, or may write there.
    pub(crate) fn make(&self) -> Result<(), Error> {
        make_below(&self.dir, if geteuid().is_root() { 0o755 } else { 0o700 }).map_err(Error::io("make", &self.dir))?;
        let found = fs::symlink_metadata(&self.dir).map_err(Error::io("look at", &self.dir))?;
        if !found.is_dir() || found.uid() != geteuid().as_raw() || found.permissions().mode() & 0o022 != 0 {
            return Err(Error::Foreign(self.dir.clone()));
        }
        Ok(())
    }
}

/// Makes a directory for this user alone, and those above it with the mode `above`: beside root's lie claims that everybody reads.
fn make_below(dir: &Path, above: u32) -> io::Result<()> {
    let make = |dir: &Path, mode| DirBuilder::new().recursive(true).mode(mode).create(dir);
    dir.parent().map_or(Ok(()), |parent| make(parent, above))?;
    make(dir, 0o700)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_above_stays_open_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let agents = dir.path().join("runbook/agents");
        make_below(&agents, 0o755).unwrap();
        make_below(&agents, 0o755).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir.path().join("runbook")), mode(&agents)), (0o755, 0o700));
    }
}

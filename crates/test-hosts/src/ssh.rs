//! How a person of this machine reaches hosts by ssh: a configuration that knows them by their names and keys.

use crate::error::{Result, WithPath};
use crate::host::Host;
use crate::room::Room;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory with what ssh needs, which goes with the lab.
#[derive(Clone, Debug)]
pub struct Ssh {
    dir: PathBuf,
}

impl Ssh {
    /// How ssh on this machine reaches this host and no other.
    pub fn to(host: &Host) -> Result<Self> {
        Self::new(host.room(), &[host])
    }

    /// Makes it for `hosts`, whose keys it knows. What is asked of it runs in the network of the hosts.
    pub(crate) fn new(room: &Room, hosts: &[&Host]) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = room.corner(&format!("ssh-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir(&dir).with_path(&dir)?;
        let ssh = Self { dir };
        let (mut known, mut config) = (String::new(), String::new());
        for host in hosts {
            let key = host.read("/etc/ssh/ssh_host_ed25519_key.pub")?;
            known += &format!("{} {}\n", host.address(), key.trim());
            config += &format!("Host {}\n  HostName {}\n", host.name(), host.address());
        }
        config += &format!(
            "Host *\n  User root\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n",
            room.site.key().display(),
            ssh.known_hosts().display()
        );
        let program = format!(
            "#!/bin/sh\nexec nsenter --net={} -- /usr/bin/ssh -F {} \"$@\"\n",
            room.switch.file(),
            ssh.config().display()
        );
        for (path, text) in [(ssh.known_hosts(), known), (ssh.config(), config), (ssh.program(), program)] {
            std::fs::write(&path, text).with_path(path)?;
        }
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(ssh.program(), executable).with_path(ssh.program())?;
        Ok(ssh)
    }

    /// For `ssh -F`, in the network of the hosts.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join("config")
    }

    /// The keys of the hosts. A test may write here.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.dir.join("known_hosts")
    }

    /// A program `ssh` that uses the configuration and goes into the network of the hosts by itself.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.dir.join("ssh")
    }

    /// The directory of the program, for the front of `PATH`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

//! Control groups: each host is one, so all its processes are known, end together, and hosts do not see each other's units.

use crate::command::until;
use crate::error::{Error, Result, WithPath};
use runbook_backup::Mounts;
use runbook_host::runs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long processes that were killed may take to be gone.
const GONE: Duration = Duration::from_secs(20);

/// A control group of the unified hierarchy.
#[derive(Clone, Debug)]
pub(crate) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// The root of the unified hierarchy, or why there is none that the lab can use.
    pub(crate) fn root() -> Result<Self, String> {
        let mounts = Mounts::read().map_err(|error| error.to_string())?;
        // What a container sees of it begins elsewhere.
        let mount = mounts.iter().find(|mount| mount.kind == "cgroup2" && mount.root == Path::new("/"));
        let advice = "no unified cgroup hierarchy is mounted; `mount -t cgroup2 cgroup2 DIRECTORY` gives one";
        mount.map(|mount| Self { path: mount.point.clone() }).ok_or_else(|| advice.to_owned())
    }

    /// The group `name` in this one, whether or not it is there.
    pub(crate) fn child(&self, name: &str) -> Self {
        Self { path: self.path.join(name) }
    }

    /// Makes the group and those above it.
    pub(crate) fn create(&self) -> Result<()> {
        std::fs::create_dir_all(&self.path).with_path(&self.path)
    }

    /// The file through which a process joins.
    pub(crate) fn door(&self) -> PathBuf {
        self.path.join("cgroup.procs")
    }

    /// The file that ends every process in the group and below it.
    pub(crate) fn switch_off(&self) -> PathBuf {
        self.path.join("cgroup.kill")
    }

    /// Moves the process `pid` into the group.
    pub(crate) fn take(&self, pid: u32) -> Result<()> {
        std::fs::write(self.door(), pid.to_string()).with_path(self.door())
    }

    /// Whether the process `pid` is in this group or below it.
    pub(crate) fn holds(&self, pid: u32) -> bool {
        let Some(name) = self.path.parent().and_then(Path::file_name).zip(self.path.file_name()) else { return false };
        let here = format!("/{}/{}/", name.0.to_string_lossy(), name.1.to_string_lossy());
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        groups.lines().any(|line| line.starts_with("0::") && line.contains(&here))
    }

    /// Ends every process in the group and below it at once, and waits until none of them does anything any more.
    pub(crate) fn kill(&self) -> Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let members = members(&self.path);
        std::fs::write(self.switch_off(), "1").with_path(self.switch_off())?;
        until(&format!("{} is empty", self.path.display()), GONE, || {
            let events = std::fs::read_to_string(self.path.join("cgroup.events")).map_err(|error| error.to_string())?;
            // The kernel counts a process as gone before it has let go of everything.
            match members.iter().find(|pid| self.holds(**pid) && runs(**pid)) {
                None if events.contains("populated 0") => Ok(()),
                left => Err(format!("{events}left: {left:?}")),
            }
        })
    }

    /// Removes the group and those below it. They must be empty.
    pub(crate) fn remove(&self) -> Result<()> {
        remove(&self.path)
    }
}

/// The processes in the group at `path` and below it.
fn members(path: &Path) -> Vec<u32> {
    let list = std::fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    let below = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let below = below.filter(|path| path.is_dir()).flat_map(|path| members(&path));
    list.lines().filter_map(|line| line.parse().ok()).chain(below).collect()
}

/// Groups are directories whose files cannot be removed, so deepest first and directories only.
fn remove(path: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_path(path)?,
    };
    for entry in entries {
        let entry = entry.with_path(path)?;
        if entry.file_type().with_path(entry.path())?.is_dir() {
            remove(&entry.path())?;
        }
    }
    // A process that has ended leaves its group a moment after it has left the list.
    until(&format!("{} is gone", path.display()), GONE, || match std::fs::remove_dir(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
        _ => Ok(()),
    })
    .map_err(|error| Error::Refused(error.to_string()))
}

//! The file system that a place is in, told again after another boot.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::escaped;
use crate::mounts::Mounts;
use crate::openat::open_directory;
use crate::spot::Spot;

/// Where the kernel tells its name of this boot.
pub const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The kernel's name of this boot, read once: no process outlives it. An error where there is no Linux.
pub fn boot_id() -> std::io::Result<&'static str> {
    static BOOT: OnceLock<String> = OnceLock::new();
    if let Some(boot) = BOOT.get() {
        return Ok(boot);
    }
    let text = std::fs::read_to_string(BOOT_ID)?;
    Ok(BOOT.get_or_init(|| text.trim().to_owned()))
}

/// The file system that a place is in, as far as the system tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// Where it was mounted.
    #[serde(with = "escaped::path")]
    pub mount: PathBuf,
    /// The number that the file system itself has; 0 when it has none.
    pub file_system: u64,
    /// The boot of the kernel: after another one the number may be another.
    pub boot: String,
}

impl Ground {
    /// That of an open directory. `None` where there is no `/proc`.
    pub(crate) fn of(dir: BorrowedFd<'_>) -> Option<Self> {
        let mount = Mounts::read().ok()?.of(dir)?.to_path_buf();
        let file_system = rustix::fs::fstatvfs(dir).map_or(0, |found| found.f_fsid);
        let boot = boot_id().unwrap_or_default().to_owned();
        Some(Self { mount, file_system, boot })
    }

    /// That of what is in a place, when it is a directory.
    pub(crate) fn inside(spot: &Spot) -> Option<Self> {
        open_directory(spot.fd(), spot.name()).ok().and_then(|dir| Self::of(dir.as_fd()))
    }

    /// Whether this, now, is the one that was there then.
    pub(crate) fn is_same_as(&self, then: &Self) -> bool {
        let comparable = self.boot == then.boot && self.file_system != 0 && then.file_system != 0;
        self.mount == then.mount && (!comparable || self.file_system == then.file_system)
    }
}

//! Files that only their owner may read, and what makes them survive a power cut.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::error::Error;

/// A new file for the owner only: a backup can hold secrets.
pub(crate) fn create_private(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).map_err(|error| Error::io("create", path, error))
}

/// A new directory for the owner only. It must not exist yet.
pub(crate) fn create_private_directory(path: &Path) -> Result<(), Error> {
    std::fs::DirBuilder::new().mode(0o700).create(path).map_err(|error| Error::io("create", path, error))
}

/// Makes names that were added to, moved in or removed from a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let done = rustix::fs::openat(rustix::fs::CWD, path, flags, Mode::empty()).and_then(rustix::fs::fsync);
    done.map_err(|error| Error::io("make durable", path, error))
}

/// Makes everything below a directory durable with one call: a call per file costs more than writing it did.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) fn sync_tree(dir: impl AsFd, path: &Path) -> Result<(), Error> {
    rustix::fs::syncfs(dir).map_err(|error| Error::io("make durable", path, error))
}

/// Without `syncfs`, the whole system is asked, and the directory itself once more for its error.
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub(crate) fn sync_tree(dir: impl AsFd, path: &Path) -> Result<(), Error> {
    rustix::fs::sync();
    rustix::fs::fsync(dir).map_err(|error| Error::io("make durable", path, error))
}

/// How many bytes are free for us in the file system of an open directory.
pub(crate) fn free_space_at(dir: impl AsFd) -> u64 {
    rustix::fs::fstatvfs(dir).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// How many bytes are free for us where `path` is.
pub(crate) fn free_space(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

//! Files that this process itself has locked.
//!
//! A process lets go of every POSIX lock that it has on a file when it closes any descriptor of that file. So a look
//! from inside the process that holds one (by a thread that tells how a run stands while another one is at work on it) begins
//! here, and opens nothing that is held.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A file by its device and number, whatever path leads to it.
pub(crate) type Id = (u64, u64);

/// What this process holds, by file.
#[derive(Debug)]
pub(crate) struct Ours<T>(Mutex<BTreeMap<Id, T>>);

impl<T> Ours<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The table. Such a file is opened and closed while the table is held, so that no close comes between the look
    /// and the lock of another thread.
    pub(crate) fn table(&self) -> MutexGuard<'_, BTreeMap<Id, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file that `path` leads to, without opening it.
pub(crate) fn id(path: &Path) -> Option<Id> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// The same of a file that is open.
pub(crate) fn id_of(file: &File) -> io::Result<Id> {
    file.metadata().map(|found| (found.dev(), found.ino()))
}

//! The database's file, read beside the writer and inside its process too.

use crate::ours::{self, Id, Ours};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The databases that this process writes, each open to read: SQLite has POSIX locks on them.
static WRITTEN: Ours<File> = Ours::new();

/// Keeps a database open for the readers of this process. It is dropped after the connection that writes.
#[derive(Debug)]
pub(crate) struct Readable(Id);

impl Readable {
    /// Call it before the connection takes its first lock.
    pub(crate) fn new(database: &Path) -> io::Result<Self> {
        let mut written = WRITTEN.table();
        let file = File::open(database)?;
        let id = ours::id_of(&file)?;
        written.insert(id, file);
        Ok(Self(id))
    }
}

impl Drop for Readable {
    fn drop(&mut self) {
        WRITTEN.table().remove(&self.0);
    }
}

/// All bytes of the database's file.
pub(crate) fn whole(database: &Path) -> io::Result<Vec<u8>> {
    let written = WRITTEN.table();
    let Some(file) = ours::id(database).and_then(|id| written.get(&id)) else { return fs::read(database) };
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?];
    // A file that a checkpoint has cut meanwhile is read again: the log is another one then.
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

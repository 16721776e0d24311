//! Which controller of a work is the last one: an older one may act no more, whatever it still has on its way.

use crate::error::Error;
use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The highest epoch of each work: in memory from its first link on, on the disk from its first act on.
#[derive(Debug)]
pub(crate) struct Epochs {
    dir: PathBuf,
    /// One link at a time compares and writes.
    seen: Mutex<HashMap<String, u64>>,
}

/// What was written so long ago is removed: nobody is at that work any more.
const OLD: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Epochs {
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self { dir, seen: Mutex::default() }
    }

    /// Takes note of a link. Gives the highest epoch that was seen where that is a higher one. Writes nothing: whoever only reads is
    /// heard on a full disk.
    ///
    /// # Errors
    /// What was written before cannot be read: then nobody knows whether it is the last one.
    pub(crate) fn enter(&self, work: &str, epoch: u64) -> Result<Option<u64>, Error> {
        let mut seen = self.table();
        let highest = self.highest(&seen, work)?.unwrap_or(0);
        seen.insert(work.to_owned(), highest.max(epoch));
        Ok((highest > epoch).then_some(highest))
    }

    /// Does `what` if no higher one was seen, lets none be seen meanwhile, and has written this one down before.
    ///
    /// # Errors
    /// It cannot be written down: then an older one could act after a restart.
    pub(crate) fn while_last<T>(&self, work: &str, epoch: u64, what: impl FnOnce() -> T) -> Result<Option<T>, Error> {
        let seen = self.table();
        if self.highest(&seen, work)?.is_some_and(|highest| highest > epoch) {
            return Ok(None);
        }
        if self.written(work)? != Some(epoch) {
            self.write(work, epoch)?;
        }
        Ok(Some(what()))
    }

    /// Whether no higher one was seen since.
    pub(crate) fn is_last(&self, work: &str, epoch: u64) -> bool {
        self.highest(&self.table(), work).is_ok_and(|highest| highest.is_none_or(|highest| highest <= epoch))
    }

    /// Removes what was written long ago.
    pub(crate) fn sweep(&self) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let written = entry.metadata().and_then(|found| found.modified()).ok();
            if written.and_then(|written| written.elapsed().ok()).is_some_and(|age| age > OLD) {
                // The next one tries again.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn highest(&self, seen: &HashMap<String, u64>, work: &str) -> Result<Option<u64>, Error> {
        Ok(seen.get(work).copied().max(self.written(work)?))
    }

    fn path(&self, work: &str) -> PathBuf {
        self.dir.join(blake3::hash(work.as_bytes()).to_hex().as_str())
    }

    fn written(&self, work: &str) -> Result<Option<u64>, Error> {
        let path = self.path(work);
        match fs::read_to_string(&path) {
            Ok(text) => {
                text.trim().parse().map(Some).map_err(|_| {
                    Error::io("read", &path)(io::Error::other("it does not hold the number of a connection"))
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    fn write(&self, work: &str, epoch: u64) -> Result<(), Error> {
        let path = self.path(work);
        let next = path.with_extension("next");
        let write = || -> io::Result<()> {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
            let mut file = File::create(&next)?;
            write!(file, "{epoch}")?;
            file.sync_all()?;
            fs::rename(&next, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(Error::io("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_controller_is_told_apart_even_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let epochs = Epochs::at(dir.path().join("epochs"));
        assert_eq!(epochs.enter("a", 2).unwrap(), None);
        assert_eq!(epochs.enter("a", 1).unwrap(), Some(2));
        assert!(!dir.path().join("epochs").exists(), "whoever only reads writes nothing");
        assert_eq!(epochs.while_last("a", 1, || ()).unwrap(), None);
        assert_eq!(epochs.while_last("a", 2, || ()).unwrap(), Some(()));
        assert_eq!(epochs.enter("b", 1).unwrap(), None);
        let again = Epochs::at(dir.path().join("epochs"));
        assert_eq!(again.enter("a", 1).unwrap(), Some(2));
        assert!(!again.is_last("a", 1) && again.is_last("a", 2));
        assert_eq!(again.enter("a", 3).unwrap(), None);
        assert_eq!(again.while_last("a", 2, || ()).unwrap(), None);
        std::fs::write(again.path("a"), "not a number").unwrap();
        assert!(again.enter("a", 9).is_err() && !again.is_last("a", 9));
    }
}

//! Which controller of a work is the last one: an older one may act no more, whatever it still has on its way.

use crate::error::Error;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Mutex;

/// The highest epoch of each work, on the disk.
#[derive(Debug)]
pub(crate) struct Epochs {
    dir: PathBuf,
    /// One connection at a time compares and writes.
    guard: Mutex<()>,
}

impl Epochs {
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self { dir, guard: Mutex::new(()) }
    }

    /// Takes note of a connection. Gives the highest epoch that was seen where that is a higher one.
    ///
    /// # Errors
    /// It cannot be written down: then nobody knows whether it is the last one.
    pub(crate) fn enter(&self, work: &str, epoch: u64) -> Result<Option<u64>, Error> {
        let _one_at_a_time = self.guard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let seen = self.seen(work)?;
        match seen.filter(|seen| *seen > epoch) {
            Some(higher) => Ok(Some(higher)),
            None => self.note(work, epoch).map(|()| None),
        }
    }

    /// Whether no higher one was seen since.
    pub(crate) fn is_last(&self, work: &str, epoch: u64) -> bool {
        self.seen(work).is_ok_and(|seen| seen.is_none_or(|seen| seen <= epoch))
    }

    /// Does `what` if no higher one was seen, and lets none be seen meanwhile.
    pub(crate) fn while_last<T>(&self, work: &str, epoch: u64, what: impl FnOnce() -> T) -> Option<T> {
        let _one_at_a_time = self.guard.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.is_last(work, epoch).then(what)
    }

    fn path(&self, work: &str) -> PathBuf {
        self.dir.join(blake3::hash(work.as_bytes()).to_hex().as_str())
    }

    fn seen(&self, work: &str) -> Result<Option<u64>, Error> {
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

    fn note(&self, work: &str, epoch: u64) -> Result<(), Error> {
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
        assert_eq!(epochs.enter("a", 2).unwrap(), None);
        assert_eq!(epochs.enter("b", 1).unwrap(), None);
        let again = Epochs::at(dir.path().join("epochs"));
        assert_eq!(again.enter("a", 1).unwrap(), Some(2));
        assert!(!again.is_last("a", 1) && again.is_last("a", 2));
        assert_eq!(again.enter("a", 3).unwrap(), None);
        assert!(!epochs.is_last("a", 2));
        std::fs::write(again.path("a"), "not a number").unwrap();
        assert!(again.enter("a", 9).is_err() && !again.is_last("a", 9));
    }
}

//! Walks a tree in the order of its paths without ever following a link, and knows where other file systems begin.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use crate::descent::Descent;
use crate::error::Error;
use crate::inode::Inode;
use crate::manifest::SkipReason;
use crate::mounts::Mounts;
use crate::openat::names;
use crate::spot::Spot;

/// Something that was found.
pub(crate) struct Found<'a> {
    pub(crate) path: &'a Path,
    pub(crate) parent: BorrowedFd<'a>,
    pub(crate) name: &'a OsStr,
    pub(crate) inode: Inode,
    /// Open already, when it is a directory.
    pub(crate) directory: Option<BorrowedFd<'a>>,
}

/// What to do with what is found: a directory is seen before what is in it.
pub(crate) trait Visit {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error>;
    /// What is neither given to `found` nor entered.
    fn skipped(&mut self, _path: &Path, _why: SkipReason) -> Result<(), Error> {
        Ok(())
    }
}

/// Visits a place and everything below it, however deep. False when nothing is there.
pub(crate) fn walk(root: &Spot, mounts: &Mounts, visit: &mut dyn Visit) -> Result<bool, Error> {
    if root.stat()?.is_none() {
        return Ok(false);
    }
    let top = root.fd().try_clone_to_owned().map_err(|error| Error::io("open the directory of", root.path(), error))?;
    let path = root.path().to_path_buf();
    let inside = mounts.inside(root);
    Walker { inside, visit, path, descent: Descent::new(top), levels: Vec::new() }.all(root.name())?;
    Ok(true)
}

struct Walker<'a> {
    /// Where other file systems are mounted below, by the names that are visited.
    inside: HashSet<PathBuf>,
    visit: &'a mut dyn Visit,
    path: PathBuf,
    descent: Descent,
    levels: Vec<Level>,
}

/// A directory that is being visited.
struct Level {
    names: std::vec::IntoIter<OsString>,
    dev: u64,
}

impl Walker<'_> {
    fn all(&mut self, name: &OsStr) -> Result<(), Error> {
        self.one(name, None)?;
        while let Some(level) = self.levels.last_mut() {
            let dev = level.dev;
            match level.names.next() {
                Some(name) => {
                    self.path.push(&name);
                    if !self.one(&name, Some(dev))? {
                        self.path.pop();
                    }
                }
                None => {
                    self.descent.leave().map_err(|error| Error::io("go back up from", &self.path, error))?;
                    self.levels.pop();
                    self.path.pop();
                }
            }
        }
        Ok(())
    }

    /// Whether it went down into it.
    fn one(&mut self, name: &OsStr, parent_dev: Option<u64>) -> Result<bool, Error> {
        loop {
            let inode = match rustix::fs::statat(self.descent.fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => Inode::new(&stat),
                Err(Errno::NOENT) => return self.skip(SkipReason::Vanished),
                Err(error) => return Err(Error::io("read", &self.path, error)),
            };
            let is_mount = || !self.inside.is_empty() && self.inside.contains(&self.path);
            if parent_dev.is_some_and(|dev| dev != inode.seen.dev || is_mount()) {
                return self.skip(SkipReason::MountPoint);
            }
            match inode.kind {
                FileType::Directory => match self.descent.enter(name) {
                    Ok(stat) => return self.entered(name, Inode::new(&stat)).map(|()| true),
                    // Replaced by something else since it was looked at: look again.
                    Err(Errno::NOTDIR | Errno::LOOP) => {}
                    Err(Errno::NOENT) => return self.skip(SkipReason::Vanished),
                    Err(error) => return Err(Error::io("open", &self.path, error)),
                },
                FileType::Socket => return self.skip(SkipReason::Socket),
                _ => {
                    let parent = self.descent.fd();
                    self.visit.found(&Found { path: &self.path, parent, name, inode, directory: None })?;
                    return Ok(false);
                }
            }
        }
    }

    fn entered(&mut self, name: &OsStr, inode: Inode) -> Result<(), Error> {
        let (parent, directory) = (self.descent.above(), self.descent.fd());
        self.visit.found(&Found { path: &self.path, parent, name, inode, directory: Some(directory) })?;
        let names = names(directory).map_err(|error| Error::io("list", &self.path, error))?;
        self.levels.push(Level { names: names.into_iter(), dev: inode.seen.dev });
        Ok(())
    }

    fn skip(&mut self, why: SkipReason) -> Result<bool, Error> {
        self.visit.skipped(&self.path, why).map(|()| false)
    }
}

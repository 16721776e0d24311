//! A way down from a directory that is held, name by name and never through a link, with few descriptors open however
//! deep it goes.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::Stat;
use rustix::io::Errno;

use crate::openat::open_directory;

/// How many of the last directories stay open. The others are found again from below.
const OPEN: usize = 24;

/// Which directory it is, whatever its name.
pub(crate) type Id = (u64, u64);

pub(crate) fn id_of(stat: &Stat) -> Id {
    let inode = crate::inode::Inode::new(stat);
    (inode.seen.dev, inode.seen.ino)
}

pub(crate) struct Descent {
    top: OwnedFd,
    names: Vec<(OsString, Id)>,
    /// The last ones of `names`, open.
    open: VecDeque<OwnedFd>,
}

impl Descent {
    pub(crate) fn new(top: OwnedFd) -> Self {
        Self { top, names: Vec::new(), open: VecDeque::new() }
    }

    /// The directory that it began with.
    pub(crate) fn top(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }

    /// The directory that it has come to.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.open.back().map_or(self.top.as_fd(), AsFd::as_fd)
    }

    /// The directory that holds the one that it has come to.
    pub(crate) fn above(&self) -> BorrowedFd<'_> {
        let at = self.open.len().checked_sub(2);
        at.and_then(|at| self.open.get(at)).map_or(self.top.as_fd(), AsFd::as_fd)
    }

    pub(crate) fn depth(&self) -> usize {
        self.names.len()
    }

    /// How many of `parts`, from the first on, are the way that it went.
    pub(crate) fn common(&self, parts: &[&OsStr]) -> usize {
        self.names.iter().zip(parts).take_while(|((name, _), part)| name == *part).count()
    }

    /// Goes down into `name`, which is a directory and no link.
    pub(crate) fn enter(&mut self, name: &OsStr) -> Result<Stat, Errno> {
        let fd = open_directory(self.fd(), name)?;
        let stat = rustix::fs::fstat(&fd)?;
        self.names.push((name.to_os_string(), id_of(&stat)));
        self.open.push_back(fd);
        if self.open.len() > OPEN {
            self.open.pop_front();
        }
        Ok(stat)
    }

    /// Goes up again, and says the name of what it left.
    ///
    /// A directory that is not open any more is the one above this one, and is compared: when somebody moved this one
    /// elsewhere meanwhile, that is `ESTALE`, and nothing is done there.
    pub(crate) fn leave(&mut self) -> Result<OsString, Errno> {
        if let ([.., (_, above), _], [last]) = (self.names.as_slice(), self.open.make_contiguous()) {
            let fd = open_directory(last.as_fd(), OsStr::new(".."))?;
            if id_of(&rustix::fs::fstat(&fd)?) != *above {
                return Err(Errno::STALE);
            }
            self.open.push_front(fd);
        }
        self.open.pop_back();
        self.names.pop().map(|(name, _)| name).ok_or(Errno::INVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spot::Spot;

    fn down(depth: usize) -> (tempfile::TempDir, Descent) {
        let scratch = tempfile::tempdir().unwrap();
        let held = Spot::find(&scratch.path().join("x")).unwrap().unwrap();
        let mut descent = Descent::new(held.fd().try_clone_to_owned().unwrap());
        for _ in 0..depth {
            rustix::fs::mkdirat(descent.fd(), "d", rustix::fs::Mode::RWXU).unwrap();
            descent.enter(OsStr::new("d")).unwrap();
        }
        (scratch, descent)
    }

    #[test]
    fn it_comes_back_up_from_any_depth_with_few_descriptors() {
        let (scratch, mut descent) = down(3000);
        assert!(descent.open.len() <= OPEN);
        while descent.depth() > 0 {
            descent.leave().unwrap();
        }
        let top = rustix::fs::fstat(descent.fd()).unwrap();
        assert_eq!(id_of(&top), id_of(&rustix::fs::stat(scratch.path()).unwrap()));
        crate::remove::remove_tree(&scratch.path().join("d")).unwrap();
    }

    #[test]
    fn it_does_not_follow_a_directory_that_was_moved_elsewhere() {
        let (scratch, mut descent) = down(OPEN + 4);
        let at = |levels: usize| scratch.path().join(vec!["d"; levels].join("/"));
        std::fs::create_dir(scratch.path().join("elsewhere")).unwrap();
        // The first one that is open: the one above it is not.
        std::fs::rename(at(5), scratch.path().join("elsewhere/d")).unwrap();
        let stopped = std::iter::from_fn(|| Some(descent.leave())).find_map(Result::err);
        assert_eq!(stopped, Some(Errno::STALE));
        assert_eq!(descent.depth(), 5);
    }
}

//! Removes trees however deep they are, never through a link and never into another file system.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::descent::Descent;
use crate::error::Error;
use crate::inode::Inode;
use crate::openat::{names, open_file};
use crate::spot::Spot;

/// Removes what is at a path, a directory with all that it holds; links are removed, not followed. Says how many entries
/// went: none when nothing was there.
///
/// It is for what is runbook's own: directories that their owner may not write are opened up first, and files that may
/// not be changed unlocked.
pub fn remove_tree(path: &Path) -> Result<u64, Error> {
    Spot::find(path)?.map_or(Ok(0), |spot| spot.remove_own())
}

impl Spot {
    /// Removes what is there, a directory with all that it holds; links are removed, not followed. Says how many entries
    /// went: none when nothing was there.
    pub fn remove(&self) -> Result<u64, Error> {
        remove_at(self.fd(), self.name(), Resistance::Refuses).map_err(|error| Error::io("remove", self.path(), error))
    }

    /// The same for what is runbook's own, also where it is closed or locked.
    pub(crate) fn remove_own(&self) -> Result<u64, Error> {
        remove_at(self.fd(), self.name(), Resistance::IsBroken).map_err(|error| Error::io("remove", self.path(), error))
    }
}

/// What a directory that is closed, or a file that is locked, does to its removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resistance {
    Refuses,
    IsBroken,
}

/// Removes a name in an open directory, and everything below it.
pub(crate) fn remove_at(dir: BorrowedFd<'_>, name: &OsStr, resistance: Resistance) -> Result<u64, Errno> {
    let Some(found) = found_at(dir, name)? else { return Ok(0) };
    if found.kind != FileType::Directory {
        let unlink = || rustix::fs::unlinkat(dir, name, AtFlags::empty());
        match unlink() {
            Err(Errno::PERM) if resistance == Resistance::IsBroken => {
                unlock(dir, name)?;
                unlink()?;
            }
            done => done?,
        }
        return Ok(1);
    }
    let top = rustix::io::fcntl_dupfd_cloexec(dir, 0)?;
    let mut removal =
        Removal { descent: Descent::new(top), levels: Vec::new(), dev: found.seen.dev, gone: 0, resistance };
    removal.enter(name)?;
    while let Some(level) = removal.levels.last_mut() {
        match level.pop() {
            Some(name) => removal.one(&name)?,
            None => removal.leave()?,
        }
    }
    Ok(removal.gone)
}

fn found_at(dir: BorrowedFd<'_>, name: &OsStr) -> Result<Option<Inode>, Errno> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(Inode::new(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

struct Removal {
    descent: Descent,
    /// The names that are left, one list a directory.
    levels: Vec<Vec<OsString>>,
    dev: u64,
    gone: u64,
    resistance: Resistance,
}

impl Removal {
    fn one(&mut self, name: &OsStr) -> Result<(), Errno> {
        let unlink = |descent: &Descent| rustix::fs::unlinkat(descent.fd(), name, AtFlags::empty());
        let done = match unlink(&self.descent) {
            Err(Errno::ACCESS) => {
                self.open_up()?;
                unlink(&self.descent)
            }
            done => done,
        };
        match done {
            Ok(()) => self.gone += 1,
            Err(Errno::NOENT) => {}
            // POSIX says the second of a directory, Linux the first. The second is also an immutable file.
            Err(error @ (Errno::ISDIR | Errno::PERM)) => match found_at(self.descent.fd(), name)? {
                Some(found) if found.kind == FileType::Directory => self.enter(name)?,
                Some(_) if error == Errno::PERM && self.resistance == Resistance::IsBroken => {
                    // Either it or its directory is locked.
                    crate::flags::unlock(self.descent.fd())?;
                    unlock(self.descent.fd(), name)?;
                    unlink(&self.descent)?;
                    self.gone += 1;
                }
                Some(_) => return Err(error),
                None => {}
            },
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn enter(&mut self, name: &OsStr) -> Result<(), Errno> {
        let entered = match self.descent.enter(name) {
            Err(Errno::ACCESS) if self.resistance == Resistance::IsBroken => {
                set_directory_mode(self.descent.fd(), name, 0o700)?;
                self.descent.enter(name)?
            }
            entered => entered?,
        };
        if Inode::new(&entered).seen.dev != self.dev {
            return Err(Errno::XDEV);
        }
        self.levels.push(names(self.descent.fd())?);
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Errno> {
        let name = self.descent.leave()?;
        self.levels.pop();
        let remove = |descent: &Descent| rustix::fs::unlinkat(descent.fd(), &name, AtFlags::REMOVEDIR);
        match remove(&self.descent) {
            Err(Errno::ACCESS) => {
                self.open_up()?;
                remove(&self.descent)?;
            }
            Err(Errno::PERM) if self.resistance == Resistance::IsBroken => {
                crate::flags::unlock(self.descent.fd())?;
                unlock(self.descent.fd(), &name)?;
                remove(&self.descent)?;
            }
            done => done?,
        }
        self.gone += 1;
        Ok(())
    }

    /// Lets us change a directory below the one that it began with. That one is not ours to change.
    fn open_up(&self) -> Result<(), Errno> {
        if self.descent.depth() == 0 || self.resistance == Resistance::Refuses {
            return Err(Errno::ACCESS);
        }
        rustix::fs::fchmod(self.descent.fd(), Mode::RWXU)
    }
}

fn unlock(dir: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    // A special file cannot be locked, and a link cannot be opened.
    open_file(dir, name).map_or(Ok(()), crate::flags::unlock)
}

/// A directory that its owner may not write cannot be moved to another parent, except by root. This makes one movable,
/// and returns the mode to put back.
pub(crate) fn make_movable(dir: BorrowedFd<'_>, name: &OsStr) -> Option<u32> {
    let found = found_at(dir, name).ok().flatten().filter(|found| found.kind == FileType::Directory)?;
    if found.mode & 0o200 != 0 || rustix::process::geteuid().is_root() {
        return None;
    }
    // When this is not ours to change, the move that follows says so.
    set_directory_mode(dir, name, found.mode | 0o200).ok()?;
    Some(found.mode)
}

/// Puts back what `make_movable` changed.
pub(crate) fn restore_mode(dir: impl AsFd, name: &OsStr, mode: Option<u32>) -> Result<(), Errno> {
    mode.map_or(Ok(()), |mode| set_directory_mode(dir.as_fd(), name, mode))
}

/// Sets the mode of a directory, also of one that its owner may not open. Nothing that somebody puts in its place
/// meanwhile is followed or changed.
#[cfg(target_os = "linux")]
pub fn set_directory_mode(dir: BorrowedFd<'_>, name: &OsStr, mode: u32) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::openat(dir, name, flags, Mode::empty())?;
    // What is only held cannot be given to fchmod(2), and fchmodat(2) has no flag for a link before Linux 6.6.
    rustix::fs::chmod(format!("/proc/self/fd/{}", held.as_raw_fd()), Mode::from_raw_mode(mode))
}

/// Sets the mode of a directory, also of one that its owner may not open. A link in its place is not followed.
#[cfg(not(target_os = "linux"))]
pub fn set_directory_mode(dir: BorrowedFd<'_>, name: &OsStr, mode: u32) -> Result<(), Errno> {
    rustix::fs::chmodat(dir, name, Mode::from_raw_mode(mode), AtFlags::SYMLINK_NOFOLLOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn the_mode_of_a_closed_directory_is_set_and_that_behind_a_link_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        for dir in ["closed", "elsewhere"] {
            std::fs::create_dir(at(dir)).unwrap();
        }
        std::fs::write(at("file"), "").unwrap();
        symlink("elsewhere", at("link")).unwrap();
        let mode = |name: &str| std::fs::metadata(at(name)).unwrap().permissions().mode() & 0o7777;
        std::fs::set_permissions(at("closed"), PermissionsExt::from_mode(0o000)).unwrap();
        let before = [mode("elsewhere"), mode("file")];
        let spot = Spot::known(&at("x")).unwrap();
        let set = |name: &str| set_directory_mode(spot.fd(), OsStr::new(name), 0o711).is_ok();
        assert_eq!(["closed", "link", "file"].map(set), [true, false, false]);
        assert_eq!(([mode("elsewhere"), mode("file")], mode("closed")), (before, 0o711));
    }
}

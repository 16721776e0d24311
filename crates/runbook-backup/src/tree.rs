//! Walks a tree in the order of its paths without ever following a link, and knows where other file systems begin.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::error::Error;
use crate::escaped;
use crate::inode::Inode;
use crate::manifest::SkipReason;

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
    fn skipped(&mut self, path: &Path, why: SkipReason) -> Result<(), Error>;
}

/// Visits a path and everything below it. False when nothing is there.
pub(crate) fn walk(root: &Path, mounts: &Mounts, visit: &mut dyn Visit) -> Result<bool, Error> {
    let (Some(parent), Some(name)) = (root.parent(), root.file_name()) else {
        return Err(Error::BadPath { path: root.to_path_buf(), why: "it has no name" });
    };
    let parent_fd = match rustix::fs::openat(CWD, parent, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
        Err(error) => return Err(Error::io("open", parent, error)),
    };
    match rustix::fs::statat(&parent_fd, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => {}
        Err(Errno::NOENT) => return Ok(false),
        Err(error) => return Err(Error::io("read", root, error)),
    }
    Walker { mounts, visit, path: root.to_path_buf() }.one(parent_fd.as_fd(), name, None)?;
    Ok(true)
}

struct Walker<'a> {
    mounts: &'a Mounts,
    visit: &'a mut dyn Visit,
    path: PathBuf,
}

impl Walker<'_> {
    fn one(&mut self, parent: BorrowedFd<'_>, name: &OsStr, parent_dev: Option<u64>) -> Result<(), Error> {
        let inode = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Inode::new(&stat),
            Err(Errno::NOENT) => return self.visit.skipped(&self.path, SkipReason::Vanished),
            Err(error) => return Err(Error::io("read", &self.path, error)),
        };
        if parent_dev.is_some_and(|dev| dev != inode.seen.dev || self.mounts.at(&self.path)) {
            return self.visit.skipped(&self.path, SkipReason::MountPoint);
        }
        match inode.kind {
            FileType::Directory => self.directory(parent, name, parent_dev),
            FileType::Socket => self.visit.skipped(&self.path, SkipReason::Socket),
            _ => self.visit.found(&Found { path: &self.path, parent, name, inode, directory: None }),
        }
    }

    fn directory(&mut self, parent: BorrowedFd<'_>, name: &OsStr, parent_dev: Option<u64>) -> Result<(), Error> {
        let fd = match open_directory(parent, name) {
            Ok(fd) => fd,
            // Replaced by something else since it was looked at: look again.
            Err(Errno::NOTDIR | Errno::LOOP) => return self.one(parent, name, parent_dev),
            Err(Errno::NOENT) => return self.visit.skipped(&self.path, SkipReason::Vanished),
            Err(error) => return Err(Error::io("open", &self.path, error)),
        };
        let inode = Inode::new(&rustix::fs::fstat(&fd).map_err(|error| Error::io("read", &self.path, error))?);
        let directory = Some(fd.as_fd());
        self.visit.found(&Found { path: &self.path, parent, name, inode, directory })?;
        for name in names(fd.as_fd()).map_err(|error| Error::io("list", &self.path, error))? {
            self.path.push(&name);
            self.one(fd.as_fd(), &name, Some(inode.seen.dev))?;
            self.path.pop();
        }
        Ok(())
    }
}

pub(crate) fn open_directory(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, name, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a regular file for reading, never through a link, and never waiting for the other end of a pipe.
pub(crate) fn open_file(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

pub(crate) fn names(directory: BorrowedFd<'_>) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_os_string());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Where file systems are mounted, bind mounts of the same file system among them, which `stat` cannot tell.
#[derive(Debug, Default)]
pub(crate) struct Mounts(HashSet<PathBuf>);

impl Mounts {
    /// Empty where there is no `/proc`; then only a change of device number tells a mount.
    pub(crate) fn read() -> Self {
        let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
        let points = table.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
        Self(points.map(|point| escaped::to_path(without_octal(point))).collect())
    }

    fn at(&self, path: &Path) -> bool {
        self.0.contains(path)
    }

    /// A mount at the path or below it. Links above the path are resolved first, as the kernel did.
    pub(crate) fn below(&self, path: &Path) -> Option<&Path> {
        let real = path.parent().and_then(|parent| parent.canonicalize().ok());
        let real = real.zip(path.file_name()).map_or_else(|| path.to_path_buf(), |(parent, name)| parent.join(name));
        self.0.iter().map(PathBuf::as_path).filter(|mount| mount.starts_with(&real)).min()
    }

    /// Whether a mount lies between a path and one of its parents, the path itself included.
    pub(crate) fn between(&self, parent: &Path, path: &Path) -> bool {
        path.ancestors().take_while(|ancestor| *ancestor != parent).any(|ancestor| self.at(ancestor))
    }
}

/// The kernel writes a blank, tab, newline and backslash as `\ooo`.
fn without_octal(text: &[u8]) -> Vec<u8> {
    let mut parts = text.split(|byte| *byte == b'\\');
    let mut out = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let code = part.get(..3).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(part.get(3..).unwrap_or_default());
            }
            None => out.extend_from_slice(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn mount_points_with_odd_names() {
        assert_eq!(super::without_octal(br"/a\040b\134c"), br"/a b\c");
    }
}

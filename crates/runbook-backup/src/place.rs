//! Puts files, links and directories below one directory, and can put them nowhere else.
//!
//! Every name is resolved one component at a time from an open directory and never through a link, so neither a name
//! in an archive nor a link planted meanwhile leads out.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;

use crate::attributes;
use crate::descent::Descent;
use crate::error::Error;
use crate::flags;
use crate::manifest::{Attributes, Entry, EntryKind};
use crate::openat::{names, open_directory, open_file};
use crate::spot::Spot;
use crate::timestamp::Timestamp;

/// Everything about a file but its name and content.
pub(crate) struct Metadata<'a> {
    pub(crate) mode: u32,
    /// None: the caller, root or not.
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) mtime: Timestamp,
    pub(crate) xattrs: &'a Attributes,
}

impl<'a> From<&'a Entry> for Metadata<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self { mode: entry.mode, owner: Some((entry.uid, entry.gid)), mtime: entry.mtime, xattrs: &entry.xattrs }
    }
}

/// A directory that things are put below.
pub(crate) struct Place {
    path: PathBuf,
    /// From it to the directory last used.
    descent: Descent,
}

impl Place {
    /// The directory that holds `spot`.
    pub(crate) fn around(spot: &Spot) -> Result<Self, Error> {
        let root = spot.fd().try_clone_to_owned().map_err(|error| Error::io("open", spot.parent(), error))?;
        Ok(Self { path: spot.parent().to_path_buf(), descent: Descent::new(root) })
    }

    /// A directory that is ours alone: nobody else can have put anything into it.
    pub(crate) fn private(spot: &Spot) -> Result<Self, Error> {
        let failed = |error: Errno| Error::io("open", spot.path(), error);
        let root = open_directory(spot.fd(), spot.name()).map_err(failed)?;
        let found = rustix::fs::fstat(&root).map_err(failed)?;
        if found.st_uid != rustix::process::geteuid().as_raw() || found.st_mode & 0o077 != 0 {
            let why = "somebody else put a directory in its place; find out who writes there";
            return Err(Error::BadPath { path: spot.path().to_path_buf(), why });
        }
        Ok(Self { path: spot.path().to_path_buf(), descent: Descent::new(root) })
    }

    /// The directory `relative`, as a place of its own.
    pub(crate) fn below(&mut self, relative: &Path) -> Result<Self, Error> {
        let root = self.at("open", relative, open_directory)?;
        Ok(Self { path: self.path.join(relative), descent: Descent::new(root) })
    }

    /// A name of the place itself.
    pub(crate) fn spot(&self, name: impl AsRef<OsStr>) -> Result<Spot, Error> {
        Spot::within(self.fd(), &self.path, name.as_ref())
    }

    /// The inode number of what has this name, if anything has.
    pub(crate) fn inode(&self, name: &str) -> Result<Option<u64>, Errno> {
        match rustix::fs::statat(self.fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found.st_ino)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is in the directory `relative`.
    pub(crate) fn names(&mut self, relative: &Path) -> Result<Vec<OsString>, Error> {
        self.at("list", relative, |parent, name| names(open_directory(parent, name)?.as_fd()))
    }

    /// Moves `from` to the name `to` of the place itself.
    pub(crate) fn rename(&mut self, from: &Path, to: &str) -> Result<(), Error> {
        let root = self.fd().try_clone_to_owned().map_err(|error| Error::io("open", &self.path, error))?;
        self.at("move", from, |parent, name| rustix::fs::renameat(parent, name, &root, to))
    }

    /// Takes a file or a link away again.
    pub(crate) fn remove(&mut self, relative: &Path) -> Result<(), Error> {
        self.at("remove", relative, |parent, name| rustix::fs::unlinkat(parent, name, AtFlags::empty()))
    }

    /// Gives a directory to a user and a group.
    pub(crate) fn own(&mut self, relative: &Path, (uid, gid): (u32, u32)) -> Result<(), Error> {
        self.at("set the owner of", relative, |parent, name| {
            rustix::fs::fchown(open_directory(parent, name)?, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.descent.top()
    }

    pub(crate) fn path_of(&self, relative: &Path) -> PathBuf {
        self.path.join(relative)
    }

    /// The open directory that holds a relative path, and the last part of its name.
    fn parent<'a>(&mut self, relative: &'a Path) -> Result<(BorrowedFd<'_>, &'a OsStr), Error> {
        let refused = || Error::BadPath { path: relative.to_path_buf(), why: "the name leads out of its directory" };
        let mut parts = Vec::new();
        for component in relative.components() {
            let Component::Normal(part) = component else { return Err(refused()) };
            parts.push(part);
        }
        let name = parts.pop().ok_or_else(refused)?;
        let failed = |error| Error::io("open the directory of", &self.path.join(relative), error);
        let same = self.descent.common(&parts);
        while self.descent.depth() > same {
            self.descent.leave().map_err(failed)?;
        }
        for part in parts.into_iter().skip(same) {
            self.descent.enter(part).map_err(failed)?;
        }
        Ok((self.descent.fd(), name))
    }

    fn at<T>(
        &mut self,
        doing: &'static str,
        relative: &Path,
        run: impl FnOnce(BorrowedFd<'_>, &OsStr) -> Result<T, Errno>,
    ) -> Result<T, Error> {
        let (parent, name) = self.parent(relative)?;
        run(parent, name).map_err(|error| Error::io(doing, &self.path.join(relative), error))
    }

    /// A new directory in the place itself, with the mode that new directories have.
    pub(crate) fn top(&mut self, name: &OsStr) -> Result<(), Error> {
        let mode = Mode::from_raw_mode(0o777);
        self.at("create", name.as_ref(), |parent, name| rustix::fs::mkdirat(parent, name, mode))
    }

    /// A new directory, ours alone until it is finished.
    pub(crate) fn directory(&mut self, relative: &Path) -> Result<(), Error> {
        self.at("create", relative, |parent, name| rustix::fs::mkdirat(parent, name, Mode::RWXU))
    }

    /// A new directory, or one that is there already.
    pub(crate) fn directories(&mut self, relative: &Path) -> Result<(), Error> {
        let mut sofar = PathBuf::new();
        for part in relative.components() {
            sofar.push(part);
            let made = self.at("create", &sofar, |parent, name| match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
                Err(Errno::EXIST) => Ok(()),
                other => other,
            });
            made?;
        }
        Ok(())
    }

    /// A new file, ours alone until it is finished.
    pub(crate) fn file(&mut self, relative: &Path) -> Result<File, Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        self.at("create", relative, |parent, name| rustix::fs::openat(parent, name, flags, mode)).map(File::from)
    }

    /// A link or a special file, complete with its metadata.
    pub(crate) fn other(&mut self, relative: &Path, kind: &EntryKind, metadata: &Metadata<'_>) -> Result<(), Error> {
        let mode = Mode::RUSR | Mode::WUSR;
        self.at("create", relative, |parent, name| match kind {
            EntryKind::Symlink { target } => rustix::fs::symlinkat(target, parent, name),
            EntryKind::Fifo => rustix::fs::mknodat(parent, name, FileType::Fifo, mode, 0),
            EntryKind::CharDevice { major, minor } => {
                rustix::fs::mknodat(parent, name, FileType::CharacterDevice, mode, rustix::fs::makedev(*major, *minor))
            }
            EntryKind::BlockDevice { major, minor } => {
                rustix::fs::mknodat(parent, name, FileType::BlockDevice, mode, rustix::fs::makedev(*major, *minor))
            }
            EntryKind::File { .. } | EntryKind::Directory => Err(Errno::INVAL),
        })?;
        let here = AtFlags::SYMLINK_NOFOLLOW;
        if let Some((uid, gid)) = metadata.owner {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            self.at("set the owner of", relative, |parent, name| rustix::fs::chownat(parent, name, uid, gid, here))?;
        }
        if !matches!(kind, EntryKind::Symlink { .. }) {
            let mode = Mode::from_raw_mode(metadata.mode);
            self.at("set the mode of", relative, |parent, name| {
                rustix::fs::chmodat(parent, name, mode, AtFlags::empty())
            })?;
        }
        let (parent, name) = self.parent(relative)?;
        attributes::write_at(parent, name, metadata.xattrs)
            .map_err(|error| Error::io("set the attributes of", &self.path.join(relative), error))?;
        let times = times(metadata.mtime);
        self.at("set the time of", relative, |parent, name| rustix::fs::utimensat(parent, name, &times, here))
    }

    /// A further name of a file that is here already.
    pub(crate) fn hard_link(&mut self, first: &Path, further: &Path) -> Result<(), Error> {
        let (parent, name) = self.parent(first)?;
        let parent = parent.try_clone_to_owned().map_err(|error| Error::io("open", further, error))?;
        let name = name.to_os_string();
        self.at("link", further, |to, further| rustix::fs::linkat(&parent, &name, to, further, AtFlags::empty()))
    }

    /// Sets what `chattr` set on a file or directory.
    pub(crate) fn set_flags(&mut self, relative: &Path, wanted: u32) -> Result<(), Error> {
        self.at("set the flags of", relative, |parent, name| flags::write(open_file(parent, name)?, wanted))
    }

    /// A directory, open.
    pub(crate) fn open_directory(&mut self, relative: &Path) -> Result<OwnedFd, Error> {
        self.at("open", relative, open_directory)
    }

    /// Gives a directory its metadata. Do it last, and inner ones before outer ones.
    pub(crate) fn finish_directory(&mut self, relative: &Path, metadata: &Metadata<'_>) -> Result<(), Error> {
        let fd = self.at("open", relative, open_directory)?;
        finish(fd.as_fd(), &self.path.join(relative), metadata)
    }
}

/// Gives an open file its metadata. The order matters: a new owner clears setuid and capabilities.
pub(crate) fn finish(fd: BorrowedFd<'_>, path: &Path, metadata: &Metadata<'_>) -> Result<(), Error> {
    if let Some((uid, gid)) = metadata.owner {
        rustix::fs::fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
            .map_err(|error| Error::io("set the owner of", path, error))?;
    }
    rustix::fs::fchmod(fd, Mode::from_raw_mode(metadata.mode))
        .map_err(|error| Error::io("set the mode of", path, error))?;
    attributes::write(fd, metadata.xattrs).map_err(|error| Error::io("set the attributes of", path, error))?;
    set_mtime(fd, metadata.mtime).map_err(|error| Error::io("set the time of", path, error))
}

pub(crate) fn set_mtime(fd: impl AsFd, mtime: Timestamp) -> Result<(), Errno> {
    rustix::fs::futimens(fd, &times(mtime))
}

fn times(mtime: Timestamp) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanos.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out() {
        let scratch = tempfile::tempdir().unwrap();
        let mut place = Place::around(&Spot::known(&scratch.path().join("x")).unwrap()).unwrap();
        std::os::unix::fs::symlink("/tmp", scratch.path().join("out")).unwrap();
        for name in ["../x", "/x", "a/../../x", "out/x", "", ".", ".."] {
            assert!(place.file(Path::new(name)).is_err(), "{name}");
        }
        place.directories(Path::new("a/b")).unwrap();
        place.file(Path::new("a/b/c")).unwrap();
        assert!(place.file(Path::new("a/b/c")).is_err(), "never over something that is there");
    }

    #[test]
    fn only_our_own_closed_directory_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        for (name, mode) in [("closed", 0o700), ("open", 0o755)] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        std::os::unix::fs::symlink("closed", at("link")).unwrap();
        let private = |name: &str| Place::private(&Spot::known(&at(name)).unwrap()).is_ok();
        assert!(private("closed") && !private("open") && !private("link"));
    }
}

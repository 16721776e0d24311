//! A directory beside a path in which its replacement is made, and the rename that puts it in place.
//!
//! `.<name>.runbook-<random>` can be entered by its maker alone, and everything in it is reached from the open directory,
//! so nobody who may write beside it plants a link. It holds `new`; from the moment that `new` is complete, a file
//! `ready` with the inode number of `new`; and, where two names cannot be exchanged, `old` for a moment. So a later call
//! can tell a half-made replacement, which may go, from an original that was not yet set aside, which may not.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::copy::{Copied, copy_into};
use crate::durable;
use crate::error::Error;
use crate::exchange::{Spot, Was, keep, rename_to_free, swap};
use crate::foreign::unpack_into;
use crate::place::Place;
use crate::remove::{make_movable, put_back, remove_tree};
use crate::tree::Mounts;

pub(crate) const NEW: &str = "new";
const READY: &str = "ready";
const MARKING: &str = "marking";
const OLD: &str = "old";
const TOP: &str = "top";

/// Where the replacement of a path is made.
pub struct Staging {
    target: PathBuf,
    dir: PathBuf,
    pub(crate) place: Place,
}

impl Staging {
    /// An empty one beside `target`, whose parent must exist.
    pub fn beside(target: &Path) -> Result<Self, Error> {
        let (parent, prefix) = staging_name(target)?;
        let made =
            tempfile::Builder::new().prefix(&prefix).permissions(Permissions::from_mode(0o700)).tempdir_in(parent);
        // Removed by hand: it may hold directories that their owner cannot write, and later the original.
        let dir = made.map_err(|error| Error::io("create a directory in", parent, error))?.keep();
        let place = Place::private(&dir)?;
        // A default ACL of the parent would reach everything that is made here.
        crate::attributes::clear_default_acl(place.fd()).map_err(|error| Error::io("prepare", &dir, error))?;
        Ok(Self { target: target.to_path_buf(), dir, place })
    }

    /// Where the replacement is, once it is made.
    #[must_use]
    pub fn new_path(&self) -> PathBuf {
        self.dir.join(NEW)
    }

    /// The replacement is a faithful copy of `from`, as [`copy_tree`](crate::copy_tree) makes it.
    pub fn copy(&mut self, from: &Path) -> Result<Copied, Error> {
        copy_into(&mut self.place, from, NEW.as_ref())
    }

    /// The replacement is what the archive holds, as [`extract_archive`](crate::extract_archive) unpacks it, and
    /// belongs to `owner`, a user and a group, if one is given.
    pub fn unpack(&mut self, archive: &Path, owner: Option<(u32, u32)>) -> Result<Copied, Error> {
        unpack_into(&mut self.place, archive, NEW.as_ref(), owner)
    }

    /// The replacement becomes the one directory inside of it, so many times.
    pub fn strip(&mut self, levels: usize) -> Result<(), Error> {
        if levels == 0 {
            return Ok(());
        }
        let failed = |error: Errno| Error::io("look into", &self.dir, error);
        rustix::fs::renameat(self.place.fd(), NEW, self.place.fd(), TOP).map_err(failed)?;
        let mut inner = PathBuf::from(TOP);
        for _ in 0..levels {
            match self.place.names(&inner)?.as_slice() {
                [only] => inner.push(only),
                _ => return Err(Error::BadPath { path: self.dir.join(inner), why: "it is not one single directory" }),
            }
        }
        self.place.rename(&inner, NEW)
    }

    /// Puts the replacement in place, durably, and says where what was there is now: in the directory `aside`, or
    /// beside (see [`set_aside`](crate::set_aside)). None when nothing was there.
    ///
    /// It is one rename, or two where the file system cannot exchange names: then nothing is at the path for a moment.
    /// A path that holds a mounted file system is refused.
    pub fn put_in_place(mut self, aside: &Path) -> Result<Option<PathBuf>, Error> {
        let replaced = self.mark_ready().and_then(|()| self.exchange(aside));
        let cleared = clear(&self.place, &self.dir, &self.target, aside);
        let replaced = replaced?;
        cleared?;
        durable::sync_directory(self.target.parent().unwrap_or(Path::new("/")))?;
        Ok(replaced)
    }

    /// Removes it again.
    pub fn discard(self) -> Result<(), Error> {
        remove_tree(&self.dir).map_err(|error| Error::io("remove", &self.dir, error))
    }

    fn mark_ready(&self) -> Result<(), Error> {
        let marker = self.dir.join(READY);
        let fd = self.place.fd();
        let failed = |error: io::Error| Error::io("write", &marker, error);
        let inode = self.place.inode(NEW).and_then(|found| found.ok_or(Errno::NOENT));
        let inode = inode.map_err(|error| failed(error.into()))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(fd, MARKING, flags, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(file.map_err(|error| failed(error.into()))?);
        file.write_all(inode.to_string().as_bytes()).map_err(failed)?;
        // A marker that is there says something.
        rustix::fs::renameat(fd, MARKING, fd, READY).map_err(|error| failed(error.into()))?;
        durable::sync_tree(fd, &self.dir)
    }

    /// The exchange, and what was there set aside.
    fn exchange(&mut self, aside: &Path) -> Result<Option<PathBuf>, Error> {
        let target = self.target.clone();
        if let Some(mount) = Mounts::read().below(&target) {
            return Err(Error::MountPoint { mount: mount.to_path_buf(), path: target });
        }
        let failed = |error: io::Error| Error::io("set the mode of", &target, error);
        let (new_mode, old_mode) = (make_movable(&self.new_path()), make_movable(&target));
        match swap(&mut self.place, NEW, OLD, &target) {
            Ok(was) => {
                put_back(&target, new_mode).map_err(failed)?;
                let name = match was {
                    Was::Nothing => return Ok(None),
                    Was::Exchanged => NEW,
                    Was::Moved => OLD,
                };
                let path = self.dir.join(name);
                let kept = keep(Spot { dir: self.place.fd(), name: name.as_ref(), path: &path }, &target, aside)?;
                put_back(&kept, old_mode).map_err(failed)?;
                Ok(Some(kept))
            }
            Err(error) => {
                put_back(&target, old_mode).map_err(failed)?;
                Err(error)
            }
        }
    }
}

/// The parent of a path, and what the names of its staging directories begin with.
fn staging_name(path: &Path) -> Result<(&Path, OsString), Error> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::BadPath { path: path.to_path_buf(), why: "it has no name" });
    };
    let mut prefix = OsString::from(".");
    // Names end at 255 bytes, and the random part needs room.
    let name = name.as_encoded_bytes();
    prefix.push(crate::escaped::name_of(name.get(..200).unwrap_or(name)));
    prefix.push(".runbook-");
    Ok((parent, prefix))
}

/// The staging directories that an interrupted replacement of the path left beside it.
pub fn unfinished(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let (parent, prefix) = staging_name(path)?;
    let entries = match std::fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(Error::io("list", parent, error)),
    };
    let own = rustix::process::geteuid().as_raw();
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Error::io("list", parent, error))?;
        let is_ours = |there: std::fs::Metadata| there.is_dir() && there.uid() == own && there.mode() & 0o077 == 0;
        if is_staging(&entry.file_name(), &prefix) && entry.path().symlink_metadata().is_ok_and(is_ours) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Finishes what an interrupted replacement of the path left: what was half made goes, an original is put back where
/// nothing is now, else set aside. Says where it was set aside.
pub fn finish_interrupted(path: &Path, aside: &Path) -> Result<Option<PathBuf>, Error> {
    let mut kept = None;
    for dir in unfinished(path)? {
        kept = clear(&Place::private(&dir)?, &dir, path, aside)?.or(kept);
    }
    Ok(kept)
}

fn is_staging(name: &OsStr, prefix: &OsStr) -> bool {
    let random = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
    random.is_some_and(|random| !random.is_empty() && random.iter().all(u8::is_ascii_alphanumeric))
}

/// Removes a staging directory. An original in it is put back or set aside first.
fn clear(place: &Place, dir: &Path, target: &Path, aside: &Path) -> Result<Option<PathBuf>, Error> {
    let ready = marker(place).map_err(|error| Error::io("read", &dir.join(READY), error))?;
    let mut kept = None;
    for name in [NEW, OLD] {
        let path = dir.join(name);
        let there = place.inode(name).map_err(|error| Error::io("look at", &path, error))?;
        if !there.is_some_and(|there| name == OLD || ready.is_some_and(|ready| ready != there)) {
            continue;
        }
        if rename_to_free(place.fd(), name.as_ref(), target).is_ok() {
            durable::sync_directory(target.parent().unwrap_or(Path::new("/")))?;
        } else {
            kept = Some(keep(Spot { dir: place.fd(), name: name.as_ref(), path: &path }, target, aside)?);
        }
    }
    if let Some(mount) = Mounts::read().below(dir) {
        return Err(Error::MountPoint { path: dir.to_path_buf(), mount: mount.to_path_buf() });
    }
    remove_tree(dir).map_err(|error| Error::io("remove", dir, error))?;
    Ok(kept)
}

/// The inode number of a replacement that is complete.
fn marker(place: &Place) -> io::Result<Option<u64>> {
    let file = match rustix::fs::openat(place.fd(), READY, OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut inode = String::new();
    File::from(file).read_to_string(&mut inode)?;
    // Unreadable as a number, it matches no inode: what is there is kept rather than removed.
    Ok(Some(inode.parse().unwrap_or(0)))
}

//! Puts something prepared in place of something else in one rename, and keeps what was there.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::compare::digest_tree;
use crate::copy::copy_into;
use crate::durable;
use crate::error::Error;
use crate::place::Place;
use crate::remove::remove_tree;

/// A name in an open directory, and its path for messages.
pub(crate) struct Spot<'a> {
    pub(crate) dir: BorrowedFd<'a>,
    pub(crate) name: &'a OsStr,
    pub(crate) path: &'a Path,
}

/// What was at a path, and where it is now.
pub(crate) enum Was {
    /// Nothing was there.
    Nothing,
    /// Under the name that the new one had.
    Exchanged,
    /// Under the name for the old one.
    Moved,
}

/// Puts `new` of the staging directory at `target`, durably. What was there is in the staging directory afterwards.
///
/// Where the file system exchanges two names, either the old or the new one is at `target` at every moment. NFS and some
/// others cannot: there the old one is moved out first, to `old`, and back again when the new one does not go in.
/// `target` itself is never followed when it is a link.
pub(crate) fn swap(staging: &mut Place, new: &str, old: &str, target: &Path) -> Result<Was, Error> {
    let was = match rustix::fs::renameat_with(staging.fd(), new, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => Was::Exchanged,
        Err(Errno::NOENT) => {
            move_in(staging, new, target)?;
            Was::Nothing
        }
        Err(Errno::BUSY) => return Err(mount_point(target)),
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            let was = move_out(staging, old, target)?;
            move_in(staging, new, target).inspect_err(|_| {
                // What cannot go back here is put back or set aside with the staging directory.
                let _ = rename_to_free(staging.fd(), old.as_ref(), target);
            })?;
            was
        }
        Err(error) => return Err(Error::io("exchange", target, error)),
    };
    durable::sync_directory(target.parent().unwrap_or(Path::new("/")))?;
    rustix::fs::fsync(staging.fd()).map_err(|error| Error::io("make durable", target, error))?;
    Ok(was)
}

fn move_in(staging: &Place, new: &str, target: &Path) -> Result<(), Error> {
    rename_to_free(staging.fd(), new.as_ref(), target).map_err(|error| Error::io("put in place", target, error))
}

/// Moves what is at `target` into the staging directory.
fn move_out(staging: &mut Place, old: &str, target: &Path) -> Result<Was, Error> {
    match rustix::fs::renameat(CWD, target, staging.fd(), old) {
        Ok(()) => Ok(Was::Moved),
        Err(Errno::NOENT) => Ok(Was::Nothing),
        Err(Errno::BUSY) => Err(mount_point(target)),
        Err(Errno::XDEV) => copy_out(staging, old, target).map(|()| Was::Moved),
        Err(error) => Err(Error::io("move", target, error)),
    }
}

/// A directory of a lower layer of overlayfs cannot be renamed at all. It is copied, the copy compared and made durable
/// under its name, and only then the original is removed.
fn copy_out(staging: &mut Place, old: &str, target: &Path) -> Result<(), Error> {
    const UNFINISHED: &str = "copy";
    copy_into(staging, target, UNFINISHED.as_ref())?;
    if digest_tree(target)?.digest != digest_tree(&staging.path_of(UNFINISHED.as_ref()))?.digest {
        return Err(Error::Unfaithful { path: target.to_path_buf(), what: "what was written meanwhile".to_owned() });
    }
    let failed = |error: Errno| Error::io("keep a copy of", target, error);
    rustix::fs::renameat(staging.fd(), UNFINISHED, staging.fd(), old).map_err(failed)?;
    rustix::fs::fsync(staging.fd()).map_err(failed)?;
    remove_tree(target).map_err(|error| Error::io("remove", target, error))
}

fn mount_point(path: &Path) -> Error {
    Error::MountPoint { path: path.to_path_buf(), mount: path.to_path_buf() }
}

/// Moves what is at `path` into the directory `aside`, which is made when it is missing, and says where it is now.
///
/// When `aside` is on another file system, or cannot be written, it stays beside `path` as `<name>.replaced-<n>`.
/// Nothing is ever overwritten or deleted. None when nothing is there.
pub fn set_aside(path: &Path, aside: &Path) -> Result<Option<PathBuf>, Error> {
    if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::BadPath { path: path.to_path_buf(), why: "it has no name" });
    };
    let dir = rustix::fs::openat(CWD, parent, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let dir = dir.map_err(|error| Error::io("open", parent, error))?;
    keep(Spot { dir: dir.as_fd(), name, path }, path, aside).map(Some)
}

/// Moves `from`, which was at `original`, into `aside` or else beside `original`.
pub(crate) fn keep(from: Spot<'_>, original: &Path, aside: &Path) -> Result<PathBuf, Error> {
    let (Some(name), Some(parent)) = (original.file_name(), original.parent()) else {
        return Err(Error::BadPath { path: original.to_path_buf(), why: "it has no name" });
    };
    let wanted = DirBuilder::new().recursive(true).mode(0o700).create(aside);
    let moved = match wanted {
        Ok(()) => move_to_free_name(&from, aside, |n| {
            let mut name = name.to_os_string();
            if n > 1 {
                name.push(format!(".{n}"));
            }
            name
        }),
        Err(error) => Err(error),
    };
    let moved = moved.or_else(|_| {
        move_to_free_name(&from, parent, |n| {
            let mut name = name.to_os_string();
            name.push(format!(".replaced-{n}"));
            name
        })
    });
    let kept = moved.map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::BUSY.raw_os_error() => mount_point(original),
        _ => Error::io("set aside", from.path, error),
    })?;
    durable::sync_directory(kept.parent().unwrap_or(parent))?;
    rustix::fs::fsync(from.dir).map_err(|error| Error::io("make durable", from.path, error))?;
    Ok(kept)
}

fn move_to_free_name(from: &Spot<'_>, to: &Path, name: impl Fn(u32) -> std::ffi::OsString) -> std::io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let target = to.join(name(number));
        match rename_to_free(from.dir, from.name, &target) {
            Ok(()) => return Ok(target),
            Err(Errno::EXIST) => number += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Moves to a name where nothing is; else `EXIST`. A file system that cannot promise that is looked at first.
pub(crate) fn rename_to_free(dir: BorrowedFd<'_>, name: &OsStr, to: &Path) -> Result<(), Errno> {
    match rustix::fs::renameat_with(dir, name, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        done => return done,
    }
    match rustix::fs::statat(CWD, to, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => rustix::fs::renameat(dir, name, CWD, to),
        Err(error) => Err(error),
    }
}

//! Puts something prepared in place of something else in one rename, and keeps what was there.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::durable;
use crate::error::Error;

/// Puts `new` at `target` in one rename, durably. Both must be on the same file system.
///
/// At every moment either the old or the new one is at `target`. What was there is afterwards at `new`, whose path is
/// returned; None when nothing was there. `target` itself is never followed when it is a link.
pub fn exchange(new: &Path, target: &Path) -> Result<Option<PathBuf>, Error> {
    let replaced = match rustix::fs::renameat_with(CWD, new, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => Some(new.to_path_buf()),
        Err(Errno::NOENT) => {
            rustix::fs::renameat_with(CWD, new, CWD, target, RenameFlags::NOREPLACE)
                .map_err(|error| Error::io("put in place", target, error))?;
            None
        }
        Err(Errno::BUSY) => {
            return Err(Error::MountPoint { path: target.to_path_buf(), mount: target.to_path_buf() });
        }
        Err(error) => return Err(Error::io("exchange", target, error)),
    };
    for parent in [target.parent(), new.parent()].into_iter().flatten() {
        durable::sync_directory(parent)?;
    }
    Ok(replaced)
}

/// Moves what is at `path` into the directory `aside`, which is made when it is missing, and says where it is now.
///
/// When `aside` is on another file system, or cannot be written, it stays beside `path` as `<name>.replaced-<n>`.
/// Nothing is ever overwritten or deleted. None when nothing is there.
pub fn set_aside(path: &Path, aside: &Path) -> Result<Option<PathBuf>, Error> {
    if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    keep(path, path, aside).map(Some)
}

/// Moves `from`, which was at `original`, into `aside` or else beside `original`.
pub(crate) fn keep(from: &Path, original: &Path, aside: &Path) -> Result<PathBuf, Error> {
    let (Some(name), Some(parent)) = (original.file_name(), original.parent()) else {
        return Err(Error::BadPath { path: original.to_path_buf(), why: "it has no name" });
    };
    let wanted = DirBuilder::new().recursive(true).mode(0o700).create(aside);
    let moved = match wanted {
        Ok(()) => move_to_free_name(from, aside, |n| {
            let mut name = name.to_os_string();
            if n > 1 {
                name.push(format!(".{n}"));
            }
            name
        }),
        Err(error) => Err(error),
    };
    let moved = moved.or_else(|_| {
        move_to_free_name(from, parent, |n| {
            let mut name = name.to_os_string();
            name.push(format!(".replaced-{n}"));
            name
        })
    });
    let kept = moved.map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::BUSY.raw_os_error() => {
            Error::MountPoint { path: original.to_path_buf(), mount: original.to_path_buf() }
        }
        _ => Error::io("set aside", from, error),
    })?;
    for parent in [kept.parent(), from.parent()].into_iter().flatten() {
        durable::sync_directory(parent)?;
    }
    Ok(kept)
}

fn move_to_free_name(from: &Path, to: &Path, name: impl Fn(u32) -> std::ffi::OsString) -> std::io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let target = to.join(name(number));
        match rustix::fs::renameat_with(CWD, from, CWD, &target, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(target),
            Err(Errno::EXIST) => number += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

//! Removes our own unfinished trees, also those with directories that their owner may not write.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Removes a directory and everything in it; links in it are removed, not followed.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        done => done,
    }
}

fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// A directory that its owner may not write cannot be moved to another parent, except by root. This makes one movable,
/// and returns the mode to put back.
pub(crate) fn make_movable(path: &Path) -> Option<Permissions> {
    let found = path.symlink_metadata().ok().filter(fs::Metadata::is_dir)?;
    let before = found.permissions();
    if before.mode() & 0o200 != 0 || rustix::process::geteuid().is_root() {
        return None;
    }
    // When this is not ours to change, the move that follows says so.
    fs::set_permissions(path, Permissions::from_mode(before.mode() | 0o200)).ok()?;
    Some(before)
}

/// Puts back what `make_movable` changed.
pub(crate) fn put_back(path: &Path, mode: Option<Permissions>) -> io::Result<()> {
    mode.map_or(Ok(()), |mode| fs::set_permissions(path, mode))
}

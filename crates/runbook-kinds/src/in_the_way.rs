//! What is at a path before a file takes its place, as predictions say it.

use runbook_host::Reader;
use runbook_model::Failure;
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// What something new at the path would replace, if it is no regular file. `None` when nothing is there, or a file.
pub(super) fn no_file(host: &Reader, path: &Path) -> Result<Option<String>, Failure> {
    let Some(found) = host.lstat(path)?.filter(|found| !found.is_file()) else { return Ok(None) };
    let place = path.display();
    if let Some(target) = host.read_link(path)? {
        return Ok(Some(format!("the link {place} → {}", target.display())));
    }
    let kind = found.file_type();
    let what = match () {
        () if kind.is_socket() => "socket",
        () if kind.is_fifo() => "pipe",
        () if kind.is_dir() => "directory",
        () => "device",
    };
    Ok(Some(format!("the {what} {place}")))
}

/// What happens to the other names of a file that is replaced or removed, to be said behind the prediction; empty when
/// it has none.
pub(super) fn other_names(found: Option<&Metadata>) -> String {
    match found.filter(|found| found.is_file()).map_or(1, Metadata::nlink) {
        0 | 1 => String::new(),
        2 => "; its other name keeps what it holds now".to_owned(),
        names => format!("; its {} other names keep what it holds now", names - 1),
    }
}

/// The regular file at `path`, if one is there; a symlink will be replaced, anything else is refused: a process may have
/// it open, and what undo would make anew would not be the same.
pub(super) fn file_in_the_way(host: &Reader, path: &Path) -> Result<Option<Metadata>, Failure> {
    match host.lstat(path)? {
        Some(found) if found.is_dir() => {
            Err(Failure::refused(format!("{} is a directory, not a file", path.display()))
                .hint("remove it with `file.remove` first, or name a file inside it"))
        }
        Some(found) => match what_it_is(&found) {
            Some(what) => Err(Failure::refused(format!("{} is {what}, not a file", path.display()))
                .hint("choose another path, or stop what uses it and remove it first")),
            None => Ok(Some(found).filter(Metadata::is_file)),
        },
        None => Ok(None),
    }
}

/// What something is that is no file, directory or link.
pub(super) fn what_it_is(found: &Metadata) -> Option<&'static str> {
    let kind = found.file_type();
    match () {
        () if kind.is_socket() => Some("a socket"),
        () if kind.is_fifo() => Some("a named pipe"),
        () if kind.is_char_device() || kind.is_block_device() => Some("a device"),
        () => None,
    }
}

/// The permission bits of a file.
pub(super) fn bits(file: &Metadata) -> u32 {
    file.permissions().mode() & 0o7777
}

//! What is at a path before a file takes its place, as predictions say it.

use runbook_host::Reader;
use runbook_model::Failure;
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
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

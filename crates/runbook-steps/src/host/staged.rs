//! What is written beside its place before it takes it: known to the run before it exists, so that a crash leaves nothing.
//!
//! The name begins with the id of the run, and the directory is noted with the run before anything is made in it. Whoever
//! goes on with the run, or takes it back, removes what has such a name there.

use super::writer::parent_of;
use super::{Host, Notes, io_failure};
use runbook_model::Failure;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// How all names of staged files begin.
const PREFIX: &str = ".runbook-";

impl Host {
    /// An empty file beside `path`, which only this user may read, to be renamed to it.
    pub(super) fn stage_file(&self, path: &Path) -> Result<NamedTempFile, Failure> {
        let parent = self.stages_in_parent_of(path)?;
        let made = tempfile::Builder::new().prefix(&prefix(&self.errand.tag)).tempfile_in(parent);
        made.map_err(|error| io_failure("write", path, &error))
    }

    /// A symlink to `target` beside `path`, to be renamed to it.
    pub(super) fn stage_link(&self, path: &Path, target: &Path) -> Result<TempPath, Failure> {
        let parent = self.stages_in_parent_of(path)?;
        let made = tempfile::Builder::new().prefix(&prefix(&self.errand.tag)).make_in(parent, |at| symlink(target, at));
        made.map(NamedTempFile::into_temp_path).map_err(|error| io_failure("link", path, &error))
    }

    fn stages_in_parent_of<'a>(&self, path: &'a Path) -> Result<&'a Path, Failure> {
        let parent = parent_of(path)?;
        self.errand.running.stages_in(parent);
        Ok(parent)
    }
}

/// How the names begin that work with this tag, `<run>/<step>`, makes.
fn prefix(tag: &str) -> String {
    match tag.split_once('/') {
        Some((run, _)) => format!("{PREFIX}{run}-"),
        None => PREFIX.to_owned(),
    }
}

/// Removes what the dead process of the run `run` has staged and not put in its place.
pub fn remove_staged(notes: &Notes<'_>, run: &str) {
    let begin = prefix(&format!("{run}/"));
    for dir in &notes.staged {
        for name in names_in(dir).unwrap_or_default() {
            let path = dir.join(&name);
            // Directories are never staged; one that somebody made is not touched.
            if name.as_encoded_bytes().starts_with(begin.as_bytes()) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn names_in(dir: &PathBuf) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

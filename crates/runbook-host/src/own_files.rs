//! Files and directories of `runbook`'s own. None of this is a change of the host: there is no fault point.

use crate::places::place_failure;
use crate::{Host, io_failure};
use runbook_model::Failure;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

impl Host {
    /// Makes a directory of `runbook`'s own with all above it, which only its user can enter; one that is there stays
    /// as it is.
    pub fn own_dir(&self, path: &Path) -> Result<(), Failure> {
        let failed = |error: io::Error| io_failure("create", path, &error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        sync_dir(parent_of(path)?).map_err(failed)
    }

    /// Removes a directory of `runbook`'s own; nothing there is fine.
    pub fn drop_own_dir(&self, path: &Path) -> Result<(), Failure> {
        if !path.starts_with(self.state_dir()) {
            return Err(Failure::refused(format!("{} is not a directory of runbook's own", path.display())));
        }
        runbook_backup::remove_tree(path).map(drop).map_err(|error| place_failure(path, &error))
    }

    /// Writes a file of `runbook`'s own (undo data), durable when this returns.
    pub fn keep(&self, path: &Path, content: &[u8]) -> Result<(), Failure> {
        self.usable(&[content])?;
        let failed = |error: io::Error| io_failure("write", path, &error);
        let parent = parent_of(path)?;
        let mut staged = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
        staged.write_all(content).map_err(failed)?;
        staged.as_file().sync_all().map_err(failed)?;
        staged.persist(path).map_err(|error| failed(error.error))?;
        sync_dir(parent).map_err(failed)
    }
}

/// The directory that holds `path`.
fn parent_of(path: &Path) -> Result<&Path, Failure> {
    path.parent().ok_or_else(|| Failure::failed(format!("{} has no parent directory", path.display())))
}

/// Makes the names in `dir` survive a power cut.
fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

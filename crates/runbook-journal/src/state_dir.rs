//! Names inside the state directory.

use crate::Error;
use runbook_model::{RunId, StepId};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The directory that holds the journal, undo data and backups; only its owner may enter it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// The directory at `path`, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.0.join("journal.db")
    }

    /// The lock file.
    pub fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// What belongs to one run: undo data, and notes of running commands.
    pub fn run(&self, run: &RunId) -> PathBuf {
        self.0.join("runs").join(run.as_str())
    }

    /// What belongs to one step of a run.
    pub fn step(&self, run: &RunId, step: &StepId) -> PathBuf {
        self.run(run).join(step.as_str())
    }

    /// The file with the notes of the commands that a run has running.
    pub fn running(&self, run: &RunId) -> PathBuf {
        self.run(run).join(".running")
    }

    /// All backups.
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    /// Makes the directory, for its owner alone.
    pub fn create(&self) -> Result<(), Error> {
        make(&self.0)?;
        let found = fs::metadata(&self.0).map_err(|source| Error::StateDir { path: self.0.clone(), source })?;
        if found.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700))
                .map_err(|source| Error::StateDir { path: self.0.clone(), source })?;
        }
        Ok(())
    }

    /// Makes a directory of a run or a step.
    pub fn create_below(&self, path: &Path) -> Result<(), Error> {
        make(path)
    }
}

fn make(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| Error::StateDir { path: path.to_path_buf(), source: in_the_way(path, source) })
}

/// "File exists" says nothing about what is wrong with it.
fn in_the_way(path: &Path, source: io::Error) -> io::Error {
    match (source.kind(), fs::metadata(path)) {
        (io::ErrorKind::AlreadyExists, Ok(_)) => io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory"),
        (io::ErrorKind::AlreadyExists, Err(why)) => why,
        _ => source,
    }
}

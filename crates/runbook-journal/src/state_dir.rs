//! Names inside the state directory.

use crate::Error;
use runbook_model::{RunId, StepId};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What may lie in the directory before the journal does.
const OWN: &[&str] =
    &["lock", "runs", "backups", "processes", "notes", "damaged", "agent", "rollouts", "artifacts", "lost+found"];

/// The directory that holds the journal, undo data and backups; only its owner may write there.
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
        self.runs().join(run.as_str())
    }

    /// What the disk says of a run, which is held against the journal.
    pub(crate) fn witness(&self, run: &RunId) -> PathBuf {
        self.run(run).join(".witness")
    }

    /// The note of what the journal lost of a run.
    pub(crate) fn loss(&self, run: &RunId) -> PathBuf {
        self.run(run).join(".loss")
    }

    /// Journals that were damaged, kept for a person to read.
    pub fn damaged(&self) -> PathBuf {
        self.0.join("damaged")
    }

    /// What belongs to all runs.
    pub fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// What belongs to one step of a run.
    pub fn step(&self, run: &RunId, step: &StepId) -> PathBuf {
        self.run(run).join(step.as_str())
    }

    /// The file with the notes of the commands that a run has running.
    pub fn running(&self, run: &RunId) -> PathBuf {
        self.run(run).join(".running")
    }

    /// The files that the plan of a run brought.
    pub fn bundle(&self, run: &RunId) -> PathBuf {
        self.run(run).join(".bundle")
    }

    /// What other processes tell the one that holds a run.
    pub fn controls(&self, run: &RunId) -> PathBuf {
        self.run(run).join(".controls")
    }

    /// All backups.
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    /// Refused if this user may not enter the directory, which then tells nothing. One that is not there is no fault.
    pub(crate) fn enter(&self) -> Result<(), Error> {
        match fs::metadata(self.0.join(".")) {
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                Err(Error::StateDir { path: self.0.clone(), source })
            }
            _ => Ok(()),
        }
    }

    /// Makes the directory, for its owner alone. One that is there stays as it is, and is refused if what lies in it
    /// would not be safe, or is somebody else's.
    pub fn create(&self) -> Result<(), Error> {
        let failed = |source| Error::StateDir { path: self.0.clone(), source };
        match fs::metadata(&self.0) {
            Ok(found) if found.is_dir() => return self.judge(&found),
            // What is in the way is told by the attempt to make it.
            Ok(_) | Err(_) => make(&self.0)?,
        }
        // A default access list of the directory above may have let others in.
        let found = fs::metadata(&self.0).map_err(failed)?;
        if found.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(())
    }

    /// A user who may write here may change what a rollback puts back.
    fn judge(&self, found: &fs::Metadata) -> Result<(), Error> {
        let is_trusted = |uid: u32| uid == 0 || uid == rustix::process::geteuid().as_raw();
        if !is_trusted(found.uid()) {
            return Err(Error::NotOurs { path: self.0.clone(), owner: found.uid() });
        }
        if found.permissions().mode() & 0o022 != 0 {
            return Err(Error::Exposed { path: self.0.clone() });
        }
        if self.database().exists() {
            return Ok(());
        }
        let entries = fs::read_dir(&self.0).map_err(|source| Error::StateDir { path: self.0.clone(), source })?;
        let is_own = |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| OWN.contains(&name));
        match entries.flatten().find(|entry| !is_own(entry)) {
            None => Ok(()),
            Some(entry) => Err(Error::Occupied { path: self.0.clone(), with: entry.path() }),
        }
    }

    /// Makes a directory of a run or a step.
    pub fn create_below(&self, path: &Path) -> Result<(), Error> {
        make(path)
    }
}

fn make(path: &Path) -> Result<(), Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| Error::StateDir { path: path.to_path_buf(), source: in_the_way(path, source) })
}

/// "File exists" says nothing about what is wrong with it.
fn in_the_way(path: &Path, source: io::Error) -> io::Error {
    match (source.kind(), fs::metadata(path)) {
        (io::ErrorKind::AlreadyExists, Ok(_)) => io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory"),
        (io::ErrorKind::AlreadyExists, Err(why)) => why,
        _ => source,
    }
}

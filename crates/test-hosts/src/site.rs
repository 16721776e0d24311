//! The directory of the lab on this machine, outside of any repository: the shared tree, the key, and a room for each lab
//! that is open. One lock orders those who build, open and clean.

use crate::error::{Result, WithPath};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Where the lab's directory is if `RUNBOOK_LAB` does not say.
const DEFAULT: &str = "/var/tmp/runbook-lab";

/// The lab's directory.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    root: PathBuf,
}

impl Site {
    /// The directory that `RUNBOOK_LAB` names, or `/var/tmp/runbook-lab`.
    pub(crate) fn here() -> Self {
        Self { root: std::env::var_os("RUNBOOK_LAB").map_or_else(|| DEFAULT.into(), PathBuf::from) }
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where built trees are.
    pub(crate) fn trees(&self) -> PathBuf {
        self.root.join("trees")
    }

    /// Where rooms are, one for each open lab.
    pub(crate) fn rooms(&self) -> PathBuf {
        self.root.join("rooms")
    }

    /// The private key that every host lets in as root.
    pub(crate) fn key(&self) -> PathBuf {
        self.root.join("key")
    }

    /// Waits for the lock and holds it until the file is dropped. It dies with the process that holds it.
    pub(crate) fn lock(&self) -> Result<File> {
        for dir in [self.trees(), self.rooms()] {
            std::fs::create_dir_all(&dir).with_path(dir)?;
        }
        let path = self.root.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path).with_path(&path)?;
        file.lock().with_path(&path)?;
        Ok(file)
    }
}

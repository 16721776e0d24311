//! The way back that steps have on the host: what they capture themselves, and the backups of the run.
//!
//! Both are backups in the sense of `runbook-backup`, so a file of three bytes comes back with the same care (mode,
//! owner, times, attributes, checked digest, one rename) as a package of sixty thousand files.

use crate::{BackupRef, Held, Work};
use runbook_backup::{Backup, Options, Restored};
use runbook_model::{Failure, FailureKind};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

impl Work<'_> {
    /// Captures `paths` as they are, absence included, into the step's own directory. For `prepare` of kinds with
    /// small effects; the result is what [`put_back`](Self::put_back) takes. Durable when this returns.
    pub fn capture(&self, paths: &[PathBuf]) -> Result<Json, Failure> {
        runbook_backup::create(&self.before(), paths, self.now_ms, &|| false, &Options::default()).map_err(
            |error| backup_failure(&format!("cannot capture what step `{}` will change", self.step), &error),
        )?;
        Ok(json!({ "captured": paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>() }))
    }

    /// Puts back what [`capture`](Self::capture) took: the files, or their absence. Idempotent.
    pub fn put_back(&self, paths: &[PathBuf]) -> Result<String, Failure> {
        let backup = BackupRef { step: self.step.clone(), dir: self.before() };
        let back = |path: &PathBuf| Ok(put_back(path, OWN, &self.restore_from(&backup, path)?));
        let done: Result<Vec<String>, Failure> = paths.iter().map(back).collect();
        Ok(done?.join("; "))
    }

    /// Chooses the latest backup of this run that covers `path` for its way back; a refusal if there is none. Kinds that
    /// are undone from a backup call this in `prepare`, so that nothing starts without its way back.
    pub fn covering(&self, path: &Path) -> Result<(), Failure> {
        let mut because = None;
        for backup in self.backups {
            match open(backup)?.way_back(path) {
                Ok(name) => return self.hold(path, name, backup),
                Err(error) => because = because.or(Some(error)),
            }
        }
        let because = because.map(|error| format!(": {error}")).unwrap_or_default();
        Err(Failure::refused(format!("no backup of this run covers {}{because}", path.display()))
            .hint("add the path, as the links above it lead, to a `backup.create` that comes before this step"))
    }

    fn hold(&self, path: &Path, name: PathBuf, backup: &BackupRef) -> Result<(), Failure> {
        let BackupRef { step, dir } = backup.clone();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|other| other.path != path);
        held.push(Held { path: path.to_path_buf(), name, step, dir });
        Ok(())
    }

    /// Puts `path` back from the backup that [`covering`](Self::covering) chose, in one rename. What it replaces is set
    /// aside in the step's directory, never deleted. Idempotent. Says what was done.
    pub fn restore(&self, path: &Path) -> Result<String, Failure> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(Held { name, step, dir, .. }) = held.into_iter().find(|held| held.path == path) else {
            return Err(Failure::failed(format!("no backup was chosen for {} before it changed", path.display())));
        };
        Ok(put_back(path, BACKUP, &self.restore_from(&BackupRef { step, dir }, &name)?))
    }

    fn restore_from(&self, backup: &BackupRef, path: &Path) -> Result<Restored, Failure> {
        let opened = open(backup)?;
        self.host.act()?;
        opened
            .restore(path, &self.aside(), &|| false)
            .map_err(|error| backup_failure(&format!("{} cannot be put back", path.display()), &error))
    }

    /// Where what a step replaces is kept for as long as the run is.
    pub(crate) fn aside(&self) -> PathBuf {
        self.dir.join("aside")
    }

    fn before(&self) -> PathBuf {
        self.dir.join("before")
    }
}

/// What a `backup.create` of the run took.
pub(crate) const BACKUP: &str = "the backup";
/// What the step captured before it acted.
const OWN: &str = "what the step had kept of it";

/// What a restore did, in one line.
pub(crate) fn put_back(path: &Path, source: &str, restored: &Restored) -> String {
    let place = path.display();
    // On another file system than the state directory it cannot be moved there, and must not be found by surprise.
    let beside = restored.replaced.as_deref().filter(|replaced| replaced.parent() == path.parent());
    let beside = beside.map(|beside| format!("; what it replaced is in {}", beside.display())).unwrap_or_default();
    match (restored.identical, restored.entries) {
        (true, _) => format!("{place} was as before"),
        (false, 0) => format!("{place} moved away, as nothing was there before{beside}"),
        (false, 1) => format!("{place} put back from {source}, 1 entry identical{beside}"),
        (false, entries) => format!("{place} put back from {source}, {entries} entries identical{beside}"),
    }
}

fn open(backup: &BackupRef) -> Result<Backup, Failure> {
    Backup::open(&backup.dir)
        .map_err(|error| backup_failure(&format!("the backup of step `{}` cannot be read", backup.step), &error))
}

/// The failure `what`, with every reason that the backups give for it.
pub(crate) fn backup_failure(what: &str, error: &runbook_backup::Error) -> Failure {
    let mut message = format!("{what}: {error}");
    let mut reason = std::error::Error::source(error);
    while let Some(error) = reason {
        message.push_str(&format!(": {error}"));
        reason = error.source();
    }
    match error {
        runbook_backup::Error::Cancelled => Failure::new(FailureKind::Cancelled, message),
        runbook_backup::Error::Io { doing, path, source } => {
            Failure { hint: crate::host::io_advice(doing, path, source), ..Failure::failed(message) }
        }
        _ => Failure::failed(message),
    }
}

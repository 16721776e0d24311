//! The way back that steps have on the host: what they capture themselves, and the backups of the run.
//!
//! Both are backups in the sense of `runbook-backup`, so a file of three bytes comes back with the same care (mode,
//! owner, times, attributes, checked digest, one rename) as a package of sixty thousand files.

use crate::{BackupRef, Work};
use runbook_backup::{Backup, LimitKind, Options, Replaced, Restored};
use runbook_host::backup_failure;
use runbook_model::{Failure, Remains, RemainsKind, RestorePoint};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

impl Work<'_> {
    /// Captures `paths` as they are, absence included, into the step's own directory, and proves that they can be put
    /// back from there. For `prepare` of kinds with small effects; the result is what [`put_back`](Self::put_back)
    /// takes. Durable when this returns.
    pub fn capture(&self, paths: &[PathBuf]) -> Result<Json, Failure> {
        let failed = |error| backup_failure(&format!("cannot capture what step `{}` will change", self.step), &error);
        let (before, unwanted) = (self.before(), || self.host.still_wanted().is_err());
        runbook_backup::create(&before, paths, self.now_ms, &unwanted, &Options::default()).map_err(failed)?;
        let backup = Backup::open(&before).map_err(failed)?;
        backup.whole(&unwanted).map_err(failed)?;
        for (number, path) in paths.iter().enumerate() {
            backup.restorable(path).and_then(|name| backup.provable(&name)).map_err(failed)?;
            runbook_backup::keep_name(path, &self.kept_name(number)).map_err(failed)?;
        }
        Ok(json!({ "captured": paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>() }))
    }

    /// Puts back what [`capture`](Self::capture) took: the files, or their absence. A file that has other names becomes
    /// the same file again, where that is possible. Idempotent.
    pub fn restore_captured(&self, paths: &[PathBuf]) -> Result<String, Failure> {
        let backup = open(&BackupRef { step: self.step.clone(), dir: self.before() })?;
        let back = |(number, path): (usize, &PathBuf)| {
            let relinked = backup.relink(path, &self.kept_name(number), &self.aside());
            let relinked = relinked.map_err(|error| not_restored(path, &error))?;
            let said = self.restore_from(&backup, path, path, OWN)?;
            let Some(replaced) = relinked else { return Ok(said) };
            self.sets_aside(path, &replaced);
            Ok(format!("{} is the file again that its other names are", path.display()))
        };
        let done: Result<Vec<String>, Failure> = paths.iter().enumerate().map(back).collect();
        Ok(done?.join("; "))
    }

    /// Chooses the latest backup of this run that covers `path` for its way back, and proves that it is whole and that
    /// `path` can be put back from it; a refusal if not. Kinds that are undone from a backup call this in `prepare`, so
    /// that nothing starts without its way back. Where the path is a link, what it leads to has to be covered as well: what
    /// is written through it comes back from there.
    pub fn covering(&self, path: &Path) -> Result<Vec<RestorePoint>, Failure> {
        let led = runbook_backup::leads_to(path);
        let led = led.map_err(|error| backup_failure(&format!("{} cannot be followed", path.display()), &error))?;
        let places = std::iter::once(path).chain(led.iter().map(PathBuf::as_path));
        places.map(|place| self.cover(path, place)).collect()
    }

    /// The same for each of `paths`.
    pub fn covering_all(&self, paths: &[PathBuf]) -> Result<Vec<RestorePoint>, Failure> {
        let points: Result<Vec<_>, Failure> = paths.iter().map(|path| self.covering(path)).collect();
        Ok(points?.concat())
    }

    /// The backup that `place` comes back from, which is `path` or what that leads to.
    fn cover(&self, path: &Path, place: &Path) -> Result<RestorePoint, Failure> {
        let mut because = None;
        for backup in self.backups {
            let opened = open(backup)?;
            match opened.restorable(place) {
                Ok(name) => {
                    self.prove(&opened, backup, &name)?;
                    let BackupRef { step, dir } = backup.clone();
                    return Ok(RestorePoint { path: path.to_path_buf(), name, step, dir });
                }
                Err(error) => because = because.or(Some(error)),
            }
        }
        let because = because.map(|error| format!(": {error}")).unwrap_or_default();
        let led = if path == place {
            String::new()
        } else {
            format!("{} leads to {}, and ", path.display(), place.display())
        };
        Err(Failure::refused(format!("{led}no backup of this run covers {}{because}", place.display()))
            .hint("add the path, as the links above it lead, to a `backup.create` that comes before this step"))
    }

    /// Proves once more what [`covering`](Self::covering) proved, in the middle of a change that has taken room since.
    pub fn still_covered(&self, path: &Path) -> Result<(), Failure> {
        self.points_of(path).try_for_each(|RestorePoint { name, step, dir, .. }| {
            let backup = BackupRef { step: step.clone(), dir: dir.clone() };
            self.prove(&open(&backup)?, &backup, name)
        })
    }

    fn prove(&self, opened: &Backup, backup: &BackupRef, name: &Path) -> Result<(), Failure> {
        let unwanted = || self.host.still_wanted().is_err();
        let proven = opened.whole(&unwanted).and_then(|_| opened.provable(name));
        proven.map_err(|error| {
            backup_failure(&format!("step `{}` has no way back to the backup of `{}`", self.step, backup.step), &error)
        })
    }

    /// Puts `path`, and what it leads to, back from the backup that [`covering`](Self::covering) chose, each in one
    /// rename. What it replaces is set aside in the step's directory, never deleted. Idempotent. Says what was done.
    pub fn restore(&self, path: &Path) -> Result<String, Failure> {
        if self.points_of(path).next().is_none() {
            return Err(Failure::failed(format!("no backup was chosen for {} before it changed", path.display())));
        }
        let back = |(number, point): (usize, &RestorePoint)| {
            let backup = BackupRef { step: point.step.clone(), dir: point.dir.clone() };
            self.restore_from(&open(&backup)?, &point.name, if number == 0 { path } else { &point.name }, BACKUP)
        };
        let done: Result<Vec<String>, Failure> = self.points_of(path).enumerate().map(back).collect();
        Ok(done?.join("; "))
    }

    fn points_of(&self, path: &Path) -> impl Iterator<Item = &RestorePoint> {
        self.restore_points.iter().filter(move |point| point.path == path)
    }

    /// Puts `name` back from `backup`, and tells what is set aside and what does not come back with it. Says what was
    /// done to `path`.
    pub fn restore_from(&self, backup: &Backup, name: &Path, path: &Path, source: &str) -> Result<String, Failure> {
        self.host.act()?;
        let restored = backup.restore(name, &self.aside(), &|| false).map_err(|error| not_restored(path, &error))?;
        if let Some(replaced) = &restored.replaced {
            self.sets_aside(path, replaced);
        }
        for limit in backup.limits(name) {
            let what = match limit.what {
                // A step that captures a link writes at the link, not through it.
                LimitKind::LeadsOut { .. } if source == OWN => continue,
                LimitKind::LeadsOut { .. } => RemainsKind::NotCompared,
                _ if restored.identical => continue,
                _ => RemainsKind::Lost,
            };
            self.leaves(Remains::new(what, limit.path.to_string_lossy(), limit.to_string()));
        }
        Ok(told_restored(path, source, &restored))
    }

    /// Tells where what was at `path` is now, unless it is with the run, where it leaves with it and is in nobody's way.
    pub fn sets_aside(&self, path: &Path, replaced: &Replaced) {
        if let Some(closed) = &replaced.closed {
            let detail = format!("what was at {}; there was no room for it with the run", path.display());
            let remains = Remains::new(RemainsKind::SetAside, replaced.path.to_string_lossy(), detail);
            self.leaves(remains.held_in(closed.id));
        }
    }

    /// One more name of a captured file, by which it stays the file that it is.
    fn kept_name(&self, number: usize) -> PathBuf {
        self.dir.join("names").join(number.to_string())
    }

    /// Where what a step replaces is kept for as long as the run is.
    pub fn aside(&self) -> PathBuf {
        self.dir.join("aside")
    }

    fn before(&self) -> PathBuf {
        captures_in(self.dir)
    }
}

/// Where a step whose own directory is `dir` keeps what it captured; a backup in the sense of `runbook-backup`.
pub fn captures_in(dir: &Path) -> PathBuf {
    dir.join("before")
}

/// What a `backup.create` of the run took.
pub const BACKUP: &str = "the backup";
/// What the step captured before it acted.
const OWN: &str = "what the step had kept of it";

/// What a restore did, in one line.
fn told_restored(path: &Path, source: &str, restored: &Restored) -> String {
    let place = path.display();
    match (restored.identical, restored.entries) {
        (true, _) => format!("{place} was as before"),
        (false, 0) => format!("{place} moved away, as nothing was there before"),
        (false, 1) => format!("{place} put back from {source}, 1 entry identical"),
        (false, entries) => format!("{place} put back from {source}, {entries} entries identical"),
    }
}

fn not_restored(path: &Path, error: &runbook_backup::Error) -> Failure {
    backup_failure(&format!("{} cannot be put back", path.display()), error)
}

fn open(backup: &BackupRef) -> Result<Backup, Failure> {
    Backup::open(&backup.dir)
        .map_err(|error| backup_failure(&format!("the backup of step `{}` cannot be read", backup.step), &error))
}

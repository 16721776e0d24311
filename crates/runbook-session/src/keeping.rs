//! What is kept for runs: which backups there are and whose they are, and what lies beside paths. `pruning.rs` lets it go.
//!
//! A backup lies in `backups/<run>-<step>`; its plan and its retention are those of the run.

use crate::error::Error;
use crate::naming::{Named, Thing, pick};
use crate::session::Session;
use runbook_backup::{Archive, Backup, Closed};
use runbook_host::absent_as_none;
use runbook_journal::{Journal, Look, RunRow, StateDir};
use runbook_model::{RunId, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A backup on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name: `<run>-<step>`.
    pub name: String,
    /// Where it is.
    pub dir: PathBuf,
    /// The run that made it and its plan, if the journal still knows it.
    pub run: Option<(RunId, String)>,
    /// Whether it may be the only way back of a run that nobody has settled.
    pub is_needed: bool,
    /// When it was made, in milliseconds since 1970; 0 for one that cannot be read.
    pub made_at: i64,
    /// What it holds, or why it cannot be read.
    pub holds: Result<Holds, String>,
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// How many files, directories and links.
    pub entries: usize,
    /// The paths that it was asked to hold, each with whether it was there.
    pub roots: Vec<(String, bool)>,
    /// Its files.
    pub archives: Vec<Archive>,
}

/// A backup as it lies there.
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    run: Option<RunRow>,
    pub(crate) backup: Result<Backup, runbook_backup::Error>,
}

impl Found {
    fn made_at(&self) -> i64 {
        self.backup.as_ref().map_or(0, |backup| backup.manifest().created_at_ms)
    }

    fn told(&self) -> Kept {
        let holds = self.backup.as_ref().map(|backup| Holds {
            entries: backup.manifest().entries.len(),
            roots: backup.roots().iter().map(|root| (root.path.display().to_string(), root.present)).collect(),
            archives: backup.manifest().archives.clone(),
        });
        Kept {
            name: self.name.clone(),
            dir: self.dir.clone(),
            run: self.run.as_ref().map(|row| (row.run.clone(), row.plan.clone())),
            is_needed: self.run.as_ref().is_some_and(|run| is_needed(run.verdict)),
            made_at: self.made_at(),
            holds: holds.map_err(ToString::to_string),
        }
    }

    /// What is wrong with it, by every digest of its manifest.
    fn damage(&self) -> Option<String> {
        let backup = self.backup.as_ref().map_err(ToString::to_string);
        backup.and_then(|backup| backup.verify(&|| false).map_err(|error| error.to_string())).err()
    }
}

/// Whether a run that ended so may need all that is kept for it.
pub(crate) fn is_needed(verdict: Option<Verdict>) -> bool {
    matches!(verdict, None | Some(Verdict::Stuck | Verdict::Stopped))
}

/// What is kept on this host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backups {
    /// All backups, the latest first.
    pub kept: Vec<Kept>,
    /// What runs set aside beside the paths, as far as something is still there.
    pub beside: Vec<Beside>,
}

/// What came of reading a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Its name.
    pub backup: String,
    /// What is wrong with it; `None` if every entry is as the manifest says.
    pub damage: Option<String>,
}

impl Session {
    /// Everything that is kept.
    pub fn backups(&self) -> Result<Backups, Error> {
        let journal = Look::at(self.state_dir())?.journal;
        let kept = list(self.state_dir(), journal.as_ref())?.iter().map(Found::told).collect();
        Ok(Backups { kept, beside: journal.as_ref().map(beside).transpose()?.unwrap_or_default() })
    }

    /// All backups, the latest first. No record of any run is read: a way back has to be found whatever they hold.
    pub(crate) fn kept(&self) -> Result<Vec<Found>, Error> {
        list(self.state_dir(), Look::at(self.state_dir())?.journal.as_ref())
    }

    /// The backup that `name` means, which may be the beginning of its name.
    pub(crate) fn backup(&self, name: &str) -> Result<Found, Error> {
        let mut kept = self.kept()?;
        let named = |one: &Found| Named {
            name: one.name.clone(),
            plan: one.run.as_ref().map(|run| run.plan.clone()),
            began: None,
        };
        let at = pick(Thing::Backup, name, &kept.iter().map(named).collect::<Vec<_>>())?;
        Ok(kept.swap_remove(at))
    }

    /// Reads the backup that `name` means, which may be the beginning of its name.
    pub fn verify(&self, name: &str) -> Result<Verified, Error> {
        let one = self.backup(name)?;
        Ok(Verified { damage: one.damage(), backup: one.name })
    }
}

/// All backups, the latest first.
fn list(dir: &StateDir, journal: Option<&Journal>) -> Result<Vec<Found>, Error> {
    let runs = journal.map(Journal::runs).transpose()?.unwrap_or_default();
    let runs: HashMap<RunId, RunRow> = runs.into_iter().map(|row| (row.run.clone(), row)).collect();
    let mut found = Vec::new();
    for entry in absent_as_none(fs::read_dir(dir.backups()))?.into_iter().flatten() {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let run = name.split_once('-').and_then(|(run, _)| RunId::new(run)).and_then(|run| runs.get(&run).cloned());
        if entry.path().is_dir() && !name.starts_with('.') {
            let backup = Backup::open(&entry.path());
            found.push(Found { name, dir: entry.path(), run, backup });
        }
    }
    found.sort_by_key(|kept| std::cmp::Reverse(kept.made_at()));
    Ok(found)
}

/// What a run set aside beside a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// The run.
    pub run: RunId,
    /// Where it is.
    pub closed: Closed,
    /// Whether it is that; else something else has its name by now, which is not removed.
    pub is_it: bool,
}

impl Beside {
    /// What there is to say of it.
    pub fn line(&self) -> String {
        let dir = self.closed.dir.display();
        let but = if self.is_it { "" } else { " (something else has its name now, and stays)" };
        format!("{dir}{but}")
    }
}

/// What runs set aside beside the paths, as far as something is still there.
pub(crate) fn beside(journal: &Journal) -> Result<Vec<Beside>, Error> {
    let mut found: Vec<Beside> = Vec::new();
    for (run, remains) in journal.set_aside()? {
        let (Some(dir), Some(id)) = (Path::new(&remains.path).parent(), remains.held_in) else { continue };
        let closed = Closed::new(dir, id);
        let one = closed.is_there().map(|is_it| Beside { run, closed, is_it });
        found.extend(one.filter(|one| !found.contains(one)));
    }
    Ok(found)
}

//! What is kept for runs: which backups there are, whose they are, and which runs may go with all that is theirs.
//!
//! A backup lies in `backups/<run>-<step>`; its plan and its retention are those of the run.

use crate::clock::now_ms;
use crate::error::Error;
use crate::gaps::whole;
use crate::known::known;
use crate::naming::{Named, Thing, pick};
use crate::session::Session;
use runbook_backup::{Backup, Closed, Retention, prunable};
use runbook_journal::{Journal, Look, RunRow, StateDir};
use runbook_model::{RunId, Verdict};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A backup on this host.
pub struct Kept {
    /// Its name: `<run>-<step>`.
    pub name: String,
    /// Where it is.
    pub dir: PathBuf,
    /// The run that made it, if the journal still knows it.
    pub run: Option<RunRow>,
    /// The backup, or why it cannot be read.
    pub backup: Result<Backup, runbook_backup::Error>,
}

impl Kept {
    /// Whether it may be the only way back of a run that nobody has settled.
    pub fn is_needed(&self) -> bool {
        self.run.as_ref().is_some_and(|run| is_needed(run.verdict))
    }

    /// When it was made, in milliseconds since 1970; 0 for one that cannot be read.
    pub fn made_at(&self) -> i64 {
        self.backup.as_ref().map_or(0, |backup| backup.manifest().created_at_ms)
    }

    /// What is wrong with it, by every digest of its manifest.
    fn damage(&self) -> Option<String> {
        let backup = self.backup.as_ref().map_err(ToString::to_string);
        backup.and_then(|backup| backup.verify(&|| false).map_err(|error| error.to_string())).err()
    }
}

/// Whether a run that ended so may need all that is kept for it.
fn is_needed(verdict: Option<Verdict>) -> bool {
    matches!(verdict, None | Some(Verdict::Stuck | Verdict::Stopped))
}

/// What is kept on this host.
pub struct Backups {
    /// All backups, the latest first.
    pub kept: Vec<Kept>,
    /// What runs set aside beside the paths, as far as something is still there.
    pub beside: Vec<Beside>,
}

/// What came of reading a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let kept = list(self.state_dir(), journal.as_ref())?;
        Ok(Backups { kept, beside: journal.as_ref().map(beside).transpose()?.unwrap_or_default() })
    }

    /// All backups, the latest first. No record of any run is read: a way back has to be found whatever they hold.
    fn kept(&self) -> Result<Vec<Kept>, Error> {
        list(self.state_dir(), Look::at(self.state_dir())?.journal.as_ref())
    }

    /// The backup that `name` means, which may be the beginning of its name.
    pub(crate) fn backup(&self, name: &str) -> Result<Kept, Error> {
        let mut kept = self.kept()?;
        let named = |one: &Kept| Named {
            name: one.name.clone(),
            plan: one.run.as_ref().map(|run| run.plan.clone()),
            began: None,
        };
        let at = pick(Thing::Backup, name, &kept.iter().map(named).collect::<Vec<_>>())?;
        Ok(kept.swap_remove(at))
    }

    /// Reads the backup that `name` means, or all of them, each when its turn comes.
    pub fn verify(&self, name: Option<&str>) -> Result<impl Iterator<Item = Verified>, Error> {
        let chosen = match name {
            Some(name) => vec![self.backup(name)?],
            None => self.kept()?,
        };
        Ok(chosen.into_iter().map(|one| Verified { damage: one.damage(), backup: one.name }))
    }

    /// Removes what is past its retention, and returns it. `None` if nothing was ever done on this host.
    pub fn prune(&self) -> Result<Option<Vec<Past>>, Error> {
        if !self.has_journal()? {
            return Ok(None);
        }
        let _lock = self.lock("backup prune".to_owned())?;
        prune(self.state_dir(), now_ms()).map(Some)
    }

    /// What [`prune`](Self::prune) would remove.
    pub fn prunable(&self) -> Result<Option<Vec<Past>>, Error> {
        if !self.has_journal()? {
            return Ok(None);
        }
        let journal = whole(self.state_dir())?;
        let past = journal.map(|journal| past_retention(self.state_dir(), &journal, now_ms()));
        Ok(Some(past.transpose()?.unwrap_or_default()))
    }

    /// Whether there is one; [`Error::Lost`] where there was.
    fn has_journal(&self) -> Result<bool, Error> {
        let look = Look::at(self.state_dir())?;
        if look.journal.is_none() && !look.gaps.is_empty() {
            Err(Error::Lost(look.gaps))
        } else {
            Ok(look.journal.is_some())
        }
    }

    /// Runs past their retention go after a run that ended well; how many.
    pub(crate) fn prune_after_a_run(&self) -> Option<Result<usize, Error>> {
        // Whoever has the lock by now does the same at its end.
        let _lock = self.lock("removing what is past its retention".to_owned()).ok()?;
        Some(prune(self.state_dir(), now_ms()).map(|past| past.len()))
    }
}

/// All backups, the latest first.
fn list(dir: &StateDir, journal: Option<&Journal>) -> Result<Vec<Kept>, Error> {
    let runs = journal.map(Journal::runs).transpose()?.unwrap_or_default();
    let runs: HashMap<RunId, RunRow> = runs.into_iter().map(|row| (row.run.clone(), row)).collect();
    let entries = match fs::read_dir(dir.backups()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let run = name.split_once('-').and_then(|(run, _)| RunId::new(run)).and_then(|run| runs.get(&run).cloned());
        if entry.path().is_dir() && !name.starts_with('.') {
            let backup = Backup::open(&entry.path());
            found.push(Kept { name, dir: entry.path(), run, backup });
        }
    }
    found.sort_by_key(|kept| std::cmp::Reverse(kept.made_at()));
    Ok(found)
}

/// A run past the retention of its plan, with everything that is kept for it.
pub struct Past {
    /// The run.
    pub run: RunId,
    /// Its plan.
    pub plan: String,
    /// The names of its backups.
    pub backups: Vec<String>,
    /// What it set aside beside the paths, for want of room.
    pub beside: Vec<Beside>,
}

/// What a run set aside beside a path.
#[derive(Clone, PartialEq)]
pub struct Beside {
    /// The run.
    pub run: RunId,
    /// Where it is.
    pub closed: Closed,
    /// Whether it is that; else something else has its name by now, which is nobody's to remove.
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
fn beside(journal: &Journal) -> Result<Vec<Beside>, Error> {
    let mut found: Vec<Beside> = Vec::new();
    for (run, remains) in journal.set_aside()? {
        let (Some(dir), Some(id)) = (Path::new(&remains.path).parent(), remains.held_in) else { continue };
        let closed = Closed::new(dir, id);
        let one = closed.is_there().map(|is_it| Beside { run, closed, is_it });
        found.extend(one.filter(|one| !found.contains(one)));
    }
    Ok(found)
}

/// The runs past the retention of their plans, the oldest first. Runs are counted, not backups: the data of a run goes as a
/// whole, or stays. What an open, stopped or stuck run needs stays, and so does the latest run of each plan that ended well
/// and was not taken back.
fn past_retention(dir: &StateDir, journal: &Journal, now_ms: i64) -> Result<Vec<Past>, Error> {
    let mut by_plan: BTreeMap<String, Vec<RunRow>> = BTreeMap::new();
    for row in journal.runs()? {
        by_plan.entry(row.plan.clone()).or_default().push(row);
    }
    let backups = names_below(&dir.backups())?;
    let beside = beside(journal)?;
    let mut past = Vec::new();
    for (plan, rows) in by_plan {
        let Some(latest) = rows.first() else { continue };
        let retention = retention(journal, &latest.run)?;
        let stands = rows.iter().position(|row| row.verdict == Some(Verdict::Succeeded));
        let candidates: Vec<(&RunId, i64, bool)> = rows
            .iter()
            .enumerate()
            .map(|(nth, row)| {
                (&row.run, row.finished_at.unwrap_or(row.started_at), is_needed(row.verdict) || stands == Some(nth))
            })
            .rev()
            .collect();
        for run in prunable(&candidates, retention, now_ms) {
            let own = |name: &&String| name.split_once('-').is_some_and(|(of, _)| of == run.as_str());
            let backups = backups.iter().filter(own).cloned().collect();
            let beside = beside.iter().filter(|one| one.run == *run).cloned().collect();
            past.push(Past { run: run.clone(), plan: plan.clone(), backups, beside });
        }
    }
    Ok(past)
}

/// The retention that the latest run of a plan asks for.
fn retention(journal: &Journal, run: &RunId) -> Result<Retention, Error> {
    let saved = known(journal, run)?.saved;
    let wanted = saved.plan.retention;
    let keep_for_ms = i64::try_from(wanted.keep_for.as_millis()).unwrap_or(i64::MAX);
    Ok(Retention { keep_for_ms, keep_last: usize::try_from(wanted.keep_last).unwrap_or(usize::MAX) })
}

/// Removes what is past its retention, and what a removal that was cut short has left. Call it with the lock held.
///
/// First everything is renamed, so that nothing half-removed looks like a backup; then the journal forgets the run, which
/// until then is found again by the next removal; then the files go.
fn prune(dir: &StateDir, now_ms: i64) -> Result<Vec<Past>, Error> {
    let Some(journal) = whole(dir)? else { return Ok(Vec::new()) };
    let past = past_retention(dir, &journal, now_ms)?;
    for one in &past {
        for backup in &one.backups {
            condemn(&dir.backups(), backup)?;
        }
        condemn(&dir.runs(), one.run.as_str())?;
        // The journal is all that knows of these.
        for beside in &one.beside {
            beside.closed.remove()?;
        }
    }
    if !past.is_empty() {
        let runs: Vec<RunId> = past.iter().map(|one| one.run.clone()).collect();
        Journal::open(dir)?.prune(&runs)?;
    }
    for place in [dir.backups(), dir.runs()] {
        for name in names_below(&place)?.iter().filter(|name| name.starts_with(CONDEMNED)) {
            runbook_backup::remove_tree(&place.join(name))?;
        }
    }
    Ok(past)
}

/// How the name of something begins that is being removed.
const CONDEMNED: &str = ".removed-";

fn condemn(place: &Path, name: &str) -> Result<(), Error> {
    let condemned = place.join(format!("{CONDEMNED}{name}"));
    let mut renamed = fs::rename(place.join(name), &condemned);
    // The same was begun before, and something came back since.
    if renamed.as_ref().is_err_and(|error| error.kind() == ErrorKind::DirectoryNotEmpty) {
        runbook_backup::remove_tree(&condemned)?;
        renamed = fs::rename(place.join(name), &condemned);
    }
    match renamed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

pub(crate) fn names_below(dir: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>()?,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(entries.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

//! What is kept for runs: which backups there are, whose they are, and which runs may go with all that is theirs.
//!
//! A backup lies in `backups/<run>-<step>`; its plan and its retention are those of the run.

use crate::error::{CommandError, Exit};
use crate::gaps;
use runbook_backup::{Backup, Closed, Retention, prunable};
use runbook_journal::{Journal, RunRow, StateDir};
use runbook_model::{RunId, Verdict};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A backup on this host.
pub(crate) struct Kept {
    /// Its name: `<run>-<step>`.
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    /// The run that made it, if the journal still knows it.
    pub(crate) run: Option<RunRow>,
    /// The backup, or why it cannot be read.
    pub(crate) backup: Result<Backup, runbook_backup::Error>,
}

impl Kept {
    /// Whether it may be the only way back of a run that nobody has settled.
    pub(crate) fn is_needed(&self) -> bool {
        let verdict = self.run.as_ref().map(|run| run.verdict);
        matches!(verdict, Some(None | Some(Verdict::Stuck | Verdict::Stopped)))
    }
}

/// All backups, the latest first.
pub(crate) fn list(dir: &StateDir, journal: Option<&Journal>) -> Result<Vec<Kept>, CommandError> {
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
    found.sort_by_key(|kept| std::cmp::Reverse(made_at(kept)));
    Ok(found)
}

/// When it was made; the beginning of time for one that cannot be read.
pub(crate) fn made_at(kept: &Kept) -> i64 {
    kept.backup.as_ref().map_or(0, |backup| backup.manifest().created_at_ms)
}

/// A run past the retention of its plan, with everything that is kept for it.
pub(crate) struct Past {
    pub(crate) run: RunId,
    pub(crate) plan: String,
    /// The names of its backups.
    pub(crate) backups: Vec<String>,
    /// What it set aside beside the paths, for want of room.
    pub(crate) beside: Vec<Beside>,
}

/// What a run set aside beside a path.
#[derive(Clone, PartialEq)]
pub(crate) struct Beside {
    pub(crate) run: String,
    pub(crate) closed: Closed,
    /// Whether it is that; else something else has its name by now, which is nobody's to remove.
    pub(crate) is_it: bool,
}

impl Beside {
    /// What there is to say of it.
    pub(crate) fn line(&self) -> String {
        let dir = self.closed.dir.display();
        let but = if self.is_it { "" } else { " (something else has its name now, and stays)" };
        format!("{dir}{but}")
    }
}

/// What runs set aside beside the paths, as far as something is still there.
pub(crate) fn beside(journal: &Journal) -> Result<Vec<Beside>, CommandError> {
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
pub(crate) fn past_retention(dir: &StateDir, journal: &Journal, now_ms: i64) -> Result<Vec<Past>, CommandError> {
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
                let needed = matches!(row.verdict, None | Some(Verdict::Stuck | Verdict::Stopped));
                (&row.run, row.finished_at.unwrap_or(row.started_at), needed || stands == Some(nth))
            })
            .rev()
            .collect();
        for run in prunable(&candidates, retention, now_ms) {
            let own = |name: &&String| name.split_once('-').is_some_and(|(of, _)| of == run.as_str());
            let backups = backups.iter().filter(own).cloned().collect();
            let beside = beside.iter().filter(|one| one.run == run.as_str()).cloned().collect();
            past.push(Past { run: run.clone(), plan: plan.clone(), backups, beside });
        }
    }
    Ok(past)
}

/// The retention that the latest run of a plan asks for.
fn retention(journal: &Journal, run: &RunId) -> Result<Retention, CommandError> {
    let saved = crate::known::known(journal, run)?.saved;
    let wanted = saved.plan.retention;
    let keep_for_ms = i64::try_from(wanted.keep_for.as_millis()).unwrap_or(i64::MAX);
    Ok(Retention { keep_for_ms, keep_last: usize::try_from(wanted.keep_last).unwrap_or(usize::MAX) })
}

/// Removes what is past its retention, and what a removal that was cut short has left. Call it with the lock held.
///
/// First everything is renamed, so that nothing half-removed looks like a backup; then the journal forgets the run, which
/// until then is found again by the next removal; then the files go.
pub(crate) fn prune(dir: &StateDir, now_ms: i64) -> Result<Vec<Past>, CommandError> {
    let Some(journal) = gaps::whole(dir, Exit::Stuck)? else { return Ok(Vec::new()) };
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
        let mut journal = Journal::open(dir)?;
        past.iter().try_for_each(|one| journal.forget(&one.run))?;
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

fn condemn(place: &Path, name: &str) -> Result<(), CommandError> {
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

fn names_below(dir: &Path) -> Result<Vec<String>, CommandError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>()?,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(entries.into_iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

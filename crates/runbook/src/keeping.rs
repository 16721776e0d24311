//! Backups as files: which there are, whose they are, and which may go.
//!
//! A backup lies in `backups/<run>-<step>`; its plan and its retention are those of the run.

use crate::error::CommandError;
use runbook_backup::{Backup, Retention, prunable};
use runbook_journal::{Journal, RunRow, StateDir};
use runbook_model::{RunId, Verdict};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::PathBuf;

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

/// Those past the retention of their plan. A backup whose run is unknown or that cannot be read is left to a person.
pub(crate) fn past_retention<'a>(
    kept: &'a [Kept],
    journal: &Journal,
    now_ms: i64,
) -> Result<Vec<&'a Kept>, CommandError> {
    let mut by_plan: BTreeMap<&str, Vec<&Kept>> = BTreeMap::new();
    for one in kept.iter().filter(|one| one.backup.is_ok()) {
        if let Some(run) = &one.run {
            by_plan.entry(&run.plan).or_default().push(one);
        }
    }
    let mut past = Vec::new();
    for of_plan in by_plan.into_values() {
        let latest = of_plan.first().and_then(|one| one.run.as_ref());
        let Some(retention) = latest.map(|run| retention(journal, &run.run)).transpose()? else { continue };
        let candidates: Vec<(&str, i64, bool)> =
            of_plan.iter().map(|one| (one.name.as_str(), made_at(one), one.is_needed())).collect();
        let names = prunable(&candidates, retention, now_ms);
        past.extend(of_plan.into_iter().filter(|one| names.contains(&one.name.as_str())));
    }
    Ok(past)
}

/// The retention that the latest run of a plan asks for.
fn retention(journal: &Journal, run: &RunId) -> Result<Retention, CommandError> {
    let saved = crate::running::known(journal, run)?.saved;
    let wanted = saved.plan.retention;
    let keep_for_ms = i64::try_from(wanted.keep_for.as_millis()).unwrap_or(i64::MAX);
    Ok(Retention { keep_for_ms, keep_last: usize::try_from(wanted.keep_last).unwrap_or(usize::MAX) })
}

/// Removes a backup, and what its run had set aside and captured, for they serve the same rollback.
pub(crate) fn remove(dir: &StateDir, kept: &Kept) -> Result<(), CommandError> {
    // Renamed first: a removal that is cut short leaves nothing that looks like a backup.
    let condemned = dir.backups().join(format!(".removed-{}", kept.name));
    fs::rename(&kept.dir, &condemned)?;
    runbook_backup::remove_tree(&condemned)?;
    if let Some(run) = &kept.run {
        runbook_backup::remove_tree(&dir.run(&run.run))?;
    }
    Ok(())
}

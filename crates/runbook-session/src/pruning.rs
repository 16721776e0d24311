//! Which runs go, with all that is kept for them, once the retention of their plan is past; and their going.

use crate::error::Error;
use crate::gaps::whole;
use crate::keeping::{Beside, beside, is_needed};
use crate::known::known;
use crate::session::Session;
use runbook_backup::{Retention, prunable};
use runbook_host::{absent_as_none, now_ms};
use runbook_journal::{Journal, Look, RunRow, StateDir};
use runbook_model::{RunId, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

impl Session {
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
        // Another run that has the lock by now does the same at its end.
        let _lock = self.lock("removing what is past its retention".to_owned()).ok()?;
        Some(prune(self.state_dir(), now_ms()).map(|past| past.len()))
    }
}

/// A run past the retention of its plan, with everything that is kept for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    for name in never_begun(dir, &journal)? {
        condemn(&dir.runs(), &name)?;
    }
    for place in [dir.backups(), dir.runs()] {
        for name in names_below(&place)?.iter().filter(|name| name.starts_with(CONDEMNED)) {
            runbook_backup::remove_tree(&place.join(name))?;
        }
    }
    Ok(past)
}

/// What runs left that were killed before their first record: the journal has no loss, does not know them, and they hold
/// nothing but what a run makes before it begins.
fn never_begun(dir: &StateDir, journal: &Journal) -> Result<Vec<String>, Error> {
    let known: HashSet<RunId> = journal.runs()?.into_iter().map(|row| row.run).collect();
    let mut left = Vec::new();
    for name in names_below(&dir.runs())? {
        let Some(run) = RunId::new(&name).filter(|run| !known.contains(run)) else { continue };
        if dir.never_began(&run)? {
            left.push(name);
        }
    }
    Ok(left)
}

/// Takes away what a run left that was killed before its first record. What is left of it goes with the next removal.
pub(crate) fn never_begins(dir: &StateDir, run: &RunId) -> Result<(), Error> {
    condemn(&dir.runs(), run.as_str())
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
    let entries = absent_as_none(fs::read_dir(dir))?.into_iter().flatten();
    Ok(entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<io::Result<_>>()?)
}

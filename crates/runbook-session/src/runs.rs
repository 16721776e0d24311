//! Runs in the journal: the one that a name means, the one that is open or stuck, and that a new one waits for.

use crate::error::{Error, Unsettled};
use crate::gaps::whole;
use crate::naming::{Named, Thing, pick};
use runbook_journal::{Journal, Look, RunRow, StateDir};
use runbook_model::Verdict;

/// The journal for reading, as far as it is there; a refusal if there is none.
pub(crate) fn journal(dir: &StateDir) -> Result<Journal, Error> {
    let look = Look::at(dir)?;
    look.journal.ok_or_else(|| match look.gaps.is_empty() {
        true => Error::NoJournal { dir: dir.path().to_owned() },
        false => Error::Lost(look.gaps),
    })
}

/// The run that `name` means; without a name the latest one.
pub(crate) fn choose(journal: &Journal, name: Option<&str>) -> Result<RunRow, Error> {
    let mut runs = journal.runs()?;
    let at = match name {
        None => 0,
        Some(name) => {
            let named = |row: &RunRow| Named {
                name: row.run.as_str().to_owned(),
                plan: Some(row.plan.clone()),
                began: Some(row.started_at),
            };
            pick(Thing::Run, name, &runs.iter().map(named).collect::<Vec<_>>())?
        }
    };
    if at < runs.len() { Ok(runs.swap_remove(at)) } else { Err(Error::NoRun) }
}

/// The run that is open or stuck, if there is one.
pub(crate) fn unsettled(journal: &Journal) -> Result<Option<RunRow>, Error> {
    Ok(journal.runs()?.into_iter().find(|row| matches!(row.verdict, None | Some(Verdict::Stuck))))
}

/// Refuses while an earlier run is open or stuck, or may be: a second change on top would take its way back away.
pub(crate) fn refuse_unsettled(dir: &StateDir) -> Result<(), Error> {
    let journal = match whole(dir) {
        Err(Error::Lost(gaps)) => return Err(Unsettled::Lost(gaps).into()),
        found => found?,
    };
    match journal.as_ref().map(unsettled).transpose()?.flatten() {
        None => Ok(()),
        Some(RunRow { run, plan, verdict: None, .. }) => Err(Unsettled::Open { run, plan }.into()),
        Some(RunRow { run, plan, .. }) => Err(Unsettled::Stuck { run, plan }.into()),
    }
}

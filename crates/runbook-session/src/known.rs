//! A run as the journal holds it.

use crate::error::{Error, NotUnderstood};
use crate::session::Session;
use runbook_engine::{Program, Saved};
use runbook_journal::Journal;
use runbook_model::{Record, Role, RunId, RunState, StepId};
use serde::{Deserialize, Serialize};

/// A run as the journal holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Known {
    /// The run.
    pub run: RunId,
    /// Its plan, as it was saved when the run began.
    pub saved: Saved,
    /// All that happened.
    pub records: Vec<Record>,
}

/// The same with its plan judged anew: it can go on.
pub(crate) struct Ready {
    pub(crate) run: RunId,
    pub(crate) program: Program,
    pub(crate) records: Vec<Record>,
}

impl Known {
    /// Whether the step plays this part.
    pub(crate) fn plays(&self, step: &StepId, part: &Role) -> bool {
        let roles = self.saved.roles.as_ref().and_then(|roles| roles.get(step));
        roles.is_some_and(|roles| roles.contains(part))
    }
}

impl Ready {
    /// Whether the run still has to be committed once all is done.
    pub(crate) fn holds_at_its_end(&self, state: &RunState) -> bool {
        state.committed.is_none() && state.header.as_ref().is_some_and(|header| header.hold_ms.is_some())
    }
}

impl Session {
    /// Everything that the journal holds about a run. The parts that its steps play are declared anew where an older `runbook`
    /// did not keep them, if this one understands the plan.
    pub(crate) fn known_with_roles(&self, journal: &Journal, run: &RunId) -> Result<Known, Error> {
        let mut known = known(journal, run)?;
        if known.saved.roles.is_none() {
            known.saved.roles = self.reopen(run, known.saved.clone()).ok().and_then(|program| program.saved.roles);
        }
        Ok(known)
    }

    /// See [`Ready`]; refused where this version of `runbook` does not understand the plan.
    pub(crate) fn ready(&self, known: Known) -> Result<Ready, Error> {
        let Known { run, saved, records } = known;
        let sources = saved.sources.clone();
        match self.reopen(&run, saved) {
            Ok(program) => Ok(Ready { run, program, records }),
            Err(found) => Err(Error::NotUnderstood(Box::new(NotUnderstood { run, found, sources }))),
        }
    }
}

/// Everything that the journal holds about a run.
pub(crate) fn known(journal: &Journal, run: &RunId) -> Result<Known, Error> {
    let saved = journal.saved(run)?;
    let saved = serde_json::from_slice(saved.as_bytes())
        .map_err(|source| runbook_engine::Error::Saved { run: run.clone(), source })?;
    Ok(Known { run: run.clone(), saved, records: journal.records(run)? })
}

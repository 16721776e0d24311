//! A run as the journal holds it.

use crate::error::CommandError;
use crate::loading;
use crate::screen::Screen;
use runbook_engine::{Program, Saved};
use runbook_journal::Journal;
use runbook_model::{Record, RunId};

/// A run as the journal holds it.
pub(crate) struct Known {
    pub(crate) run: RunId,
    pub(crate) saved: Saved,
    pub(crate) records: Vec<Record>,
}

/// The same with its plan judged anew: it can go on.
pub(crate) struct Ready {
    pub(crate) run: RunId,
    pub(crate) program: Program,
    pub(crate) records: Vec<Record>,
}

impl Known {
    /// See [`Ready`]; refused where this version of `runbook` does not understand the plan.
    pub(crate) fn ready(self, screen: &Screen) -> Result<Ready, CommandError> {
        let Self { run, saved, records } = self;
        let sources = saved.sources.clone();
        match loading::reopen(saved) {
            Ok(program) => Ok(Ready { run, program, records }),
            Err(found) => {
                screen.diagnostics(&found, &sources)?;
                Err(runbook_engine::Error::Refused(run).into())
            }
        }
    }
}

/// Everything that the journal holds about a run.
pub(crate) fn known(journal: &Journal, run: &RunId) -> Result<Known, CommandError> {
    let saved = journal.saved(run)?;
    let saved =
        serde_json::from_str(&saved).map_err(|source| runbook_engine::Error::Saved { run: run.clone(), source })?;
    Ok(Known { run: run.clone(), saved, records: journal.records(run)? })
}

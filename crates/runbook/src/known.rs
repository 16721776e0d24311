//! What the journal knows of one run.

use crate::error::CommandError;
use runbook_engine::Saved;
use runbook_journal::Journal;
use runbook_model::{Record, RunId};

/// A run as the journal holds it.
pub(crate) struct Known {
    pub(crate) run: RunId,
    pub(crate) saved: Saved,
    pub(crate) records: Vec<Record>,
}

/// Everything that the journal holds about a run.
pub(crate) fn known(journal: &Journal, run: &RunId) -> Result<Known, CommandError> {
    let saved = journal.saved(run)?;
    let saved =
        serde_json::from_str(&saved).map_err(|source| runbook_engine::Error::Saved { run: run.clone(), source })?;
    Ok(Known { run: run.clone(), saved, records: journal.records(run)? })
}

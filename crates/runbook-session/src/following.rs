//! Following a run from a record on, in whatever process it is at work.

use crate::error::Error;
use crate::session::Session;
use runbook_journal::{Journal, Lock};
use runbook_model::{Record, RunId};

/// What came on record in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordsAfter {
    /// The records, in order.
    pub records: Vec<Record>,
    /// Whether the run has a verdict.
    pub is_over: bool,
    /// Whether a process was at work on the host before they were read.
    pub is_at_work: bool,
}

impl Session {
    /// What came on record in `run` behind the record of number `after`.
    ///
    /// # Errors
    /// The journal does not know the run.
    pub fn records_after(&self, run: &RunId, after: u64) -> Result<RecordsAfter, Error> {
        let is_at_work = Lock::holder(self.state_dir())?.is_some();
        let journal = Journal::open_to_read(self.state_dir())?.ok_or(Error::NoRun)?;
        let is_over = journal.runs()?.iter().any(|row| row.run == *run && row.verdict.is_some());
        Ok(RecordsAfter { records: journal.parsed_after(run, after)?, is_over, is_at_work })
    }
}

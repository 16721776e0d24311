//! Runs that go: rows and records together, and the room that they took.

use crate::{Error, Journal};
use runbook_model::RunId;

impl Journal {
    /// Removes everything that the journal holds of these runs, all of them in one durable commit. Nothing of a run stays, so
    /// what it left on the disk has to be gone, or out of sight, before: a trace of a run that the journal does not know is a
    /// loss.
    pub fn prune(&mut self, runs: &[RunId]) -> Result<(), Error> {
        self.commit(true, |change| {
            for run in runs {
                change.execute("DELETE FROM records WHERE run = ?1", [run.as_str()])?;
                change.execute("DELETE FROM runs WHERE run = ?1", [run.as_str()])?;
            }
            Ok(())
        })?;
        self.shrink();
        Ok(())
    }

    /// Each look reads the whole file, so a file that is mostly free pages is written anew. That needs room for a copy;
    /// without it the file stays as it is, and the next runs use its free pages.
    fn shrink(&self) {
        let pages =
            |pragma: &str| self.connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap_or(0);
        if pages("freelist_count") * 2 > pages("page_count") {
            let _ = self.connection.execute_batch("VACUUM");
        }
    }
}

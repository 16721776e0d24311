//! What a run tells while it happens.

use runbook_model::{Record, RunState, StepId};
use std::io;

/// Somebody who is told what happens in a run. Records are complete and in order; progress notes may be dropped.
/// A reporter can be fed a journal that is replayed as well as a run that happens now.
pub trait Reporter: Send {
    /// Something happened, and it is in the journal.
    fn record(&mut self, record: &Record) -> io::Result<()>;

    /// A step has something to say while it runs; only the last note counts.
    fn progress(&mut self, _step: &StepId, _note: &str) -> io::Result<()> {
        Ok(())
    }

    /// Time passes; to be called a few times a second. `now_ms` is in milliseconds since 1970.
    fn tick(&mut self, _now_ms: i64) -> io::Result<()> {
        Ok(())
    }

    /// The operator interrupts, and this is what that means now. The record of it, if one follows, tells nothing more.
    fn interrupted(&mut self, _meaning: &str) -> io::Result<()> {
        Ok(())
    }

    /// No more records follow, whether or not the run is over.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A record that cannot follow the ones before it is a fault of the caller.
pub(super) fn fold(state: &mut RunState, record: &Record) -> io::Result<()> {
    state.apply(record).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

//! Telling a run something that another process holds, until what comes of it is on record.

use crate::error::Error;
use crate::runs::journal;
use crate::session::Session;
use runbook_engine::{Control, Letter, send, withdraw};
use runbook_model::{Event, Record, RunId, RunState};
use std::time::{Duration, Instant};

/// For how long a letter may take to come on record: the process that holds the run looks ten times a second.
const ANSWERS: Duration = Duration::from_secs(10);
/// The time between two looks at the journal.
const LOOK: Duration = Duration::from_millis(20);

impl Session {
    /// Sends `letter` to `run`, whose last record is `after`, and waits until `heard` finds what it comes to, in the run or in
    /// the records since then. What nobody took within [`ANSWERS`] is withdrawn, so that a refusal stays one; what was taken has
    /// as long again to come on record.
    ///
    /// # Errors
    /// The run does not take it, or nobody is there who would hear it.
    pub(crate) fn tell<T>(
        &self,
        run: &RunId,
        letter: &Letter,
        after: u64,
        heard: impl Fn(&RunState, &[Record]) -> Option<Result<T, Error>>,
    ) -> Result<T, Error> {
        let name = Control::from(letter.clone()).name();
        let not_sent = |source| Error::NotSent { letter: name, source };
        // If one is there already, that one is answered, and its sender may withdraw it.
        let own = send(self.state_dir(), run, letter).map_err(not_sent)?;
        let mut end = Instant::now() + ANSWERS;
        let mut taken = false;
        loop {
            // Asked before the journal is read: what the process that is gone wrote is read then.
            let holder = self.at_work()?;
            // Anew: what was opened for reading stays as it was then.
            let records = journal(self.state_dir())?.records(run)?;
            let state = RunState::replay(&records)?;
            let since = records.partition_point(|record| record.seq <= after);
            let since = records.get(since..).unwrap_or_default();
            if let Some(heard) = heard(&state, since) {
                return heard;
            }
            if let Some(because) = refused(since, name) {
                return Err(Error::NotTaken { run: run.clone(), letter: name, because });
            }
            match holder {
                None => return Err(Error::NobodyAtWork(run.clone())),
                Some(_) if Instant::now() <= end => std::thread::sleep(LOOK),
                Some(_) if taken => return Err(Error::NotOnRecord { run: run.clone(), letter: name }),
                Some(_) if !own || withdraw(self.state_dir(), run, letter).map_err(not_sent)? => {
                    return Err(Error::Unanswered { run: run.clone(), letter: name });
                }
                Some(_) => {
                    taken = true;
                    end = Instant::now() + ANSWERS;
                }
            }
        }
    }

    /// Whether somebody goes on with the run in this state, and hears what it is told.
    pub(crate) fn hears(&self, state: &RunState) -> Result<bool, Error> {
        Ok(self.at_work()?.is_some_and(|holder| holder.attends(state)))
    }
}

/// Why the run did not take what was sent before these records.
fn refused(since: &[Record], name: &str) -> Option<String> {
    since.iter().find_map(|record| match &record.event {
        Event::ControlRefused { control, because, .. } if control == name => Some(because.clone()),
        _ => None,
    })
}

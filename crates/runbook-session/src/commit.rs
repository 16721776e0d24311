//! Keeping what a run holds.

use crate::error::Error;
use crate::runs::{choose, journal};
use crate::session::Session;
use runbook_engine::{Letter, send, withdraw};
use runbook_journal::{Journal, Lock};
use runbook_model::{RollbackCause, RunId, RunState};
use std::time::{Duration, Instant};

/// For how long a commit may take to come on record: the process that holds the run looks ten times a second.
const ANSWERS: Duration = Duration::from_secs(10);
/// The time between two looks at the journal.
const LOOK: Duration = Duration::from_millis(20);

/// A commit that is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The run, which ends now.
    pub run: RunId,
    /// Whose commit it is: another one may have been first.
    pub by: String,
}

impl Session {
    /// Commits the run that `name` means, which may be the beginning of its id; without a name the latest one. Takes no
    /// lock: another process, or another thread of this one, holds the run. Returns once that is on record.
    ///
    /// # Errors
    /// The run does not hold, or nobody is there who would hear of it.
    pub fn commit(&self, name: Option<&str>) -> Result<Committed, Error> {
        let journal = journal(self.state_dir())?;
        let run = choose(&journal, name)?.run;
        let state = state(&journal, &run)?;
        if state.holds().is_none() {
            return Err(holds_not(run, &state));
        }
        if Lock::holder(self.state_dir())?.is_none() {
            return Err(Error::NobodyHolds(run));
        }
        let commit = Letter::Commit { by: self.host.facts.user.clone() };
        // If one is there already, that one is answered.
        send(self.state_dir(), &run, &commit).map_err(Error::NotCommitted)?;
        self.on_record(run, &commit)
    }

    /// What nobody took within [`ANSWERS`] is withdrawn, so that a refusal stays one; what was taken has as long again to come on
    /// record.
    fn on_record(&self, run: RunId, commit: &Letter) -> Result<Committed, Error> {
        let mut end = Instant::now() + ANSWERS;
        let mut taken = false;
        loop {
            // Asked before the journal is read: what the process that is gone wrote is read then.
            let is_held = Lock::holder(self.state_dir())?.is_some();
            // Anew: what was opened for reading stays as it was then.
            let state = state(&journal(self.state_dir())?, &run)?;
            match &state.committed {
                Some(by) => return Ok(Committed { run, by: by.clone() }),
                None if state.holds().is_none() => return Err(holds_not(run, &state)),
                None if !is_held => return Err(Error::NobodyHolds(run)),
                None if Instant::now() <= end => std::thread::sleep(LOOK),
                None if taken => return Err(Error::NotOnRecord(run)),
                None if withdraw(self.state_dir(), &run, commit).map_err(Error::NotCommitted)? => {
                    return Err(Error::Unanswered(run));
                }
                None => {
                    taken = true;
                    end = Instant::now() + ANSWERS;
                }
            }
        }
    }
}

fn state(journal: &Journal, run: &RunId) -> Result<RunState, Error> {
    Ok(RunState::replay(&journal.records(run)?)?)
}

fn holds_not(run: RunId, state: &RunState) -> Error {
    let why = match (&state.committed, &state.rollback, state.verdict()) {
        (Some(by), ..) => format!("{by} committed it already"),
        (None, Some(RollbackCause::NotCommitted), _) => "nobody committed it, and it goes back".to_owned(),
        (None, Some(_), _) => "it was taken back".to_owned(),
        (None, None, Some(_)) => "it is over".to_owned(),
        (None, None, None) => match state.header.as_ref().and_then(|header| header.hold_ms) {
            Some(_) => "it is not done yet".to_owned(),
            None => "it was begun without a hold, and ends by itself".to_owned(),
        },
    };
    Error::HoldsNot { run, why }
}

//! Keeping what a run holds.

use crate::error::Error;
use crate::runs::{choose, journal};
use crate::session::Session;
use runbook_engine::Letter;
use runbook_model::{RollbackCause, RunId, RunState};
use serde::{Deserialize, Serialize};

/// A commit that is on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        let state = RunState::replay(&journal.records(&run)?)?;
        if state.holds().is_none() {
            return Err(holds_not(run, &state));
        }
        if !self.hears(&state)? {
            return Err(Error::NobodyHolds(run));
        }
        let letter = Letter::Commit { by: self.host.facts.user.clone() };
        let committed = self.tell(&run, &letter, state.seq, |state, _| match (&state.committed, state.holds()) {
            (Some(by), _) => Some(Ok(Committed { run: run.clone(), by: by.clone() })),
            (None, None) => Some(Err(holds_not(run.clone(), state))),
            (None, Some(_)) => None,
        });
        committed.map_err(|error| match error {
            Error::NobodyAtWork(run) => Error::NobodyHolds(run),
            error => error,
        })
    }
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

//! What a controller keeps of an attempt, and what others tell it: `resume` needs no checkout, and `approve` no terminal of its own.

use super::made::Made;
use runbook_journal::{Attempt, Error, StateDir};
use runbook_rollout::{RolloutRecord, RolloutState, Told, Waves};
use serde::{Deserialize, Serialize};

/// What an attempt was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What it asks of which hosts.
    pub waves: Waves,
    /// The files, and what was given beside them.
    pub made: Made,
}

/// An attempt as it is on record.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// What it was made from.
    pub kept: Kept,
    /// What happened.
    pub records: Vec<RolloutRecord>,
    /// What that comes to.
    pub state: RolloutState,
}

impl Attempted {
    /// Reads an attempt; takes no lock.
    ///
    /// # Errors
    /// There is none such, or what is on record cannot be understood.
    pub fn read(dir: &StateDir, attempt: &Attempt) -> Result<Self, Error> {
        let misread = |seq, source| Error::Record { run: attempt.to_string(), seq, source };
        let kept =
            serde_json::from_slice(dir.saved_of_attempt(attempt)?.as_bytes()).map_err(|source| misread(0, source))?;
        let stored = dir.records_of_attempt(attempt, 0)?;
        let parse = |one: &runbook_journal::Stored| {
            serde_json::from_slice::<RolloutRecord>(one.body.as_bytes()).map_err(|source| misread(one.seq, source))
        };
        let records = stored.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let state = RolloutState::replay(&records)
            .map_err(|error| misread(error.seq, serde::de::Error::custom(error.to_string())))?;
        Ok(Self { kept, records, state })
    }
}

/// What is told under the same name is told once.
fn name_of(told: &Told) -> String {
    match told {
        Told::Drain { .. } => "drain".to_owned(),
        Told::Cancel { .. } => "cancel".to_owned(),
        Told::RollBack { .. } => "roll-back".to_owned(),
        Told::Approve(approve) => format!("approve-{}", approve.wave),
    }
}

/// Tells the controller of an attempt, from another process; it takes it within a second, or whoever goes on with the attempt does.
///
/// # Errors
/// There is no such attempt, or nothing can be written.
pub fn tell(dir: &StateDir, attempt: &Attempt, told: &Told) -> Result<(), Error> {
    let body =
        serde_json::to_string(told).map_err(|source| Error::Record { run: attempt.to_string(), seq: 0, source })?;
    dir.tell_attempt(attempt, &name_of(told), &body)
}

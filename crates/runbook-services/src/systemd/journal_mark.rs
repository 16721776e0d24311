//! Positions in the journal: where it stood when a unit was last told to start.
//!
//! The step that starts a unit notes it just before; `verify.signals` reads from there.

use super::journal::{Entry, journalctl};
use super::{Unit, UnitState};
use crate::undo_data;
use runbook_host::{Host, Reader};
use runbook_model::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where the journal ended, and what ran then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalMark {
    /// The last entry that was there; `None` if there was none, or none that this user may read.
    pub cursor: Option<String>,
    /// The unit's invocation then: what it still writes afterwards is not of the next start. Empty if there was none.
    pub invocation: String,
    /// The unit's processes then: journald may write down their last words as those of the next invocation.
    pub pids: BTreeSet<u32>,
}

impl Unit {
    /// Where the journal ends now, for a unit that is in the state `now`.
    pub fn journal_mark(&self, host: &Reader, now: &UnitState) -> Result<JournalMark, Failure> {
        let mut last = None;
        // A journal that cannot be read gives no position, and the one who reads says what follows from that.
        let _ = host.ask_lines(&journalctl(["--lines=1".to_owned()]), &mut |line| {
            last = Entry::parse(line).or(last.take());
        });
        let processes = host.processes_in_group(&now.control_group)?;
        Ok(JournalMark {
            cursor: last.map(|entry| entry.cursor),
            invocation: now.invocation.clone(),
            pids: processes.into_iter().map(|process| process.identity.pid).collect(),
        })
    }

    /// To be called right before the unit is told to start or restart: notes where its log begins.
    pub fn note_start(&self, host: &Host) -> Result<(), Failure> {
        let mark = self.journal_mark(host, &self.state(host)?)?;
        undo_data::keep(host, &self.own_file(host, "json")?, &mark)
    }

    /// What was noted when a step of any run last told it to start; `None` if none did.
    pub fn noted_start(&self, host: &Reader) -> Result<Option<JournalMark>, Failure> {
        // A note that is not whole is no note: then the baseline's position counts.
        undo_data::kept(host, &self.own_path(host, "json"))
    }
}

//! Following a run: its records from the journal, in order and without gaps, and what is told beside them.

use crate::hub::{Hub, News};
use crate::link::Out;
use runbook_model::RunId;
use runbook_session::{RecordsAfter, Session};
use runbook_wire::{Done, FromAgent, WireError};
use std::time::Duration;

/// How often a run of another process is looked at, and the host's clock told.
const LOOK: Duration = Duration::from_millis(250);

/// Sends what happens in `run` behind the record `after`, until nobody is at work on it any more.
pub(crate) fn follow(session: &Session, hub: &Hub, run: &RunId, after: u64, out: &Out) -> Result<(), WireError> {
    let (mut after, mut next, mut told_at) = (after, 0, 0);
    loop {
        // Asked before the journal is read: what was written until then is read then.
        let standing = hub.standing(run, next);
        let found = match session.records_after(run, after) {
            Ok(found) => found,
            // A run that is about to begin has no record yet.
            Err(_) if standing.is_live => RecordsAfter::default(),
            // It ended before its first record.
            Err(error) => {
                return out.send(&match standing.done {
                    Some(done) => FromAgent::Done(Box::new(done)),
                    None if error.is_no_such_run() => FromAgent::NoSuchRun(run.clone()),
                    None => FromAgent::Refused(Box::new(error.into())),
                });
            }
        };
        let ended = standing.done.or_else(|| over(run, &found, standing.is_live));
        for record in found.records {
            after = record.seq;
            out.send(&FromAgent::Record(Box::new(record)))?;
        }
        next = standing.next;
        for news in standing.news {
            match news {
                // A step that is over by now does nothing any more.
                News::Progress(seq, ..) if seq < after => {}
                News::Progress(_, step, note) => out.send(&FromAgent::Progress { step, note })?,
                News::Interrupted(interrupt) => out.send(&FromAgent::Interrupted(interrupt))?,
            }
        }
        if let Some(done) = ended {
            return out.send(&FromAgent::Done(Box::new(done)));
        }
        if let Some(now_ms) = standing.now_ms.filter(|now| *now != told_at) {
            told_at = now_ms;
            out.send(&FromAgent::Tick(now_ms))?;
        }
        hub.wait(LOOK);
    }
}

/// How a run that is not this agent's was left, if nobody is at work on it.
fn over(run: &RunId, found: &RecordsAfter, is_live: bool) -> Option<Done> {
    (!is_live && (found.is_over || !found.is_at_work)).then(|| Done::of(run.clone()))
}

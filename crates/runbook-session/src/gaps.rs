//! What the journal lost, and the way out: back over what is known, or accepted by a person.

use crate::error::Error;
use crate::known::Ready;
use crate::session::Session;
use runbook_host::now_ms;
use runbook_journal::{Gap, Journal, Look, Loss, StateDir};
use runbook_model::{Event, Next, Record, Remains, RemainsKind, RunId, RunState, StepState, StepStatus, Verdict};

/// The journal of a host of which it holds all that happened; [`Error::Lost`] where it does not.
pub(crate) fn whole(dir: &StateDir) -> Result<Option<Journal>, Error> {
    let look = Look::at(dir)?;
    if look.gaps.is_empty() { Ok(look.journal) } else { Err(Error::Lost(look.gaps)) }
}

/// A loss as the statement about the host names it.
pub(crate) fn told(gap: &Gap) -> runbook_model::Gap {
    let known = gap.run.as_ref().filter(|_| gap.loss == Loss::Records);
    let back = known.map(|run| Next::RollbackKnown(run.clone()));
    let next = back.into_iter().chain([Next::Accept]).collect();
    runbook_model::Gap { path: gap.path.display().to_string(), what: gap.what.clone(), next }
}

impl Session {
    /// Lets a run of which only the end was lost go back over what is known: the loss is noted, and every step that may
    /// have acted since is told as one of which nobody knows. Returns its records with these.
    pub(crate) fn go_back_over_what_is_known(&self, look: &Look, known: &Ready) -> Result<Vec<Record>, Error> {
        look.note(self.state_dir())?;
        let state = RunState::replay(&known.records)?;
        let detail = "the journal lost what it did, so nobody took it back";
        let open = |(_, step): &(_, &StepState)| matches!(step.status, StepStatus::Pending | StepStatus::Started);
        let unknown = state.steps().filter(open).map(|(id, _)| Event::Remained {
            step: id.clone(),
            remains: vec![Remains::new(RemainsKind::NotCompared, format!("step {id}"), detail)],
        });
        let events = std::iter::once(self.resumed()).chain(unknown);
        let mut journal = Journal::open(self.state_dir())?;
        journal.append(&known.run, &numbered(&state, events))?;
        Ok(journal.records(&known.run)?)
    }

    /// A person says that the host is as it should be, whatever was lost. Runs of which the beginning is known are closed.
    pub(crate) fn accept_loss(&self, look: &Look, because: &str) -> Result<(), Error> {
        let dir = self.state_dir();
        look.accept(dir, &self.host.facts.user, because, now_ms())?;
        for gap in &look.gaps {
            let Some(run) = &gap.run else { continue };
            // Nobody looks after it any more once it is closed.
            runbook_engine::end_leftovers(dir, run);
            if gap.loss == Loss::Records {
                self.close(run, &format!("{because} ({})", gap.what))?;
            }
        }
        Ok(())
    }

    /// Ends a run by hand.
    pub(crate) fn close(&self, run: &RunId, because: &str) -> Result<(), Error> {
        let mut journal = Journal::open(self.state_dir())?;
        let state = RunState::replay(&journal.records(run)?)?;
        let end = Event::RunFinished { verdict: Verdict::Accepted, note: because.to_owned() };
        journal.append(run, &numbered(&state, [self.resumed(), end]))?;
        Ok(())
    }

    fn resumed(&self) -> Event {
        Event::RunResumed { version: self.host.version.clone() }
    }
}

fn numbered(state: &RunState, events: impl IntoIterator<Item = Event>) -> Vec<Record> {
    (state.seq + 1..).zip(events).map(|(seq, event)| Record { seq, at: now_ms(), event }).collect()
}

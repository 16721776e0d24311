//! Taking a run back.

use crate::error::Error;
use crate::going_on::{Controls, Ended};
use crate::holding::{can_roll_back, hold_run};
use crate::known::{Ready, known};
use crate::offers::{RollbackOffer, ToRollBack};
use crate::session::Session;
use runbook_engine::Observer;
use runbook_journal::{Lock, Look, RunRow};
use runbook_model::{RollbackCause, RunState};

/// A run that may be taken back. It holds the lock; dropping it lets go.
pub struct RollbackProposal {
    session: Session,
    ready: Ready,
    look: Look,
    lock: Lock,
}

impl Session {
    /// Looks whether a run can be taken back, and holds the host for it: the run that `name` means, which may be the
    /// beginning of its id; without a name the latest that has something to take back. Where the journal lost the end of
    /// the run, `over_a_loss` takes back what is known of it.
    pub fn propose_rollback(
        &self,
        name: Option<&str>,
        over_a_loss: bool,
    ) -> Result<RollbackOffer<Box<RollbackProposal>>, Error> {
        let take = |row: &RunRow| self.lock(format!("rollback {}", row.run));
        let Some((row, lock, look)) = hold_run(self.state_dir(), name, take)? else {
            return Ok(RollbackOffer::Nothing);
        };
        let lost = !look.gaps.is_empty();
        let journal = match &look.journal {
            Some(journal) if !lost || (over_a_loss && look.knows_the_beginning_of(&row.run)) => journal,
            _ => return Err(Error::Lost(look.gaps)),
        };
        let known = known(journal, &row.run)?;
        let state = RunState::replay(&known.records)?;
        if !can_roll_back(&state) {
            return Ok(RollbackOffer::LeftNothing { run: row.run, lost });
        }
        let ready = self.ready(known)?;
        let offer = ToRollBack {
            run: row.run,
            plan: row.plan,
            touched: state.touched().cloned().collect(),
            verdict: state.verdict(),
            over_a_loss: lost,
            doubtful: self.look_back(&ready, &state)?,
        };
        let proposal = RollbackProposal { session: self.clone(), ready, look, lock };
        Ok(RollbackOffer::RollBack(offer, Box::new(proposal)))
    }
}

impl RollbackProposal {
    /// Takes it back, on this thread; see [`ApplyProposal::begin`](crate::ApplyProposal::begin).
    pub fn begin(self, watch: impl FnOnce(RunState) -> Box<dyn Observer>, controls: Controls) -> Result<Ended, Error> {
        let Self { session, mut ready, look, lock } = self;
        if !look.gaps.is_empty() {
            ready.records = session.go_back_over_what_is_known(&look, &ready)?;
        }
        let mut ended = session.go_on(lock, ready, Some(RollbackCause::Requested), watch, controls)?;
        if !look.gaps.is_empty() {
            ended.remains = Some(Error::Lost(look.gaps).into());
        }
        Ok(ended)
    }
}

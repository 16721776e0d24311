//! Taking a run back.

use crate::error::Error;
use crate::going_on::{Controls, Ended};
use crate::holding::{can_roll_back, hold_run};
use crate::known::{Ready, known};
use crate::session::Session;
use runbook_engine::{Observer, Obstacle};
use runbook_journal::{Lock, Look, RunRow};
use runbook_model::{RollbackCause, RunId, RunState};

/// What [`Session::propose_rollback`] found.
pub enum Rollback {
    /// No run of this host has anything to take back.
    Nothing,
    /// The run has nothing to take back.
    LeftNothing {
        /// The run.
        run: RunId,
        /// Whether the journal lost something, so that nobody knows.
        lost: bool,
    },
    /// There is something.
    Proposed(Box<RollbackProposal>),
}

/// A run that may be taken back. It holds the lock; dropping it lets go.
pub struct RollbackProposal {
    session: Session,
    row: RunRow,
    ready: Ready,
    state: RunState,
    look: Look,
    lock: Lock,
    doubtful: Vec<Obstacle>,
}

impl Session {
    /// Looks whether a run can be taken back, and holds the host for it: the run that `name` means, which may be the
    /// beginning of its id; without a name the latest that has something to take back. Where the journal lost the end of
    /// the run, `over_a_loss` takes back what is known of it.
    pub fn propose_rollback(&self, name: Option<&str>, over_a_loss: bool) -> Result<Rollback, Error> {
        let take = |row: &RunRow| self.lock(format!("rollback {}", row.run));
        let Some((row, lock, look)) = hold_run(self.state_dir(), name, take)? else { return Ok(Rollback::Nothing) };
        let lost = !look.gaps.is_empty();
        let journal = match &look.journal {
            Some(journal) if !lost || (over_a_loss && look.knows_the_beginning_of(&row.run)) => journal,
            _ => return Err(Error::Lost(look.gaps)),
        };
        let known = known(journal, &row.run)?;
        let state = RunState::replay(&known.records)?;
        if !can_roll_back(&state) {
            return Ok(Rollback::LeftNothing { run: row.run, lost });
        }
        let ready = self.ready(known)?;
        let doubtful = self.look_back(&ready, &state)?;
        let session = self.clone();
        let proposal = RollbackProposal { session, row, ready, state, look, lock, doubtful };
        Ok(Rollback::Proposed(Box::new(proposal)))
    }
}

impl RollbackProposal {
    /// The run, and its plan.
    pub fn run(&self) -> &RunRow {
        &self.row
    }

    /// What is known of it.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Whether the journal lost its end.
    pub fn over_a_loss(&self) -> bool {
        !self.look.gaps.is_empty()
    }

    /// What may stop it on the way.
    pub fn doubtful(&self) -> &[Obstacle] {
        &self.doubtful
    }

    /// Takes it back, on this thread; see [`ApplyProposal::begin`](crate::ApplyProposal::begin).
    pub fn begin(self, watch: impl FnOnce(RunState) -> Box<dyn Observer>, controls: Controls) -> Result<Ended, Error> {
        let Self { session, mut ready, look, lock, .. } = self;
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

//! What a command asks of a host, wherever that is. A [`Session`] is the door to this one; a door afar sends the same data.

use crate::apply::ApplyProposal;
use crate::asks::Ask;
use crate::command_error::CommandError;
use crate::error::Error;
use crate::going_on::{Controls, Ended};
use crate::notice::Notice;
use crate::offers::{ApplyOffer, Previewed, ResumeOffer, RollbackOffer};
use crate::recover::RecoverProposal;
use crate::restore::{Restore, RestoreProposal, Restoring, ToRestore};
use crate::resume::ResumeProposal;
use crate::rollback::RollbackProposal;
use crate::session::Session;
use runbook_engine::{Observer, Program};
use runbook_model::{RunId, RunState};
use std::path::PathBuf;
use std::time::Duration;

/// The way to one host.
pub trait Door {
    /// A run that may begin, with what it was decided on. Dropping it with its door lets go of the host.
    type Held;

    /// Paths that may be put back. Dropping it with its door lets go of the host.
    type Restore;

    /// Asks what is answered at once.
    fn ask<A: Ask>(&mut self, ask: A) -> Result<A::Answer, CommandError>;

    /// Reads the host for `program`, and writes nothing on it.
    fn preview(&mut self, program: &Program) -> Result<Previewed, CommandError>;

    /// Looks whether a run of `program` may begin and can succeed, and holds the host for it. With `hold` the run is to be committed
    /// within that time once all is done.
    fn propose_apply(
        &mut self,
        program: Program,
        hold: Option<Duration>,
    ) -> Result<ApplyOffer<Self::Held>, CommandError>;

    /// Looks whether the open run may go on, and holds the host for it. `None` if no run is open.
    fn propose_resume(&mut self, run: Option<&str>) -> Result<Option<(ResumeOffer, Self::Held)>, CommandError>;

    /// Looks whether a run can be taken back, and holds the host for it.
    fn propose_rollback(
        &mut self,
        run: Option<&str>,
        over_a_loss: bool,
    ) -> Result<RollbackOffer<Self::Held>, CommandError>;

    /// Looks which open run is to be settled with nobody there, and holds the host for it; see [`Session::propose_recover`].
    fn propose_recover(&mut self, forward: bool) -> Result<(Vec<Notice>, Option<Self::Held>), CommandError>;

    /// Looks whether paths can be put back from a backup, and holds the host for it.
    fn propose_restore(&mut self, wanted: Restore) -> Result<(ToRestore, Self::Restore), CommandError>;

    /// Puts them back. Returns where what was there before is, if anything had to be set aside.
    fn restore(
        &mut self,
        held: Self::Restore,
        tell: &mut dyn FnMut(Restoring),
    ) -> Result<Option<PathBuf>, CommandError>;

    /// What would run, where that is a plan that was handed in.
    fn program<'a>(&self, held: &'a Self::Held) -> Option<&'a Program>;

    /// Runs it to its end. `watch` is asked once for the observer.
    fn begin(
        &mut self,
        held: Self::Held,
        watch: impl FnOnce(RunState) -> Box<dyn Observer>,
        controls: Controls,
    ) -> Result<Ended, CommandError>;
}

/// A run on this host that may begin. It holds the lock.
pub enum Held {
    /// A new one.
    Apply(Box<ApplyProposal>),
    /// One that goes on.
    Resume(Box<ResumeProposal>),
    /// One that is taken back.
    RollBack(Box<RollbackProposal>),
    /// One that is settled with nobody there.
    Recover(Box<RecoverProposal>),
}

impl Held {
    /// A new run with the id that it was given; see [`ApplyProposal::named`].
    pub fn named(self, run: RunId) -> Result<Self, Error> {
        Ok(match self {
            Self::Apply(proposal) => Self::Apply(Box::new(proposal.named(run)?)),
            there => there,
        })
    }
}

impl Door for Session {
    type Held = Held;
    type Restore = RestoreProposal;

    fn ask<A: Ask>(&mut self, ask: A) -> Result<A::Answer, CommandError> {
        Ok(ask.answer(self)?)
    }

    fn preview(&mut self, program: &Program) -> Result<Previewed, CommandError> {
        Ok(Session::preview(self, program))
    }

    fn propose_apply(&mut self, program: Program, hold: Option<Duration>) -> Result<ApplyOffer<Held>, CommandError> {
        Ok(match Session::propose_apply(self, program, hold)? {
            ApplyOffer::Nothing(program, foretold) => ApplyOffer::Nothing(program, foretold),
            ApplyOffer::Apply(offer, proposal) => ApplyOffer::Apply(offer, Held::Apply(proposal)),
        })
    }

    fn propose_resume(&mut self, run: Option<&str>) -> Result<Option<(ResumeOffer, Held)>, CommandError> {
        let found = Session::propose_resume(self, run)?;
        Ok(found.map(|(offer, proposal)| (offer, Held::Resume(Box::new(proposal)))))
    }

    fn propose_rollback(&mut self, run: Option<&str>, over_a_loss: bool) -> Result<RollbackOffer<Held>, CommandError> {
        Ok(match Session::propose_rollback(self, run, over_a_loss)? {
            RollbackOffer::Nothing => RollbackOffer::Nothing,
            RollbackOffer::LeftNothing { run, lost } => RollbackOffer::LeftNothing { run, lost },
            RollbackOffer::RollBack(offer, proposal) => RollbackOffer::RollBack(offer, Held::RollBack(proposal)),
        })
    }

    fn propose_recover(&mut self, forward: bool) -> Result<(Vec<Notice>, Option<Held>), CommandError> {
        let (notices, proposal) = Session::propose_recover(self, forward)?;
        Ok((notices, proposal.map(|proposal| Held::Recover(Box::new(proposal)))))
    }

    fn propose_restore(&mut self, wanted: Restore) -> Result<(ToRestore, RestoreProposal), CommandError> {
        let proposal = Session::propose_restore(self, wanted)?;
        Ok((proposal.offer(), proposal))
    }

    fn restore(
        &mut self,
        held: RestoreProposal,
        tell: &mut dyn FnMut(Restoring),
    ) -> Result<Option<PathBuf>, CommandError> {
        Ok(held.begin(tell)?)
    }

    fn program<'a>(&self, held: &'a Held) -> Option<&'a Program> {
        match held {
            Held::Apply(proposal) => Some(proposal.program()),
            Held::Resume(_) | Held::RollBack(_) | Held::Recover(_) => None,
        }
    }

    fn begin(
        &mut self,
        held: Held,
        watch: impl FnOnce(RunState) -> Box<dyn Observer>,
        controls: Controls,
    ) -> Result<Ended, CommandError> {
        Ok(match held {
            Held::Apply(proposal) => proposal.begin(watch, controls),
            Held::Resume(proposal) => proposal.begin(watch, controls),
            Held::RollBack(proposal) => proposal.begin(watch, controls),
            Held::Recover(proposal) => proposal.begin(watch, controls),
        }?)
    }
}

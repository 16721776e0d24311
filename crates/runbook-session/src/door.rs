//! What a command asks of a host, wherever that is. A [`Session`] is the door to this one; a door afar sends the same data.

use crate::apply::{ApplyProposal, Proposed};
use crate::asks::Ask;
use crate::command_error::CommandError;
use crate::error::Error;
use crate::going_on::{Controls, Ended};
use crate::offers::{Previewed, ResumeOffer, ToApply, ToRollBack};
use crate::resume::ResumeProposal;
use crate::rollback::{Rollback, RollbackProposal};
use crate::session::Session;
use runbook_engine::{Foretold, Observer, Program};
use runbook_model::{RunId, RunState};
use std::time::Duration;

/// The way to one host.
pub trait Door {
    /// A run that may begin, with what it was decided on. Dropping it with its door lets go of the host.
    type Held;

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

/// What came of a plan that is to be applied.
pub enum ApplyOffer<H> {
    /// The host is as the plan wants it.
    Nothing(Box<Program>, Foretold),
    /// There is something to do.
    Apply(ToApply, H),
}

/// What came of a run that is to be taken back.
pub enum RollbackOffer<H> {
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
    RollBack(ToRollBack, H),
}

/// A run on this host that may begin. It holds the lock.
pub enum Held {
    /// A new one.
    Apply(Box<ApplyProposal>),
    /// One that goes on.
    Resume(Box<ResumeProposal>),
    /// One that is taken back.
    RollBack(Box<RollbackProposal>),
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

    fn ask<A: Ask>(&mut self, ask: A) -> Result<A::Answer, CommandError> {
        Ok(ask.answer(self)?)
    }

    fn preview(&mut self, program: &Program) -> Result<Previewed, CommandError> {
        Ok(Session::preview(self, program))
    }

    fn propose_apply(&mut self, program: Program, hold: Option<Duration>) -> Result<ApplyOffer<Held>, CommandError> {
        let proposal = match Session::propose_apply(self, program)? {
            Proposed::Nothing(program, forecast) => {
                return Ok(ApplyOffer::Nothing(program, forecast.foretold()));
            }
            Proposed::Apply(proposal) => match hold {
                Some(within) => Box::new(proposal.holding(within)?),
                None => proposal,
            },
        };
        let offer = ToApply {
            run: proposal.run().clone(),
            foretold: proposal.forecast().foretold(),
            doubtful: proposal.doubtful().to_vec(),
        };
        Ok(ApplyOffer::Apply(offer, Held::Apply(proposal)))
    }

    fn propose_resume(&mut self, run: Option<&str>) -> Result<Option<(ResumeOffer, Held)>, CommandError> {
        let offered = |proposal: ResumeProposal| {
            let offer = ResumeOffer {
                run: proposal.run().clone(),
                direction: proposal.direction(),
                doubtful: proposal.doubtful().to_vec(),
            };
            (offer, Held::Resume(Box::new(proposal)))
        };
        Ok(Session::propose_resume(self, run)?.map(offered))
    }

    fn propose_rollback(&mut self, run: Option<&str>, over_a_loss: bool) -> Result<RollbackOffer<Held>, CommandError> {
        Ok(match Session::propose_rollback(self, run, over_a_loss)? {
            Rollback::Nothing => RollbackOffer::Nothing,
            Rollback::LeftNothing { run, lost } => RollbackOffer::LeftNothing { run, lost },
            Rollback::Proposed(proposal) => RollbackOffer::RollBack(to_roll_back(&proposal), Held::RollBack(proposal)),
        })
    }

    fn program<'a>(&self, held: &'a Held) -> Option<&'a Program> {
        match held {
            Held::Apply(proposal) => Some(proposal.program()),
            Held::Resume(_) | Held::RollBack(_) => None,
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
        }?)
    }
}

fn to_roll_back(proposal: &RollbackProposal) -> ToRollBack {
    let state = proposal.state();
    ToRollBack {
        run: proposal.run().run.clone(),
        plan: proposal.run().plan.clone(),
        touched: state.touched().cloned().collect(),
        verdict: state.verdict(),
        over_a_loss: proposal.over_a_loss(),
        doubtful: proposal.doubtful().to_vec(),
    }
}

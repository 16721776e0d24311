//! The door to the host that a command is for, here or afar: one type, so that each command is compiled once.

use runbook_engine::{Observer, Program};
use runbook_fleet::{Afar, HeldAfar};
use runbook_model::RunState;
use runbook_session::{
    ApplyOffer, Ask, CommandError, Controls, Door, Ended, Held, Notice, Previewed, Restore, RestoreProposal, Restoring,
    ResumeOffer, RollbackOffer, Session, ToRestore,
};
use std::path::PathBuf;
use std::time::Duration;

/// This host, or one of an inventory.
pub(crate) enum AnyDoor {
    /// This host.
    Here(Session),
    /// Another one.
    Afar(Box<Afar>),
}

/// What one of them holds.
pub(crate) enum Either<H, A> {
    Here(H),
    Afar(A),
}

type AnyHeld = Either<Held, HeldAfar>;

/// What is held through one door is no matter of another.
fn not_held<T>() -> Result<T, CommandError> {
    Err(CommandError::refused("what is held is of another host"))
}

impl Door for AnyDoor {
    type Held = AnyHeld;
    type Restore = Either<RestoreProposal, ()>;

    fn ask<A: Ask>(&mut self, ask: A) -> Result<A::Answer, CommandError> {
        match self {
            Self::Here(door) => door.ask(ask),
            Self::Afar(door) => door.ask(ask),
        }
    }

    fn preview(&mut self, program: &Program) -> Result<Previewed, CommandError> {
        match self {
            Self::Here(door) => Door::preview(door, program),
            Self::Afar(door) => door.preview(program),
        }
    }

    fn propose_apply(&mut self, program: Program, hold: Option<Duration>) -> Result<ApplyOffer<AnyHeld>, CommandError> {
        fn any<H>(offer: ApplyOffer<H>, held: impl FnOnce(H) -> AnyHeld) -> ApplyOffer<AnyHeld> {
            match offer {
                ApplyOffer::Nothing(program, foretold) => ApplyOffer::Nothing(program, foretold),
                ApplyOffer::Apply(offer, here) => ApplyOffer::Apply(offer, held(here)),
            }
        }
        Ok(match self {
            Self::Here(door) => any(Door::propose_apply(door, program, hold)?, Either::Here),
            Self::Afar(door) => any(door.propose_apply(program, hold)?, Either::Afar),
        })
    }

    fn propose_resume(&mut self, run: Option<&str>) -> Result<Option<(ResumeOffer, AnyHeld)>, CommandError> {
        Ok(match self {
            Self::Here(door) => Door::propose_resume(door, run)?.map(|(offer, held)| (offer, Either::Here(held))),
            Self::Afar(door) => door.propose_resume(run)?.map(|(offer, held)| (offer, Either::Afar(held))),
        })
    }

    fn propose_rollback(
        &mut self,
        run: Option<&str>,
        over_a_loss: bool,
    ) -> Result<RollbackOffer<AnyHeld>, CommandError> {
        fn any<H>(offer: RollbackOffer<H>, held: impl FnOnce(H) -> AnyHeld) -> RollbackOffer<AnyHeld> {
            match offer {
                RollbackOffer::Nothing => RollbackOffer::Nothing,
                RollbackOffer::LeftNothing { run, lost } => RollbackOffer::LeftNothing { run, lost },
                RollbackOffer::RollBack(offer, here) => RollbackOffer::RollBack(offer, held(here)),
            }
        }
        Ok(match self {
            Self::Here(door) => any(Door::propose_rollback(door, run, over_a_loss)?, Either::Here),
            Self::Afar(door) => any(door.propose_rollback(run, over_a_loss)?, Either::Afar),
        })
    }

    fn propose_recover(&mut self, forward: bool) -> Result<(Vec<Notice>, Option<AnyHeld>), CommandError> {
        Ok(match self {
            Self::Here(door) => {
                let (notices, held) = Door::propose_recover(door, forward)?;
                (notices, held.map(Either::Here))
            }
            Self::Afar(door) => {
                let (notices, held) = door.propose_recover(forward)?;
                (notices, held.map(Either::Afar))
            }
        })
    }

    fn propose_restore(&mut self, wanted: Restore) -> Result<(ToRestore, Self::Restore), CommandError> {
        Ok(match self {
            Self::Here(door) => {
                let (offer, held) = Door::propose_restore(door, wanted)?;
                (offer, Either::Here(held))
            }
            Self::Afar(door) => {
                let (offer, held) = door.propose_restore(wanted)?;
                (offer, Either::Afar(held))
            }
        })
    }

    fn restore(
        &mut self,
        held: Self::Restore,
        tell: &mut dyn FnMut(Restoring),
    ) -> Result<Option<PathBuf>, CommandError> {
        match (self, held) {
            (Self::Here(door), Either::Here(held)) => door.restore(held, tell),
            (Self::Afar(door), Either::Afar(held)) => door.restore(held, tell),
            _ => not_held(),
        }
    }

    fn program<'a>(&self, held: &'a AnyHeld) -> Option<&'a Program> {
        match (self, held) {
            (Self::Here(door), Either::Here(held)) => door.program(held),
            (Self::Afar(door), Either::Afar(held)) => door.program(held),
            _ => None,
        }
    }

    fn begin(
        &mut self,
        held: AnyHeld,
        watch: impl FnOnce(RunState) -> Box<dyn Observer>,
        controls: Controls,
    ) -> Result<Ended, CommandError> {
        match (self, held) {
            (Self::Here(door), Either::Here(held)) => door.begin(held, watch, controls),
            (Self::Afar(door), Either::Afar(held)) => door.begin(held, watch, controls),
            _ => not_held(),
        }
    }
}

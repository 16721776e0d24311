//! What a rollout asks of a host beside a single command: the host is held for it before any run, and a run has the id that the rollout derived.

use crate::afar::{Afar, HeldAfar};
use runbook_engine::Program;
use runbook_model::RunId;
use runbook_session::{ApplyOffer, CommandError};
use runbook_wire::{FromAgent, Held, ToAgent};
use std::time::Duration;

impl Afar {
    /// As [`propose_apply`](runbook_session::Door::propose_apply), for a run that has the id `run`, which whoever calls can derive again. So a begin that
    /// nobody answered is proposed again, and begun at most once: `None` says that the run has begun and may be over, and that nothing is held; then
    /// [`attend`](Afar::attend) follows it.
    ///
    /// # Errors
    /// As there; and where a run of another plan has that id, or one that looks like it to people.
    pub fn propose_run(
        &mut self,
        run: RunId,
        program: Program,
        hold: Option<Duration>,
    ) -> Result<Option<ApplyOffer<HeldAfar>>, CommandError> {
        self.propose(program, hold, Some(run))
    }

    /// Holds the host for this work for `time` from now on: nobody else begins anything there. Asked again it holds it for longer, or shorter. The
    /// work's own proposals share the hold, and a run that begins takes it over, so that the host is free when that ends. It ends by itself at its
    /// end, and with the agent. `what` is what others are told it is for, such as `rollout openclaw`.
    ///
    /// # Errors
    /// Somebody else holds the host: who, since when and on which run is told, with [`Exit::Held`](runbook_session::Exit::Held).
    pub fn reserve(&mut self, what: &str, time: Duration) -> Result<(), CommandError> {
        let for_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self.ask_twice(&ToAgent::Reserve { what: what.to_owned(), for_ms })? {
            FromAgent::Reserved(_) => Ok(()),
            other => Err(self.call.out_of_turn(&other)),
        }
    }

    /// Lets go of what this work has reserved. A run that has begun goes on.
    pub fn release(&mut self) -> Result<(), CommandError> {
        match self.ask_twice(&ToAgent::Release)? {
            FromAgent::Released => Ok(()),
            other => Err(self.call.out_of_turn(&other)),
        }
    }

    pub(crate) fn propose(
        &mut self,
        program: Program,
        hold: Option<Duration>,
        run: Option<RunId>,
    ) -> Result<Option<ApplyOffer<HeldAfar>>, CommandError> {
        let saved = self.send(&program)?;
        let hold_ms = hold.map(|hold| u64::try_from(hold.as_millis()).unwrap_or(u64::MAX));
        Ok(match self.hold(&ToAgent::Apply { saved, hold_ms, run })? {
            Held::NothingToDo(foretold) => Some(ApplyOffer::Nothing(Box::new(program), foretold)),
            Held::Begun(_) => None,
            Held::ToApply(offer) => {
                let held = HeldAfar { run: offer.run.clone(), program: Some(program), asked_back: false };
                Some(ApplyOffer::Apply(offer, held))
            }
            other => return Err(self.call.out_of_turn(&FromAgent::Held(Box::new(other)))),
        })
    }
}

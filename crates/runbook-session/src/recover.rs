//! After a crash or a reboot: an open run is settled with nobody there, and services that died with the host come up.

use crate::error::Error;
use crate::going_on::{Controls, Ended};
use crate::holding::hold_open;
use crate::known::{Ready, known};
use crate::obstacles::told;
use crate::session::Session;
use runbook_engine::{Observer, Obstacle};
use runbook_host::Host;
use runbook_model::{Failure, RollbackCause, RunPhase, RunState};
use runbook_services::process::revive;
use runbook_services::systemd::forget_holds;

/// What a recovery tells beside the records of its run, as it happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A service that `runbook` had kept down may stay so.
    StaysHeld(Failure),
    /// May stand in the way of going forward.
    Doubtful(Obstacle),
    /// A service is up again; one sentence.
    Up(String),
    /// A service that was up before the crash is down.
    Down(Failure),
}

impl Session {
    /// Settles the open run without being asked: goes on with one that was going forward if `forward` says so and nothing is
    /// in its way, else takes it back. `None` if no run is open.
    pub fn recover(
        &self,
        forward: bool,
        tell: &mut dyn FnMut(Notice),
        watch: impl FnOnce(RunState) -> Box<dyn Observer>,
        controls: Controls,
    ) -> Result<Option<Ended>, Error> {
        self.let_services_start(tell)?;
        let held = hold_open(self.state_dir(), None, |run| self.lock(format!("recover {run}")))?;
        let Some((run, lock, journal)) = held else { return Ok(None) };
        let ready = self.ready(known(&journal, &run)?)?;
        let state = RunState::replay(&ready.records)?;
        let touched = state.may_have_touched();
        // What the run has not touched is up before anything is verified; the rest is the rollback's, and what nobody brings
        // back comes after it.
        let early = if touched { Ok(()) } else { self.bring_back_services(tell) };
        // Nobody is there at boot: what is not proven then is taken back, and what cannot go on is not waited for.
        let back = match (&state.committed, state.holds()) {
            // Somebody answered for it: all that is left is its end.
            (Some(_), _) if state.phase == RunPhase::Forward => None,
            (None, Some(_)) => Some(RollbackCause::NotCommitted),
            // It would hold at its end, and nobody is there to commit it.
            _ if forward && ready.holds_at_its_end(&state) => Some(RollbackCause::NotCommitted),
            _ if forward => self.why_not_forward(&ready, &state, tell),
            _ => Some(RollbackCause::Requested),
        };
        let mut ended = self.go_on(lock, ready, back, watch, controls)?;
        let late = if touched { self.bring_back_services(tell) } else { Ok(()) };
        ended.remains = early.and(late).err().map(Into::into);
        Ok(Some(ended))
    }

    /// Lets the service manager start again what a run kept down that is gone. What a recovery is for comes all the same
    /// where it cannot.
    pub(crate) fn let_services_start(&self, tell: &mut dyn FnMut(Notice)) -> Result<(), Error> {
        let own_program = (self.host.own_program)()?;
        if let Err(failure) = Host::by_hand(self.reader_by_hand(), own_program, forget_holds) {
            tell(Notice::StaysHeld(failure));
        }
        Ok(())
    }

    /// Supervisors die with the host, and nobody else starts their services again.
    fn bring_back_services(&self, tell: &mut dyn FnMut(Notice)) -> Result<(), Error> {
        let own_program = (self.host.own_program)()?;
        let services = Host::by_hand(self.reader_by_hand(), own_program, |host| revive(host).map_err(Error::from))?;
        let mut down = None;
        for service in services {
            match service {
                Ok(line) => tell(Notice::Up(line)),
                Err(failure) => {
                    tell(Notice::Down(failure.clone()));
                    down = down.or(Some(failure));
                }
            }
        }
        down.map_or(Ok(()), |failure| Err(Error::Down(failure)))
    }

    /// Why a run that was to go forward where nobody is there goes back, although nothing of it has failed.
    fn why_not_forward(&self, ready: &Ready, state: &RunState, tell: &mut dyn FnMut(Notice)) -> Option<RollbackCause> {
        if state.phase != RunPhase::Forward {
            return None;
        }
        let (certain, doubtful) = self.ahead(ready, state);
        doubtful.into_iter().for_each(|one| tell(Notice::Doubtful(one)));
        (!certain.is_empty()).then(|| RollbackCause::CannotGoOn { because: told(&certain) })
    }
}

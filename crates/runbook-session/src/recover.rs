//! After a crash or a reboot: an open run is settled with nobody there, and services that died with the host come up.

use crate::error::Error;
use crate::going_on::{Controls, Ended};
use crate::holding::hold_open;
use crate::known::{Ready, known};
use crate::notice::Notice;
use crate::obstacles::told;
use crate::session::Session;
use runbook_engine::Observer;
use runbook_host::Host;
use runbook_journal::Lock;
use runbook_model::{RollbackCause, RunId, RunPhase, RunState};
use runbook_services::process::revive;
use runbook_services::systemd::forget_holds;

/// An open run that may be settled with nobody there. It holds the lock; dropping it lets go.
pub struct RecoverProposal {
    session: Session,
    ready: Ready,
    lock: Lock,
    /// Why it goes back, if it does.
    back: Option<RollbackCause>,
    touched: bool,
    /// Whether the services came up that the run has not touched.
    early: Result<(), Error>,
}

impl RecoverProposal {
    /// The run.
    pub fn run(&self) -> &RunId {
        &self.ready.run
    }

    /// Whether it is taken back because that is what was asked for.
    pub fn asked_back(&self) -> bool {
        self.back == Some(RollbackCause::Requested)
    }

    /// Settles it, on this thread; see [`ApplyProposal::begin`](crate::ApplyProposal::begin).
    pub fn begin(self, watch: impl FnOnce(RunState) -> Box<dyn Observer>, controls: Controls) -> Result<Ended, Error> {
        let Self { session, ready, lock, back, touched, early } = self;
        let mut ended = session.go_on(lock, ready, back, watch, controls)?;
        let late = if touched { session.bring_back_services(&mut ended.notices) } else { Ok(()) };
        ended.remains = early.and(late).err().map(Into::into);
        Ok(ended)
    }
}

impl Session {
    /// Looks which open run is to be settled without being asked, and holds the host for it: it goes on if it was going forward, `forward` says so and nothing is
    /// in its way, else it is taken back. `None` if no run is open. Tells what there is to tell so far; services that the run has not touched are up by then.
    pub fn propose_recover(&self, forward: bool) -> Result<(Vec<Notice>, Option<RecoverProposal>), Error> {
        let mut notices = Vec::new();
        self.let_services_start(&mut notices)?;
        let held = hold_open(self.state_dir(), None, |run| self.lock(format!("recover {run}")))?;
        let Some((run, lock, journal)) = held else { return Ok((notices, None)) };
        let ready = self.ready(known(&journal, &run)?)?;
        let state = RunState::replay(&ready.records)?;
        let touched = state.may_have_touched();
        // What the run has not touched is up before anything is verified; the rest is the rollback's, and what nobody brings
        // back comes after it.
        let early = if touched { Ok(()) } else { self.bring_back_services(&mut notices) };
        // Nobody is there at boot: what is not proven then is taken back, and what cannot go on is not waited for.
        let back = match (&state.committed, state.holds()) {
            // Somebody answered for it: all that is left is its end.
            (Some(_), _) if state.phase == RunPhase::Forward => None,
            (None, Some(_)) => Some(RollbackCause::NotCommitted),
            // It would hold at its end, and nobody is there to commit it.
            _ if forward && ready.holds_at_its_end(&state) => Some(RollbackCause::NotCommitted),
            _ if forward => self.why_not_forward(&ready, &state, &mut notices),
            _ => Some(RollbackCause::Requested),
        };
        Ok((notices, Some(RecoverProposal { session: self.clone(), ready, lock, back, touched, early })))
    }

    /// Lets the service manager start again what a run kept down that is gone. What a recovery is for comes all the same
    /// where it cannot.
    pub(crate) fn let_services_start(&self, notices: &mut Vec<Notice>) -> Result<(), Error> {
        let own_program = (self.host.own_program)()?;
        if let Err(failure) = Host::by_hand(self.reader_by_hand(), own_program, forget_holds) {
            notices.push(Notice::StaysHeld(failure));
        }
        Ok(())
    }

    /// Supervisors die with the host, and nobody else starts their services again.
    fn bring_back_services(&self, notices: &mut Vec<Notice>) -> Result<(), Error> {
        let own_program = (self.host.own_program)()?;
        let services = Host::by_hand(self.reader_by_hand(), own_program, |host| revive(host).map_err(Error::from))?;
        let mut down = None;
        for service in services {
            match service {
                Ok(line) => notices.push(Notice::Up(line)),
                Err(failure) => {
                    notices.push(Notice::Down(failure.clone()));
                    down = down.or(Some(failure));
                }
            }
        }
        down.map_or(Ok(()), |failure| Err(Error::Down(failure)))
    }

    /// Why a run that was to go forward where nobody is there goes back, although nothing of it has failed.
    fn why_not_forward(&self, ready: &Ready, state: &RunState, notices: &mut Vec<Notice>) -> Option<RollbackCause> {
        if state.phase != RunPhase::Forward {
            return None;
        }
        let (certain, doubtful) = self.ahead(ready, state);
        notices.extend(doubtful.into_iter().map(Notice::Doubtful));
        (!certain.is_empty()).then(|| RollbackCause::CannotGoOn { because: told(&certain) })
    }
}

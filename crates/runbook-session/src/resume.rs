//! Going on with the run that was interrupted.

use crate::error::Error;
use crate::going_on::{Controls, Ended};
use crate::holding::hold_open;
use crate::known::{Ready, known};
use crate::offers::{Direction, ResumeOffer};
use crate::runs::journal;
use crate::session::Session;
use crate::window::in_window;
use runbook_engine::Observer;
use runbook_journal::Lock;
use runbook_model::{RunPhase, RunState};

/// An interrupted run that may go on. It holds the lock; dropping it lets go.
pub struct ResumeProposal {
    session: Session,
    ready: Ready,
    lock: Lock,
    direction: Direction,
}

impl Session {
    /// Looks whether the open run may go on, and holds the host for it. `name`, which may be the beginning of its id, says
    /// that no other is meant. `None` if no run is open.
    pub fn propose_resume(&self, name: Option<&str>) -> Result<Option<(ResumeOffer, ResumeProposal)>, Error> {
        journal(self.state_dir())?;
        let held = hold_open(self.state_dir(), name, |run| self.lock(format!("resume {run}")))?;
        let Some((run, lock, journal)) = held else { return Ok(None) };
        let ready = self.ready(known(&journal, &run)?)?;
        let state = RunState::replay(&ready.records)?;
        let direction = match state.phase {
            RunPhase::RollingBack(_) => Direction::Back,
            _ if state.hold_is_over(&self.reader_by_hand().uptime()) => Direction::Back,
            _ if state.holds().is_some() => Direction::Holding,
            _ => Direction::Forward,
        };
        let mut doubtful = Vec::new();
        if direction == Direction::Forward {
            may_go_forward(&ready)?;
            doubtful = self.look_forward(&ready, &state)?;
        }
        let offer = ResumeOffer { run, direction, doubtful };
        Ok(Some((offer, ResumeProposal { session: self.clone(), ready, lock, direction })))
    }
}

impl ResumeProposal {
    /// Goes on to its end, on this thread; see [`ApplyProposal::begin`](crate::ApplyProposal::begin).
    pub fn begin(self, watch: impl FnOnce(RunState) -> Box<dyn Observer>, controls: Controls) -> Result<Ended, Error> {
        // Consent may have taken long.
        if self.direction == Direction::Forward {
            may_go_forward(&self.ready)?;
        }
        self.session.go_on(self.lock, self.ready, None, watch, controls)
    }
}

/// Going forward changes the host as the plan does, and so only when the plan may.
fn may_go_forward(ready: &Ready) -> Result<(), Error> {
    in_window(ready.program.plan()).map_err(|error| match error {
        Error::WindowClosed { plan, opens, .. } => Error::WindowClosed { plan, opens, run: Some(ready.run.clone()) },
        other => other,
    })
}

//! What is asked of the host before a run goes on, forward or back.

use crate::error::Error;
use crate::known::Ready;
use crate::obstacles::{Attempt, InTheWay, sorted};
use crate::session::Session;
use runbook_engine::Obstacle;
use runbook_model::{RunState, Verdict};

impl Session {
    /// Refuses to go forward where that cannot end well; what was done stands, and there is the way back. Returns what is
    /// doubtful.
    pub(crate) fn look_forward(&self, ready: &Ready, state: &RunState) -> Result<Vec<Obstacle>, Error> {
        let (certain, doubtful) = self.ahead(ready, state);
        if certain.is_empty() {
            return Ok(doubtful);
        }
        let attempt = Attempt::GoOn {
            run: ready.run.clone(),
            can_go_back: ready.program.can_go_back(state, self.state_dir(), &ready.run),
            touched: state.touched().cloned().collect(),
        };
        Err(Error::InTheWay(Box::new(InTheWay { attempt, certain, doubtful })))
    }

    /// What no way forward can succeed with, and what is doubtful.
    pub(crate) fn ahead(&self, ready: &Ready, state: &RunState) -> (Vec<Obstacle>, Vec<Obstacle>) {
        let Ready { run, program, .. } = ready;
        sorted(program.obstacles_ahead(state, self.state_dir(), run, &self.reader(program)))
    }

    /// Refuses to begin a way back that is known to end half-way, as long as nothing is broken. A run that is open, stopped
    /// or stuck goes back as far as it can: its host is half changed anyway, and its service may be down. Returns what may
    /// stop it on the way.
    pub(crate) fn look_back(&self, ready: &Ready, state: &RunState) -> Result<Vec<Obstacle>, Error> {
        let (certain, mut doubtful) = sorted(ready.program.obstacles_back(state, &self.reader(&ready.program)));
        if matches!(state.verdict(), Some(Verdict::Succeeded | Verdict::Accepted)) && !certain.is_empty() {
            let attempt = Attempt::Undo { run: ready.run.clone() };
            return Err(Error::InTheWay(Box::new(InTheWay { attempt, certain, doubtful })));
        }
        doubtful.extend(certain);
        Ok(doubtful)
    }
}

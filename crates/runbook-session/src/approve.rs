//! Letting a step pass that waits for the word of a person.

use crate::error::Error;
use crate::runs::{choose, journal};
use crate::session::Session;
use runbook_engine::{Letter, send};
use runbook_host::now_ms;
use runbook_model::{Approval, Role, RunId, RunState, StepId, StepState, StepStatus};
use serde::{Deserialize, Serialize};

/// What came of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Approved {
    /// The step waits, and goes on.
    GoesOn,
    /// The step will pass when the run gets there.
    Ahead,
    /// Somebody else was first, whose approval counts.
    Already {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
    },
}

impl Session {
    /// Approves `step` of the run that `run` means, which may be the beginning of its id. Takes no lock: another process, or
    /// another thread of this one, is at work on the run.
    pub fn approve(&self, run: &str, step: &str, because: &str) -> Result<Approved, Error> {
        let journal = journal(self.state_dir())?;
        let run = choose(&journal, Some(run))?.run;
        let known = self.known_with_roles(&journal, &run)?;
        let state = RunState::replay(&known.records)?;
        let asks = |(id, step): &(&StepId, &StepState)| known.plays(id, &Role::Approve) || step.waits_for.is_some();
        let gates = || state.steps().filter(asks).map(|(id, _)| id.clone());
        let Some(step) = gates().find(|gate| gate.as_str() == step) else {
            return Err(Error::NoGate { run, step: step.to_owned(), gates: gates().collect() });
        };
        if state.verdict().is_some() || state.status(&step).is_over() {
            return Err(Error::WaitsNoLonger { run, step });
        }
        let approval = Approval { by: self.host.facts.user.clone(), at: now_ms(), because: because.to_owned() };
        let approve = Letter::Approve { step: step.clone(), approval };
        let is_first = state.step(&step).is_none_or(|known| known.approval.is_none());
        if !is_first || !send(self.state_dir(), &run, &approve).map_err(Error::NotApproved)? {
            return Ok(Approved::Already { run, step });
        }
        Ok(if state.status(&step) == StepStatus::Started { Approved::GoesOn } else { Approved::Ahead })
    }
}

//! Letting a `gate.approve` step that waits pass.

use crate::clock::now_ms;
use crate::error::Error;
use crate::known::known;
use crate::runs::{choose, journal};
use crate::session::Session;
use runbook_model::{RunId, RunState, StepId, StepStatus};
use serde_json::json;
use std::fs;
use std::io::ErrorKind;

/// How often the directory of a step is made again that is emptied meanwhile.
const TRIES: u32 = 20;

/// What came of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let known = known(&journal, &run)?;
        let gates = || known.saved.plan.steps.iter().filter(|step| step.uses == "gate.approve");
        let Some(gate) = gates().find(|gate| gate.id.as_str() == step) else {
            let gates = gates().map(|gate| gate.id.clone()).collect();
            return Err(Error::NoGate { run, step: step.to_owned(), gates });
        };
        let step = gate.id.clone();
        let state = RunState::replay(&known.records)?;
        if state.verdict().is_some() || state.status(&step).is_over() {
            return Err(Error::WaitsNoLonger { run, step });
        }
        if !self.write_approval(&run, &step, because)? {
            return Ok(Approved::Already { run, step });
        }
        Ok(if state.status(&step) == StepStatus::Started { Approved::GoesOn } else { Approved::Ahead })
    }

    /// Gives the file its name when it is whole, for the waiting step must never read half of it. `false` if somebody else
    /// was first.
    fn write_approval(&self, run: &RunId, step: &StepId, because: &str) -> Result<bool, Error> {
        let dir = self.state_dir().step(run, step);
        let approval = json!({ "by": self.host.facts.user, "at": now_ms(), "because": because });
        let staged = dir.join(format!(".approved-{}.json", std::process::id()));
        let mut tries = 0;
        loop {
            self.state_dir().create_below(&dir)?;
            let named = fs::write(&staged, approval.to_string())
                .and_then(|()| fs::hard_link(&staged, dir.join("approved.json")));
            let _ = fs::remove_file(&staged);
            match named {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
                // A step that begins anew empties its directory.
                Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => tries += 1,
                Err(source) => return Err(Error::NotApproved { dir, source }),
            }
        }
    }
}

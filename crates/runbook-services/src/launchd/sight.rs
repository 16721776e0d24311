//! What can be seen of a job.

use super::{Job, JobState};
use crate::observed::{Beside, Holders, Observed, Sight};
use runbook_host::Reader;
use runbook_model::{Failure, Resource};

impl Observed for Job {
    fn resource(&self) -> Resource {
        Resource::Job(self.title())
    }

    fn sight(&self, host: &Reader) -> Result<Sight, Failure> {
        let Some(state) = self.state(host)? else {
            return Ok(Sight { is_up: false, words: "it is not loaded".to_owned(), process: None, restarts: None });
        };
        let process = Self::main(host, &state)?;
        Ok(Sight { is_up: process.is_some(), words: words(&state), process, restarts: Some(restarts(&state)) })
    }

    /// Its process and those that descend from it; launchd opens sockets for jobs itself.
    fn holders(&self, host: &Reader) -> Result<Holders, Failure> {
        let state = self.state(host)?;
        Ok(Holders {
            own: state.as_ref().map(|state| self.members(host, state)).transpose()?.unwrap_or_default(),
            beside: Beside::Manager(Vec::new()),
            otherwise: match &state {
                Some(state) if state.pid.is_none() => format!("; {self} is {}", words(state)),
                Some(_) => String::new(),
                None => format!("; {self} is not loaded"),
            },
        })
    }
}

fn restarts(state: &JobState) -> u32 {
    u32::try_from(state.runs.saturating_sub(1)).unwrap_or(u32::MAX)
}

/// `running, pid 12, started again 2 times`.
fn words(state: &JobState) -> String {
    let ended = state.last_exit.as_ref().filter(|_| state.pid.is_none());
    let ended = ended.map_or_else(String::new, |end| format!(" after it ended with {end}"));
    let is = format!("{}{ended}", state.words());
    match restarts(state) {
        0 => is,
        1 => format!("{is}, started again once"),
        times => format!("{is}, started again {times} times"),
    }
}

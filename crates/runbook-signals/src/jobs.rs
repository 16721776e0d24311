//! What launchd says of a job, as a signal.

use super::ports::owned;
use super::seen::Seen;
use runbook_host::{PortOwners, Reader};
use runbook_model::Failure;
use runbook_services::launchd::{Job, JobState};

/// A job that runs, with its process and how often launchd has started it again.
pub(super) fn job(host: &Reader, job: &Job) -> Result<Seen, Failure> {
    let Some(state) = job.state(host)? else { return Ok(Seen::red("it is not loaded")) };
    let restarts = Some(restarts(&state));
    Ok(match Job::main(host, &state)? {
        Some(main) => Seen { process: Some(main), restarts, ..Seen::green(words(&state)) },
        None => Seen { restarts, ..Seen::red(words(&state)) },
    })
}

/// Every listener belongs to the job's process or to one that descends from it; launchd opens sockets for jobs itself.
pub(super) fn port(host: &Reader, job: &Job, owners: &PortOwners) -> Result<Seen, Failure> {
    let state = job.state(host)?;
    let own = match &state {
        Some(state) => job.members(host, state)?,
        None => Vec::new(),
    };
    let is = match &state {
        Some(state) if state.pid.is_none() => format!("; {job} is {}", words(state)),
        Some(_) => String::new(),
        None => format!("; {job} is not loaded"),
    };
    owned(host, owners, &own, &|process| process.identity.pid == 1, &is)
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

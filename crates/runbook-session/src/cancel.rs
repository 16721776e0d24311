//! Stopping a run that another process holds.

use crate::error::Error;
use crate::runs::{choose, journal};
use crate::session::Session;
use runbook_engine::Letter;
use runbook_model::{Event, Record, RunId, RunPhase, RunState, Verdict};
use serde::{Deserialize, Serialize};

/// How a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// What runs is finished, nothing more is started, and the run stays open.
    Drain,
    /// What runs is stopped, and `on_failure` is followed. While the run is taken back the same as to drain it.
    Cancel,
}

/// What is on record of a run that was to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// It starts nothing more, and stays open.
    Draining(RunId),
    /// What runs is stopped.
    Cancelling(RunId),
    /// It came to its end first.
    Over(RunId, Verdict),
}

impl Session {
    /// Stops the run that `name` means, which may be the beginning of its id; without a name the latest one. Takes no lock:
    /// another process, or another thread of this one, holds the run. Returns once that is on record.
    ///
    /// # Errors
    /// The run is over or committed, or nobody is there who would hear of it.
    pub fn cancel(&self, name: Option<&str>, stop: Stop) -> Result<Stopped, Error> {
        let journal = journal(self.state_dir())?;
        let run = choose(&journal, name)?.run;
        let state = RunState::replay(&journal.records(&run)?)?;
        if state.verdict().is_some() {
            return Err(Error::Over(run));
        }
        if !self.hears(&state)? {
            return Err(Error::NobodyAtWork(run));
        }
        let letter = match stop {
            Stop::Drain => Letter::Drain,
            Stop::Cancel => Letter::Cancel,
        };
        self.tell(&run, &letter, state.seq, |state, since| stopped(&run, state, since, stop).map(Ok))
    }
}

/// By the records first: a rollback that follows at once leaves no trace of a cancel in the state.
fn stopped(run: &RunId, state: &RunState, since: &[Record], stop: Stop) -> Option<Stopped> {
    let told = since.iter().find_map(|record| match record.event {
        Event::CancelRequested if stop == Stop::Cancel => Some(Stopped::Cancelling(run.clone())),
        Event::DrainRequested => Some(Stopped::Draining(run.clone())),
        _ => None,
    });
    if told.is_some() {
        return told;
    }
    let forward = state.phase == RunPhase::Forward;
    match state.verdict() {
        Some(verdict) => Some(Stopped::Over(run.clone(), verdict)),
        None if stop == Stop::Cancel && state.cancelling => Some(Stopped::Cancelling(run.clone())),
        None if state.draining && (stop == Stop::Drain || !forward) => Some(Stopped::Draining(run.clone())),
        None => None,
    }
}

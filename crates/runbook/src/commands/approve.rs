//! `approve`, `commit` and `cancel`: the word of a person to a run that another process holds.

use super::{HostCommand, Loader};
use crate::cli::{ApproveArgs, CancelArgs, CommitArgs};
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_model::Next;
use runbook_session::{Approve, Approved, Cancel, CommandError, Commit, Committed, Door, Exit, Stop, Stopped};

impl HostCommand for ApproveArgs {
    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        screen.note(&match door.ask(Approve {
            run: self.run.clone(),
            step: self.step.clone(),
            because: self.because.clone(),
        })? {
            Approved::GoesOn => "approved; the run goes on".to_owned(),
            Approved::Ahead => "approved; the step will pass when the run gets there".to_owned(),
            Approved::Already { run, step } => format!("step `{step}` of run {run} was approved already"),
        });
        Ok(Exit::Done)
    }
}

impl HostCommand for CommitArgs {
    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let Committed { run, by } = door.ask(Commit { run: self.run.clone() })?;
        screen.note(&format!("run {run} is committed by {by}: what it changed stays"));
        Ok(Exit::Done)
    }
}

impl HostCommand for CancelArgs {
    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let stop = if self.drain { Stop::Drain } else { Stop::Cancel };
        screen.note(&match door.ask(Cancel { run: self.run.clone(), stop })? {
            Stopped::Draining(run) => format!("run {run} finishes what runs, starts nothing more, and stays open"),
            Stopped::Cancelling(run) => format!("run {run} stops what runs, and then follows the plan's `on_failure`"),
            Stopped::Over(run, _) => format!("run {run} came to its end first: `{}`", Next::Show(Some(run.clone()))),
        });
        Ok(Exit::Done)
    }
}

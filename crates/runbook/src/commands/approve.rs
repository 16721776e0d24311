//! `approve` and `commit`: the word of a person that a run waits for which another process holds.

use crate::cli::{ApproveArgs, CommitArgs};
use crate::error::{CommandError, Exit};
use crate::screen::Screen;
use runbook_session::{Approved, Committed, Session};

pub(crate) fn approve(screen: &Screen, session: &Session, args: &ApproveArgs) -> Result<Exit, CommandError> {
    screen.note(&match session.approve(&args.run, &args.step, &args.because)? {
        Approved::GoesOn => "approved; the run goes on".to_owned(),
        Approved::Ahead => "approved; the step will pass when the run gets there".to_owned(),
        Approved::Already { run, step } => format!("step `{step}` of run {run} was approved already"),
    });
    Ok(Exit::Done)
}

pub(crate) fn commit(screen: &Screen, session: &Session, args: &CommitArgs) -> Result<Exit, CommandError> {
    let Committed { run, by } = session.commit(args.run.as_deref())?;
    screen.note(&format!("run {run} is committed by {by}: what it changed stays"));
    Ok(Exit::Done)
}

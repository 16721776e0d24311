//! `approve`, `commit` and `cancel`: the word of a person to a run that another process holds.

use crate::cli::{ApproveArgs, CancelArgs, CommitArgs};
use crate::error::{CommandError, Exit};
use crate::screen::Screen;
use runbook_model::Next;
use runbook_session::{Approved, Committed, Session, Stop, Stopped};

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

pub(crate) fn cancel(screen: &Screen, session: &Session, args: &CancelArgs) -> Result<Exit, CommandError> {
    let stop = if args.drain { Stop::Drain } else { Stop::Cancel };
    screen.note(&match session.cancel(args.run.as_deref(), stop)? {
        Stopped::Draining(run) => format!("run {run} finishes what runs, starts nothing more, and stays open"),
        Stopped::Cancelling(run) => format!("run {run} stops what runs, and then follows the plan's `on_failure`"),
        Stopped::Over(run, _) => format!("run {run} came to its end first: `{}`", Next::Show(Some(run.clone()))),
    });
    Ok(Exit::Done)
}

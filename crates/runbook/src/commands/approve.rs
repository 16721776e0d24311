//! `approve`: lets a step pass that waits for the word of a person.

use crate::cli::ApproveArgs;
use crate::error::{CommandError, Exit};
use crate::screen::Screen;
use runbook_session::{Approved, Session};

pub(crate) fn approve(screen: &Screen, session: &Session, args: &ApproveArgs) -> Result<Exit, CommandError> {
    screen.note(&match session.approve(&args.run, &args.step, &args.because)? {
        Approved::GoesOn => "approved; the run goes on".to_owned(),
        Approved::Ahead => "approved; the step will pass when the run gets there".to_owned(),
        Approved::Already { run, step } => format!("step `{step}` of run {run} was approved already"),
    });
    Ok(Exit::Done)
}

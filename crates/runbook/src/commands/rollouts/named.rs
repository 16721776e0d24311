//! What commands about runs of this host say of rollouts that are led from here: which command is about them. They do nothing with one.

use crate::at::At;
use crate::screen::Screen;
use runbook_fleet::rollout::Attempted;
use runbook_journal::Attempt;
use runbook_model::Next;
use runbook_session::{CommandError, Session};

/// Refuses a rollout where a run is wanted, and names the command that takes it.
pub(in crate::commands) fn none_called(
    session: &Session,
    at: &At,
    run: Option<&str>,
    next: fn(String) -> Next,
) -> Result<(), CommandError> {
    let Some(name) = run.filter(|_| is_here(at)) else { return Ok(()) };
    match attempts(session).iter().any(|attempt| attempt.rollout == name) {
        true => Err(CommandError::refused(format!("`{name}` is a rollout, no run of this host"))
            .hint(next(name.to_owned()).to_string())),
        false => Ok(()),
    }
}

/// Names the attempts that are not over.
pub(in crate::commands) fn tell_open(screen: &Screen, session: &Session, at: &At) {
    if !is_here(at) {
        return;
    }
    let is_open = |attempt: &&Attempt| {
        Attempted::read(session.state_dir(), attempt).is_ok_and(|attempted| !attempted.state.finished)
    };
    for attempt in attempts(session).iter().filter(is_open) {
        let show = Next::ShowRollout(attempt.rollout.clone());
        screen.note(&format!("rollout {attempt} is not over: `{show}`"));
    }
}

/// Says where attempts are listed, if there are any.
pub(in crate::commands) fn tell_any(screen: &Screen, session: &Session, at: &At) {
    if is_here(at) && !attempts(session).is_empty() {
        screen.note(&format!("rollouts were led from here: `{}`", Next::Rollouts));
    }
}

fn is_here(at: &At) -> bool {
    at.host.is_none() && at.hosts.is_none()
}

/// Those that can be read: what these commands are about is something else.
fn attempts(session: &Session) -> Vec<Attempt> {
    session.state_dir().attempts().unwrap_or_default()
}

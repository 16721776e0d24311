//! `backup restore`: paths put back by hand, with nobody at work in them.

use super::rows::{finish, row};
use crate::screen::Screen;
use runbook_services::attached::User;
use runbook_session::{CommandError, Exit, Restoring, Session, Users};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub(super) fn restore(
    screen: &Screen,
    session: &Session,
    backup: &str,
    paths: Vec<PathBuf>,
    users: Users,
    yes: bool,
) -> Result<Exit, CommandError> {
    let proposal = session.propose_restore(backup, paths, users)?;
    for path in proposal.paths() {
        screen.note(&format!("{} will be as it was; what is there now is set aside", path.display()));
    }
    for user in proposal.users() {
        let becomes = if proposal.stops() { "is stopped meanwhile" } else { "goes on, and may write over it" };
        screen.note(&format!("{}; it {becomes}", user.line()));
    }
    screen.consent("Restore?", yes)?;
    let (mut rows, mut shown) = (Vec::new(), Ok(()));
    let aside = proposal.begin(&mut |told| {
        // The reader may be gone, and that is no reason to stop half-way.
        let done = tell(screen, &mut rows, told);
        shown = std::mem::replace(&mut shown, Ok(())).and(done);
    })?;
    shown?;
    if let Some(aside) = aside {
        screen.note(&format!("what was there before is in {}", aside.display()));
    }
    Ok(Exit::Done)
}

fn tell(screen: &Screen, rows: &mut Vec<Value>, told: Restoring) -> Result<(), CommandError> {
    match told {
        Restoring::Stopped(users) => {
            let names = users.iter().map(User::name).collect::<Vec<_>>().join(", ");
            screen.note(&format!("stopped: {names}"));
        }
        Restoring::PutBack { path, aside } => return restored(screen, rows, &path, aside.as_deref()),
        Restoring::Complete => return finish(screen, rows),
        Restoring::Up(line) => screen.note(&line),
    }
    Ok(())
}

fn restored(screen: &Screen, rows: &mut Vec<Value>, path: &Path, aside: Option<&Path>) -> Result<(), CommandError> {
    let what = if aside.is_none() { "was as in the backup" } else { "put back" };
    let value = json!({ "path": path, "identical": aside.is_none(), "aside": aside });
    row(screen, rows, &format!("{}: {what}\n", path.display()), value)
}

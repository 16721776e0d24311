//! `backup restore`: paths put back by hand, with nobody at work in them.

use super::rows::{finish, row};
use super::{HostCommand, Loader};
use crate::cli::RestoreArgs;
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_session::{CommandError, Door, Exit, Restore, Restoring, Users};
use serde_json::{Value, json};
use std::path::Path;

impl HostCommand for RestoreArgs {
    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let users = match (self.stop, self.while_running) {
            (true, _) => Users::Stop,
            (_, true) => Users::Leave,
            _ => Users::Refuse,
        };
        let wanted = Restore { backup: self.backup.clone(), paths: self.paths.clone(), users };
        let (offer, held) = door.propose_restore(wanted)?;
        for path in &offer.paths {
            screen.note(&format!("{} will be as it was; what is there now is set aside", path.display()));
        }
        for user in &offer.users {
            let becomes = if offer.stops { "is stopped meanwhile" } else { "goes on, and may write over it" };
            screen.note(&format!("{user}; it {becomes}"));
        }
        screen.consent("Restore?", self.yes)?;
        let (mut rows, mut shown) = (Vec::new(), Ok(()));
        let aside = door.restore(held, &mut |told| {
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
}

fn tell(screen: &Screen, rows: &mut Vec<Value>, told: Restoring) -> Result<(), CommandError> {
    match told {
        Restoring::Stopped(users) => {
            screen.note(&format!("stopped: {}", users.join(", ")));
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

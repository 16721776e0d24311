//! What the commands that hold a run share: what is said before it goes on, and how it ended.

use super::past::told;
use crate::cli::Format;
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_engine::Obstacle;
use runbook_session::{CommandError, Door, Ended, Exit, Show, either_way, warning};

/// Says what may stand in the way.
pub(super) fn warn(screen: &Screen, doubtful: &[Obstacle]) {
    doubtful.iter().for_each(|one| screen.note(&warning(one)));
}

/// Shows how a run ended.
pub(super) fn end(screen: &Screen, door: &mut AnyDoor, ended: Ended) -> Result<Exit, CommandError> {
    let run = &ended.run;
    match ended.pruned {
        None | Some(Ok(0)) => {}
        Some(Ok(count)) => {
            screen.note(&format!("{count} runs past the plan's retention were removed with their backups"));
        }
        Some(Err(error)) => {
            screen.note(&format!("warning: runs past their retention could not be removed: {}", error.message));
        }
    }
    if screen.format == Format::Json {
        let mut account = || -> Result<(), CommandError> {
            let shown = door.ask(Show { run: Some(run.to_string()) })?;
            screen.json(&told(&shown.known, None, runbook_report::show_json)?)
        };
        // A reader that is gone does not change how the run ended.
        if let Err(error) = account() {
            screen.complain(&format!("warning: run {run} is over, but its account cannot be shown: {}", error.message));
        }
    }
    if ended.state.verdict().is_none() {
        screen.note_beside_account(&format!("run {run} is open: {}", either_way(run)));
    }
    match ended.remains {
        Some(error) => Err(error),
        None => Ok(Exit::of(&ended.state, ended.asked_back)),
    }
}

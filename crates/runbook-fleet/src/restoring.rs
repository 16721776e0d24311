//! Paths that are put back on a host afar: it does that to the end by itself, and a link that is lost is no reason to begin again.

use crate::afar::Afar;
use crate::link::Lost;
use runbook_session::{CommandError, Restore, Restoring, ToRestore};
use runbook_wire::{FromAgent, Held, ToAgent};
use std::path::PathBuf;

impl Afar {
    pub(crate) fn offer_restore(&mut self, wanted: Restore) -> Result<ToRestore, CommandError> {
        // The agent is in no directory that anybody knows.
        if let Some(path) = wanted.paths.iter().find(|path| path.is_relative()) {
            let what = format!("{} is a path of {}, and does not begin with /", path.display(), self.call.host);
            return Err(CommandError::refused(what).hint("write it absolute"));
        }
        match self.hold(&ToAgent::Restore(wanted))? {
            Held::ToRestore(offer) => Ok(offer),
            other => Err(self.call.out_of_turn(&FromAgent::Held(Box::new(other)))),
        }
    }

    pub(crate) fn put_back(&mut self, tell: &mut dyn FnMut(Restoring)) -> Result<Option<PathBuf>, CommandError> {
        let lost = |afar: &Self, lost: Lost| {
            let hint = "the host goes on with it if it heard of it; say it again: what is as in the backup by then is left alone";
            afar.call.unreachable(&lost.0).hint(hint)
        };
        // Over another link it would not be held any more.
        let mut answer = self.ask_once(&ToAgent::PutBack).map_err(|error| lost(self, error))?;
        loop {
            match answer? {
                FromAgent::Restoring(told) => tell(told),
                FromAgent::Restored(aside) => return Ok(aside),
                other => return Err(self.call.out_of_turn(&other)),
            }
            answer = self.answered().map_err(|error| lost(self, error))?;
        }
    }
}

//! What a person asks for after something went wrong: an open run settled, paths put back from a backup.

use crate::connection::{Connection, held, of_agent};
use runbook_session::{CommandError, Door, Exit, Restore};
use runbook_wire::{FromAgent, Hello, superseded};

impl Connection {
    pub(crate) fn recover(&mut self, forward: bool) -> Result<FromAgent, CommandError> {
        self.held = None;
        let (notices, proposal) = self.host().propose_recover(forward)?;
        let run = proposal.map(|proposal| {
            let run = (proposal.run().clone(), proposal.asked_back());
            self.held = Some((run.0.clone(), runbook_session::Held::Recover(Box::new(proposal))));
            run
        });
        Ok(held(runbook_wire::Held::ToRecover { notices, run }))
    }

    pub(crate) fn restore(&mut self, wanted: Restore) -> Result<FromAgent, CommandError> {
        self.restoring = None;
        let (offer, proposal) = Door::propose_restore(&mut self.host(), wanted)?;
        self.restoring = Some(proposal);
        Ok(held(runbook_wire::Held::ToRestore(offer)))
    }

    /// Puts paths back to the end, whether or not the link lasts so long.
    pub(crate) fn put_back(&mut self) -> Result<FromAgent, CommandError> {
        let Some(proposal) = self.restoring.take() else {
            return Err(CommandError::new(Exit::Held, "this host is not held for a restore").hint("ask for it anew"));
        };
        let Hello { work, epoch, .. } = &self.link.hello;
        let last = self.shared.epochs.while_last(work, *epoch, || ()).map_err(of_agent)?;
        last.ok_or_else(|| superseded(&self.link.hello.operator, None))?;
        let out = self.link.out.clone();
        let aside = proposal.begin(&mut |told| {
            // Whoever listened may be gone, and that is no reason to stop half-way.
            let _ = out.send(&FromAgent::Restoring(told));
        })?;
        Ok(FromAgent::Restored(aside))
    }
}

//! A person looked at the host and says that it is as it should be. That is recorded, with the reason.

use crate::error::Error;
use crate::holding::hold_unsettled;
use crate::notice::Notice;
use crate::session::Session;
use runbook_journal::Look;
use runbook_model::RunId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Accepted {
    /// Nothing was open, stuck or lost.
    Nothing,
    /// What the journal lost.
    Loss {
        /// Where the journal is as it was, if anything of it was there.
        kept: Option<PathBuf>,
    },
    /// The open or stuck run, which is closed.
    Run(RunId),
}

/// What was accepted, with what there is to tell beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByHand {
    /// What it was.
    pub accepted: Accepted,
    /// What came of what was looked after before.
    pub notices: Vec<Notice>,
}

impl Session {
    /// Closes by hand what is stuck, open or lost, for the reason `because`.
    pub fn accept(&self, because: &str) -> Result<ByHand, Error> {
        let mut notices = Vec::new();
        self.let_services_start(&mut notices)?;
        Ok(ByHand { accepted: self.accept_what_is_there(because)?, notices })
    }

    fn accept_what_is_there(&self, because: &str) -> Result<Accepted, Error> {
        let dir = self.state_dir();
        let seen = Look::at(dir)?;
        if !seen.gaps.is_empty() {
            let _lock = self.lock("accept what the journal lost".to_owned())?;
            let look = Look::at(dir)?;
            // A reason is given for what somebody looked at, and for nothing else.
            if look.gaps != seen.gaps {
                return Err(Error::Lost(look.gaps));
            }
            self.accept_loss(&look, because)?;
            return Ok(Accepted::Loss { kept: Some(dir.damaged()).filter(|kept| kept.exists()) });
        }
        let Some((row, _lock)) = hold_unsettled(dir, |row| self.lock(format!("accept {}", row.run)))? else {
            return Ok(Accepted::Nothing);
        };
        // Nobody looks after it any more once the run is closed.
        runbook_engine::end_leftovers(dir, &row.run);
        self.close(&row.run, because)?;
        Ok(Accepted::Run(row.run))
    }
}

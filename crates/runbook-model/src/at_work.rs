//! Who is at work on a host, and on which run.

use crate::{RunId, RunState};
use serde::{Deserialize, Serialize};

/// Who holds the lock of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtWork {
    /// What they do, and who they are.
    pub who: String,
    /// The run that they took up, once it is.
    pub run: Option<RunId>,
}

impl AtWork {
    /// Whether they took this run up, and so hear what it is told: a `resume` that asks at its terminal holds the
    /// lock and hears nothing.
    pub fn attends(&self, state: &RunState) -> bool {
        let run = state.header.as_ref().map(|header| &header.run);
        state.verdict().is_none() && run.is_some() && run == self.run.as_ref()
    }
}

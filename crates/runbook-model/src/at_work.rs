//! Who is at work on a host, and on which run.

use crate::RunState;
use serde::{Deserialize, Serialize};

/// Who holds the lock of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtWork {
    /// What they do, and who they are.
    pub who: String,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
}

impl AtWork {
    /// Whether they took this run up since then, and so hear what it is told: a `resume` that asks at its terminal holds the
    /// lock and hears nothing.
    pub fn attends(&self, state: &RunState) -> bool {
        state.verdict().is_none() && state.taken_up_at >= self.since
    }
}

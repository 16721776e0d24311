//! Who holds the lock of a state directory, as the others are told.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Its user.
    pub user: String,
    /// What it does: `apply run 7k2m9c`.
    pub doing: String,
    /// Since when, in milliseconds since 1970.
    #[serde(default)]
    pub since: i64,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {}, user {})", self.doing, self.pid, self.user)
    }
}

//! How long what is told to end may take, and how often that is looked at.

use std::time::Duration;

/// How long what is told to end may go on before it is killed.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// How long a process may take to be gone after KILL: one that hangs in the kernel is named, not waited for.
pub(crate) const AFTER_KILL: Duration = Duration::from_secs(3);
/// The time between two looks at what still runs.
pub(crate) const LOOK: Duration = Duration::from_millis(10);

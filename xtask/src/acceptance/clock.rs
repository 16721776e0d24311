//! What happens, with the time since the beginning, on standard error.

use std::io::Write;
use std::time::{Duration, Instant};

/// The beginning.
pub(super) struct Clock {
    begun: Instant,
}

impl Clock {
    /// Begins now.
    pub(super) fn start() -> Self {
        Self { begun: Instant::now() }
    }

    /// Says what comes next.
    pub(super) fn say(&self, what: &str) {
        // Nothing is left to do if standard error is closed.
        let _ = writeln!(std::io::stderr(), "[{:>6}] {what}", seconds(self.begun.elapsed()));
    }

    /// Since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// `84.2 s`
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

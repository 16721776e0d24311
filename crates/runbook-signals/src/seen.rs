//! What one reading of a signal says.

use runbook_host::Identity;
use runbook_model::SignalVerdict;

/// What one reading says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) read: String,
    pub(super) verdict: SignalVerdict,
    pub(super) place: Option<String>,
    /// All of it, where `read` shows a part.
    pub(super) whole: Option<String>,
    /// Which process it was about: another one is a break, even if both are green.
    pub(super) process: Option<Identity>,
    /// How often systemd or launchd has started it again by itself, if it is one of theirs.
    pub(super) restarts: Option<u32>,
    /// Nothing that comes can make it another verdict.
    pub(super) for_good: bool,
    /// It answered well, and only said something else than is wanted: before a change that is what the change is for.
    pub(super) says_other: bool,
}

impl Seen {
    pub(super) fn green(read: impl Into<String>) -> Self {
        Self {
            read: read.into(),
            verdict: SignalVerdict::Green,
            place: None,
            whole: None,
            process: None,
            restarts: None,
            for_good: false,
            says_other: false,
        }
    }

    pub(super) fn red(read: impl Into<String>) -> Self {
        Self { verdict: SignalVerdict::Red, ..Self::green(read) }
    }

    pub(super) fn not_yet(read: impl Into<String>) -> Self {
        Self { verdict: SignalVerdict::NotYet, ..Self::green(read) }
    }

    pub(super) fn unread(read: impl Into<String>) -> Self {
        Self { verdict: SignalVerdict::Unread, ..Self::green(read) }
    }

    pub(super) fn judged(good: bool, read: impl Into<String>) -> Self {
        if good { Self::green(read) } else { Self::red(read) }
    }
}

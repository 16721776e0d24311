//! How a service is brought up and down, as the parameters of a step say it.

use runbook_model::Diagnostic;
use runbook_step::Args;
use std::time::Duration;

/// How a service is brought up and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// How long its main process has to stay the same before it counts as up.
    pub settle: Duration,
    /// Whether processes of it may stay behind: some service managers can be told to spare them.
    pub leave_processes: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { settle: Duration::from_secs(1), leave_processes: false }
    }
}

impl Manner {
    /// What the parameters `settle` and `leave_processes` say; what a kind has no parameter for is as by default.
    pub(crate) fn of(args: &Args<'_>) -> Result<Self, Diagnostic> {
        let usual = Self::default();
        Ok(Self {
            settle: args.maybe("settle")?.unwrap_or(usual.settle),
            leave_processes: args.maybe("leave_processes")?.unwrap_or(usual.leave_processes),
        })
    }

    /// The same for a way back: what the service itself leaves behind keeps nobody from going back to what was good.
    pub(crate) fn lenient(self) -> Self {
        Self { leave_processes: true, ..self }
    }
}

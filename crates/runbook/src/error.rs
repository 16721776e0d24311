//! What a command says when it cannot do what it was asked, and the exit codes.

use runbook_model::{Code, Diagnostic, RollbackCause, RunState, SourceMap, Standing, Verdict};
use std::process::ExitCode;

/// The exit codes; the table is in `docs/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// The plan or the usage is refused.
    Refused = 1,
    /// Changes are pending; with `--detailed-exitcode` only.
    Pending = 2,
    /// Failed and rolled back.
    RolledBack = 3,
    /// Failed and stopped, not rolled back.
    Stopped = 4,
    /// An undo failed.
    Stuck = 5,
    /// Refused by a gate, a window or the lock.
    Held = 6,
    /// Cancelled by the operator.
    Cancelled = 130,
}

impl Exit {
    /// All of them, for the page that tells about them.
    #[cfg(test)]
    pub(crate) const ALL: &[Self] = &[
        Self::Done,
        Self::Refused,
        Self::Pending,
        Self::RolledBack,
        Self::Stopped,
        Self::Stuck,
        Self::Held,
        Self::Cancelled,
    ];

    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }

    /// The exit code of a run that was left in `state`. `asked_back` is whether the operator asked for a rollback, which
    /// then is what was wanted.
    pub(crate) fn of(state: &RunState, asked_back: bool) -> Self {
        let cancelled = state.cancelling || state.rollback == Some(RollbackCause::Cancelled);
        match state.verdict() {
            Some(Verdict::Succeeded) => Self::Done,
            Some(Verdict::RolledBack) if asked_back => Self::Done,
            Some(Verdict::RolledBack | Verdict::Refused) if cancelled => Self::Cancelled,
            Some(Verdict::RolledBack) => Self::RolledBack,
            // Nothing is proven, and what would have come behind it did not run.
            Some(Verdict::Stopped | Verdict::Accepted) => Self::Stopped,
            Some(Verdict::Refused) => Self::Held,
            Some(Verdict::Stuck) => Self::Stuck,
            None => Self::Cancelled,
        }
    }

    /// The exit code of `status`.
    pub(crate) fn of_host(standing: &Standing) -> Self {
        match standing.exit_code() {
            0 => Self::Done,
            5 => Self::Stuck,
            _ => Self::Held,
        }
    }
}

/// Why a command did not do what it was asked: the thing, the place, the next action.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) exit: Exit,
    /// The diagnostic code, where there is one to look up.
    pub(crate) code: Option<Code>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// What is said before it: warnings, and what was found in a plan.
    pub(crate) warnings: Vec<String>,
    pub(crate) found: Option<Box<(Vec<Diagnostic>, SourceMap)>>,
}

impl CommandError {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, code: None, message: message.into(), hint: None, warnings: Vec::new(), found: None }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    pub(crate) fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The error with everything that lies below it: `a: b: c`.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        text = format!("{text}: {source}");
        below = source.source();
    }
    text
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::refused(chain(&error))
    }
}

impl From<runbook_model::IllegalTransition> for CommandError {
    fn from(error: runbook_model::IllegalTransition) -> Self {
        runbook_session::Error::from(error).into()
    }
}

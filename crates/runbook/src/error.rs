//! What a command says when it cannot do what it was asked, and the exit codes.

use runbook_model::{Code, Next, RollbackCause, RunState, Verdict};
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
}

/// Why a command did not do what it was asked: the thing, the place, the next action.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) exit: Exit,
    /// The diagnostic code, where there is one to look up.
    pub(crate) code: Option<Code>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl CommandError {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, code: None, message: message.into(), hint: None }
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
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        text = format!("{text}: {source}");
        below = source.source();
    }
    text
}

impl From<runbook_journal::Error> for CommandError {
    fn from(error: runbook_journal::Error) -> Self {
        let exit = match error {
            runbook_journal::Error::Held(_) => Exit::Held,
            // A directory of others, in which no run ever was.
            runbook_journal::Error::Foreign { .. } => Exit::Refused,
            // What a journal holds that cannot be read, nobody knows.
            ref damage if damage.is_damage() => Exit::Stuck,
            _ => Exit::Refused,
        };
        Self::new(exit, chain(&error))
    }
}

impl From<runbook_engine::Error> for CommandError {
    fn from(error: runbook_engine::Error) -> Self {
        if let runbook_engine::Error::NoWayBack { run, .. } = &error {
            return Self::refused(error.to_string()).hint(format!(
                "put a copy of it in its place and try again, or go by hand: `{}` tells what each step changed",
                Next::Show(Some(run.clone()))
            ));
        }
        if matches!(error, runbook_engine::Error::Interrupted) {
            return Self::new(Exit::Cancelled, error.to_string());
        }
        if let runbook_engine::Error::NoWayOn { run, .. } = &error {
            return Self::refused(error.to_string()).hint(format!(
                "put a copy of it in its place and resume again; `{}` tells what each step changed, and \
                 `{}` closes the run by hand",
                Next::Show(Some(run.clone())),
                Next::Accept
            ));
        }
        Self::new(Exit::Stopped, chain(&error)).hint(format!(
            "`{}` tells where the run is; `{}` goes on",
            Next::Status,
            Next::Resume(None)
        ))
    }
}

impl From<runbook_model::Failure> for CommandError {
    fn from(failure: runbook_model::Failure) -> Self {
        let detail = if failure.detail.is_empty() { String::new() } else { format!("\n{}", failure.detail) };
        let error = Self::refused(format!("{}{detail}", failure.message));
        match failure.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<runbook_backup::Error> for CommandError {
    fn from(error: runbook_backup::Error) -> Self {
        let advice = match &error {
            runbook_backup::Error::Io { doing, path, source } => runbook_host::io_advice(doing, path, source),
            _ => None,
        };
        Self { hint: advice, ..Self::refused(chain(&error)) }
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::refused(chain(&error))
    }
}

impl From<runbook_model::IllegalTransition> for CommandError {
    fn from(error: runbook_model::IllegalTransition) -> Self {
        Self::refused(format!("the journal of this run is damaged: {error}"))
    }
}

//! What is said when something that was asked of a host is not done, and the exit codes: plain data, the same here and afar.

use runbook_model::{Caller, Code, Diagnostic, RollbackCause, RunState, SourceMap, Standing, Verdict};
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

/// The exit codes; the table is in `docs/cli.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
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
    /// The host could not be reached, or the link to it was lost.
    Unreachable = 7,
    /// Cancelled by the operator.
    Cancelled = 130,
}

impl Exit {
    /// All of them, for the page that tells about them.
    pub const ALL: &[Self] = &[
        Self::Done,
        Self::Refused,
        Self::Pending,
        Self::RolledBack,
        Self::Stopped,
        Self::Stuck,
        Self::Held,
        Self::Unreachable,
        Self::Cancelled,
    ];

    /// As a process ends.
    pub fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }

    /// The exit code of a run that was left in `state`. `asked_back` is whether the operator asked for a rollback, which
    /// then is what was wanted.
    pub fn of(state: &RunState, asked_back: bool) -> Self {
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

    /// The worse of two: what needs a person first counts most.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Done => 0,
            Self::Pending => 1,
            Self::Refused => 2,
            Self::Cancelled => 3,
            Self::Held => 4,
            Self::RolledBack => 5,
            Self::Stopped => 6,
            Self::Unreachable => 7,
            Self::Stuck => 8,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// The exit code of `status`.
    pub fn of_host(standing: &Standing) -> Self {
        match standing.exit_code() {
            0 => Self::Done,
            5 => Self::Stuck,
            _ => Self::Held,
        }
    }
}

/// Why a command did not do what it was asked: the thing, the place, the next action.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CommandError {
    /// What it costs.
    pub exit: Exit,
    /// The diagnostic code, where there is one to look up.
    pub code: Option<Code>,
    /// The thing and what is wrong with it.
    pub message: String,
    /// The next action; commands stand in it as [`Next`](runbook_model::Next) writes them.
    pub hint: Option<String>,
    /// What is said before it: warnings, and what was found in a plan.
    pub warnings: Vec<String>,
    /// What was found in a plan, with its texts.
    pub found: Option<Box<(Vec<Diagnostic>, SourceMap)>>,
    /// Whether another controller acts in place of the one that asked.
    pub superseded: bool,
}

impl CommandError {
    /// An error that costs `exit`.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            code: None,
            message: message.into(),
            hint: None,
            warnings: Vec::new(),
            found: None,
            superseded: false,
        }
    }

    /// The same with every command in it as it is typed by `caller`.
    #[must_use]
    pub fn spelled(self, caller: &Caller) -> Self {
        let spell = |text: String| caller.spell(&text);
        Self {
            message: spell(self.message),
            hint: self.hint.map(spell),
            warnings: self.warnings.into_iter().map(spell).collect(),
            ..self
        }
    }

    /// The plan or the usage is refused.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// The same with the diagnostic code to look up.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// The same with the next action.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
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
        crate::Error::from(error).into()
    }
}

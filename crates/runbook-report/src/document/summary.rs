//! How a run stands, in short: what opens its document, and all that `history` and `status` tell of one among others.

use crate::time;
use runbook_model::{RunId, RunState, Verdict};
use serde_json::{Value, json as object};

/// One run in short, from the same fold as everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// The plan's name.
    pub plan: String,
    /// The plan's digest.
    pub digest: String,
    /// The environment, if one was chosen.
    pub environment: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub began_at: i64,
    /// When its last record was written.
    pub last_at: i64,
    /// How long somebody was at work on it, in milliseconds.
    pub worked_ms: i64,
    /// How it ended; `None` while it is open.
    pub verdict: Option<Verdict>,
}

impl RunSummary {
    /// The summary of a run; `None` if it has no first record.
    pub fn of(state: &RunState) -> Option<Self> {
        let header = state.header.as_ref()?;
        Some(Self {
            run: header.run.clone(),
            plan: header.plan.clone(),
            digest: header.digest.clone(),
            environment: header.environment.clone(),
            began_at: state.began_at,
            last_at: state.last_at,
            worked_ms: state.worked_ms,
            verdict: state.verdict(),
        })
    }

    /// An open run took at least what is on record: a process that was killed wrote nothing more.
    pub(crate) fn took(&self) -> String {
        let known = time::elapsed(self.worked_ms);
        if self.verdict.is_none() { format!("at least {known}") } else { known }
    }

    pub(crate) fn json(&self) -> Value {
        object!({
            "run": self.run, "plan": self.plan, "digest": self.digest, "environment": self.environment,
            "began_at": self.began_at, "last_at": self.last_at, "verdict": self.verdict,
            "duration_ms": self.worked_ms,
        })
    }
}

//! What a run left that is not as it was, or of which nobody knows.

use crate::{Remains, RemainsKind, RunState, ServiceTime, StepId, Verdict, service_step};
use serde::Serialize;

/// One thing that remains, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remaining {
    /// The step.
    pub step: StepId,
    /// What sort of thing.
    pub what: RemainsKind,
    /// The path, or the name of the process, unit or signal.
    pub path: String,
    /// One clause; may be empty.
    pub detail: String,
}

impl RemainsKind {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::SetAside => "set aside",
            Self::Left => "left",
            Self::NotCompared => "not compared",
            Self::Lost => "lost",
            Self::Running => "still running",
            Self::Gone => "gone",
        }
    }
}

pub(super) fn remaining(state: &RunState) -> Vec<Remaining> {
    let mut found: Vec<Remaining> = Vec::new();
    for (step, known) in state.steps() {
        for Remains { what, path, detail, .. } in known.all_remains() {
            found.push(Remaining { step: step.clone(), what: *what, path: path.clone(), detail: detail.clone() });
        }
    }
    found.extend(other_services(state));
    found.sort_by_key(|one| one.what);
    found
}

/// Services of a run that was taken back which are not as they were, as far as that was read.
fn other_services(state: &RunState) -> Vec<Remaining> {
    let is_back = state.verdict() == Some(Verdict::RolledBack);
    let other = |(name, time): (&String, &ServiceTime)| {
        let seen = time.seen.as_ref()?;
        let (what, detail) = match (time.was_up, seen.up?) {
            (true, false) => (RemainsKind::Lost, format!("it was up before the run, and is {}", seen.words)),
            (false, true) => (RemainsKind::Left, format!("it was down before the run, and is {}", seen.words)),
            _ => return None,
        };
        let start = seen.start.as_ref().filter(|_| what == RemainsKind::Lost);
        let detail = detail + &start.map(|start| format!(": `{start}` brings it up")).unwrap_or_default();
        Some(Remaining { step: service_step(state, name)?.clone(), what, path: name.clone(), detail })
    };
    state.services.iter().filter(|_| is_back).filter_map(other).collect()
}

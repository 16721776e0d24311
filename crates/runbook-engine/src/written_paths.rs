//! What steps may have changed on the disk, as far as that is declared: what a backup that is made or read after them
//! must not pass off as the state before. Pure.

use crate::Execution;
use runbook_model::{Declaration, Resource, RunState, StepId, StepState};
use std::path::PathBuf;

/// The paths that `step` may write, each with everything below it; `/` where that is not known. What a service writes
/// once a step has brought it up is declared nowhere.
pub(crate) fn written(execution: &Execution, step: &StepId) -> Vec<PathBuf> {
    let anything = || vec![PathBuf::from("/")];
    let Some(declaration) = execution.schedule.declaration(step) else { return anything() };
    if declaration.starts().next().is_some() {
        return anything();
    }
    let writes = |declaration: &Declaration| -> Option<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for written in declaration.written() {
            match written {
                Resource::Path(path) => paths.push(path.clone()),
                Resource::UnknownPath | Resource::Everything => return None,
                Resource::Unit(_)
                | Resource::Job(_)
                | Resource::Process(_)
                | Resource::Port(_)
                | Resource::Package(_) => {}
            }
        }
        Some(paths)
    };
    writes(declaration).unwrap_or_else(anything)
}

/// Whether nothing that this run did before the backup of `step` was complete may have changed one of `paths`.
pub(crate) fn is_from_before(state: &RunState, execution: &Execution, step: &StepId, paths: &[PathBuf]) -> bool {
    let Some(complete) = state.step(step).and_then(|known| known.finished_seq) else { return false };
    let earlier = |(_, known): &(&StepId, &StepState)| known.intent_seq.is_some_and(|at| at < complete);
    let overlaps = |path: &PathBuf| paths.iter().any(|kept| kept.starts_with(path) || path.starts_with(kept));
    !state.steps().filter(earlier).any(|(earlier, _)| written(execution, earlier).iter().any(overlaps))
}

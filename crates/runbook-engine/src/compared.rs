//! What is read again at the end of a way back, before anything is claimed of it. Pure.

use crate::Execution;
use crate::action::{Action, Job};
use crate::restores::{insured, is_insurance, paths};
use runbook_model::{RunState, StepId, StepState, StepStatus, UndoPhase};
use std::path::PathBuf;

/// The next of those backups of which a rollback kept something, and of those steps that wrote where nothing was: what
/// is there now is read before anything is claimed of it.
pub(crate) fn to_compare<'a>(state: &'a RunState, execution: &Execution) -> Option<&'a StepId> {
    let keeps = |step: &StepId| execution.backups.contains(step) && !kept(state, execution, step).is_empty();
    let open = |(step, known): &(&StepId, &StepState)| {
        known.compared.is_none() && (wrote_where_nothing_was(known) || keeps(step))
    };
    if !state.has_acted() {
        return None;
    }
    // They are compared in the order of the file; only the last time is everything looked over.
    state.behind_compared().find(open).or_else(|| state.steps().find(open)).map(|(step, _)| step)
}

fn wrote_where_nothing_was(known: &StepState) -> bool {
    known.undo.as_ref().is_some_and(|undo| !undo.absent.is_empty())
}

/// What is still to be compared of steps that were taken back although the run goes forward.
pub(crate) fn compare_undone(state: &RunState, execution: &Execution) -> Option<Action> {
    let undone = |(step, known): &(&StepId, &StepState)| {
        known.status == StepStatus::Undone && known.compared.is_none() && !execution.backups.contains(step)
    };
    let open = state.steps().filter(undone).find(|(_, known)| wrote_where_nothing_was(known));
    open.map(|(step, _)| Action::Start(Job::Compare(step.clone())))
}

/// The paths that the backup of `step` holds and that no rollback puts back by itself, or not so far, or not as the last one.
pub(crate) fn kept(state: &RunState, execution: &Execution, step: &StepId) -> Vec<PathBuf> {
    let Some(known) = state.step(step) else { return Vec::new() };
    let mut kept = paths(known, |backup| &backup.never).to_vec();
    let restored = known.undone.contains(&UndoPhase::Insurance) && is_insurance(state, execution, step);
    kept.extend(paths(known, |backup| &backup.if_needed).iter().filter(|_| !restored).cloned());
    // The insurance of another backup may lie above what this one put back.
    kept.extend(paths(known, |backup| &backup.always).iter().filter(|_| insured(state, execution)).cloned());
    kept
}

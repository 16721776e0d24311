//! What backups of a run put back, and how often: the latest is asked first. Pure.

use crate::Execution;
use crate::written_paths::is_from_before;
use runbook_model::{BackupMade, RunState, StepId, StepState, UndoPhase};
use std::path::PathBuf;

/// Whether the backup of `step` may be put back if needed: another would bring back what the run changed before it was made.
pub(crate) fn is_insurance(state: &RunState, execution: &Execution, step: &StepId) -> bool {
    state
        .step(step)
        .is_some_and(|known| is_from_before(state, execution, step, paths(known, |backup| &backup.if_needed)))
}

/// How often this part of the step was taken back.
pub(crate) fn times_done(state: &RunState, step: &StepId, phase: UndoPhase) -> usize {
    let done = state.step(step).map_or(&[][..], |known| &known.undone);
    done.iter().filter(|one| **one == phase).count()
}

pub(crate) fn insured(state: &RunState, execution: &Execution) -> bool {
    execution.backups.iter().any(|step| times_done(state, step, UndoPhase::Insurance) > 0)
}

/// When a step was complete, in the order of records.
pub(crate) fn finished(state: &RunState, step: &StepId) -> Option<u64> {
    state.step(step).and_then(|known| known.finished_seq)
}

/// Complete backups that hold paths with this restore policy. The latest first, so that the state before the run has the last word.
pub(crate) fn backups_with<'a>(state: &RunState, execution: &'a Execution, which: Paths) -> Vec<&'a StepId> {
    let has = |step: &&StepId| state.step(step).is_some_and(|known| !paths(known, which).is_empty());
    let mut backups: Vec<&StepId> = execution.backups.iter().filter(has).collect();
    backups.sort_by_key(|step| std::cmp::Reverse(finished(state, step)));
    backups
}

/// The paths of a backup with one restore policy.
pub(crate) type Paths = fn(&BackupMade) -> &Vec<PathBuf>;

pub(crate) fn paths(known: &StepState, which: Paths) -> &[PathBuf] {
    known.results.backup.as_ref().map_or(&[], |backup| which(backup))
}

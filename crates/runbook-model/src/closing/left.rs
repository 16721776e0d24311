//! Steps whose traces the host may carry.

use super::LeftStep;
use crate::{RunState, StepState, StepStatus, UndoPhase};

/// The latest first: the order in which they would be taken back.
pub(super) fn left(state: &RunState) -> Vec<LeftStep> {
    let mut left: Vec<_> = state.steps().filter(|(_, step)| step.status.may_have_touched()).collect();
    left.sort_by_key(|(_, step)| std::cmp::Reverse(step.intent_seq));
    left.into_iter().map(|(id, step)| LeftStep { step: id.clone(), why: why(step) }).collect()
}

/// What is known of what one step left behind, in one clause.
fn why(step: &StepState) -> String {
    match (&step.undo_failure, step.status) {
        (Some(failure), _) => {
            let what = match step.undo_phase {
                Some(UndoPhase::Halt) => "could not be brought down",
                _ => "could not be undone",
            };
            format!("{what}: {}", failure.message)
        }
        (None, StepStatus::Halted) => "is brought down, and its undo has not begun".to_owned(),
        (None, StepStatus::Halting | StepStatus::Undoing) => "its undo began and did not end".to_owned(),
        (None, StepStatus::FailedTouched) => format!("failed half-way: {}", step.summary),
        (None, StepStatus::Intended | StepStatus::Retrying) => {
            "began to change the host; how far is not known".to_owned()
        }
        (None, _) => format!("changed the host: {}", step.summary),
    }
}

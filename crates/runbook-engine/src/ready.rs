//! Which steps are ready to begin, and how each begins. Pure.

use crate::Execution;
use crate::action::{Action, Job, ended};
use crate::aging::{ages, only_starts};
use crate::execution::{Rank, Wait};
use crate::rollback::restarts;
use runbook_model::{Event, Outcome, Prediction, Purpose, RunState, StepId, StepState, StepStatus};

pub(crate) fn ready(state: &RunState, execution: &Execution, mut free: usize) -> Vec<Action> {
    let mut actions = Vec::new();
    for Rank { at, step, waits, is_narrow } in execution.ranks_from(state.first_pending()) {
        if free == 0 {
            break;
        }
        let Some(known) = state.states().get(*at) else { continue };
        let goes_by = !is_narrow || known.status.is_over();
        if known.status != StepStatus::Pending {
            if goes_by { continue } else { break }
        }
        match readiness(state, known, waits, || not_needed(execution, step, known)) {
            Readiness::Waits => {}
            Readiness::Skipped(because) => actions.push(ended(step.clone(), Outcome::Skipped { because })),
            Readiness::Ready => {
                free -= 1;
                actions.push(Action::Record(Event::StepStarted { step: step.clone(), attempt: 1 }));
                actions.push(begin(state, execution, step));
            }
        }
        // What it leads to is decided in the next turn, when its record is folded in.
        if !goes_by {
            break;
        }
    }
    actions
}

enum Readiness {
    Waits,
    Skipped(String),
    Ready,
}

/// Why a step does not have to run: what was read of one that changes something for its own sake, and of any other that
/// it serves nothing.
fn not_needed(execution: &Execution, step: &StepId, known: &StepState) -> String {
    let declaration = execution.schedule.declaration(step);
    let principal = declaration.is_some_and(|declaration| declaration.purpose == Purpose::Principal);
    match &known.prediction {
        Some(Prediction::NoChange { summary }) if principal => summary.clone(),
        _ => "nothing that it serves has anything to do".to_owned(),
    }
}

fn readiness(state: &RunState, known: &StepState, waits: &[Wait], not_needed: impl FnOnce() -> String) -> Readiness {
    let mut lacks = false;
    for wait in waits {
        let Some(before) = state.states().get(wait.on) else { return Readiness::Waits };
        match before.status {
            StepStatus::FailedUntouched | StepStatus::Undone => lacks |= wait.written,
            StepStatus::Skipped => lacks |= wait.written && lacked(before),
            status if status.satisfies() => {}
            _ => return Readiness::Waits,
        }
    }
    if lacks {
        Readiness::Skipped("a step that it needs failed".to_owned())
    } else if known.needed == Some(false) {
        Readiness::Skipped(not_needed())
    } else {
        Readiness::Ready
    }
}

/// Whether a skipped step was skipped because of a failure before it: one whose condition is false has begun, and one
/// that nothing needs is known from the start.
fn lacked(skipped: &StepState) -> bool {
    skipped.attempts == 0 && skipped.needed != Some(false)
}

/// The job that begins `step`. A restart whose program or configuration was changed in this run must not be talked out
/// of it by its probe, which sees only files that it knows; nor a start, by a process of before.
pub(crate) fn begin(state: &RunState, execution: &Execution, step: &StepId) -> Action {
    let declaration = execution.schedule.declaration(step);
    let renews = |earlier: &StepId| {
        declaration.is_some_and(|declaration| {
            restarts(declaration) || (only_starts(declaration) && ages(execution, earlier, declaration))
        })
    };
    let changed = |earlier: &&StepId| state.status(earlier) == StepStatus::Changed;
    let forced = declaration.is_some_and(|declaration| declaration.starts().next().is_some())
        && execution.schedule.ancestors(step).into_iter().filter(changed).any(renews);
    Action::Start(Job::Begin { step: step.clone(), forced })
}

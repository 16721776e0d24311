//! Going forward: which steps are ready, and what a failure or a cancel leads to. Pure.

use crate::Execution;
use crate::action::{Action, Await, over, undo};
use crate::compared::compare_undone;
use crate::ready::ready;
use crate::services::unread;
use runbook_model::{
    Event, FailureKind, OnFailure, Role, RollbackCause, RunPhase, RunState, StepId, StepState, StepStatus, UndoPhase,
    Verdict,
};
use std::time::Duration;

pub(crate) fn advance(state: &RunState, execution: &Execution, idle: bool) -> Vec<Action> {
    if nothing_begins(state, execution) || state.cancelling {
        return if idle && !stays_open(state, execution) { end(state, execution) } else { Vec::new() };
    }
    if idle && state.count(|status| !is_settled(status)) == 0 {
        // What was taken back on the way is read before the run ends well.
        return compare_undone(state, execution).map_or_else(|| end_well(state), |compare| vec![compare]);
    }
    if state.draining || state.waits_for_a_secret() || unread(state, execution).next().is_some() {
        return Vec::new();
    }
    let mut free = execution.parallel.saturating_sub(state.count(is_under_way));
    let mut actions = undo_of_continued(state, execution, &mut free);
    actions.extend(ready(state, execution, free));
    actions
}

/// The end, or the hold before it where the run was begun with one and has changed something.
fn end_well(state: &RunState) -> Vec<Action> {
    let hold = state.header.as_ref().and_then(|header| header.hold_ms);
    let hold = hold.filter(|_| state.has_acted() && state.committed.is_none());
    match (hold, &state.held) {
        (None, _) => over(Verdict::Succeeded, note_on_continued(state)),
        // The process that resumes it holds it on.
        (Some(_), _) if state.draining => Vec::new(),
        (Some(ms), None) => vec![Action::Await(Await::Clock { within: Duration::from_millis(ms) })],
        (Some(_), Some(deadline)) => vec![Action::Await(Await::Commit(deadline.clone()))],
    }
}

/// Whether nothing more has to be done for a step of a run that goes well, the undo of a failure that the plan lets
/// pass included.
fn is_settled(status: StepStatus) -> bool {
    status.satisfies() || matches!(status, StepStatus::FailedUntouched | StepStatus::Undone)
}

fn is_under_way(status: StepStatus) -> bool {
    use StepStatus::{Intended, Retrying, Started, Undoing};
    matches!(status, Started | Intended | Retrying | Undoing)
}

/// Whether a step failed whose failure ends the run, kept or not, or an undo did.
pub(crate) fn nothing_begins(state: &RunState, execution: &Execution) -> bool {
    has_failed(state, execution, |_| true)
}

/// Whether a step failed whose failure ends the run, and nobody keeps what it left, or an undo did.
pub(crate) fn must_not_act(state: &RunState, execution: &Execution) -> bool {
    has_failed(state, execution, |known| !known.is_kept())
}

/// Whether `step`, which has begun, goes no further. Accepting one inconclusive verification does not accept
/// others: each that is under way comes to its own end, and asks if it has to.
pub(crate) fn goes_no_further(state: &RunState, execution: &Execution, step: &StepId) -> bool {
    if execution.schedule.plays(step, Role::verifies) {
        must_not_act(state, execution)
    } else {
        nothing_begins(state, execution)
    }
}

fn has_failed(state: &RunState, execution: &Execution, counts: impl Fn(&StepState) -> bool) -> bool {
    use StepStatus::{FailedTouched, FailedUntouched, UndoFailed};
    // Asked after each record, and nearly always answered here.
    if state.count(|status| matches!(status, FailedTouched | FailedUntouched | UndoFailed)) == 0 {
        return false;
    }
    state.steps().any(|(step, known)| match known.status {
        StepStatus::FailedUntouched | StepStatus::FailedTouched => counts(known) && ends_run(execution, step).is_some(),
        StepStatus::UndoFailed => true,
        _ => false,
    })
}

/// Whether a verification still has to come to its end in a drained run whose only failures are kept.
fn stays_open(state: &RunState, execution: &Execution) -> bool {
    let open = state.draining && !state.cancelling && !must_not_act(state, execution);
    let verifies = |step: &StepId| execution.schedule.plays(step, Role::verifies);
    open && state.steps().any(|(step, known)| is_under_way(known.status) && verifies(step))
}

/// Whether another attempt of a step, an answer or a commit may still be waited for by this process.
pub(crate) fn still_waits(state: &RunState, execution: &Execution) -> bool {
    let goes_on = state.phase == RunPhase::Forward && !state.draining && !state.cancelling && state.committed.is_none();
    goes_on && !must_not_act(state, execution)
}

fn end(state: &RunState, execution: &Execution) -> Vec<Action> {
    if let Some((step, _)) = state.steps().find(|(_, known)| known.status == StepStatus::UndoFailed) {
        return over(Verdict::Stuck, format!("step `{step}` failed and could not be taken back"));
    }
    let mut failed = state.steps().filter_map(|(step, known)| match known.status {
        StepStatus::FailedUntouched | StepStatus::FailedTouched => {
            ends_run(execution, step).map(|ending| (step, known, ending))
        }
        _ => None,
    });
    let first = failed.next();
    // Who keeps a change answers for the evidence that was asked about, and for no other failure.
    let first = first.and_then(|first| match first.1.is_kept() {
        true => failed.find(|(_, known, _)| !known.is_kept()).or(Some(first)),
        false => Some(first),
    });
    // Where several failed at once, one that says `stop` keeps the host as it is, for a person to look at.
    let stops = failed.find(|(_, _, ending)| *ending == OnFailure::Stop);
    // What was changed and taken back on the way was changed all the same.
    let touched = state.has_acted();
    match stops.or(first) {
        Some((_, known, _)) if known.is_kept() && !state.cancelling => over(Verdict::Accepted, note_on_kept(known)),
        Some((step, _, OnFailure::Stop)) => over(Verdict::Stopped, format!("step `{step}` failed")),
        Some((step, known, _)) if !touched => {
            // Only what a gate says no to may be tried again as it is; any other refusal is about the plan or the host.
            let is_gate = execution.schedule.plays(step, |role| *role == Role::Gate);
            let refused = is_gate && known.failure.as_ref().is_some_and(|it| it.kind == FailureKind::Refused);
            let verdict = if refused || state.cancelling { Verdict::Refused } else { Verdict::RolledBack };
            over(verdict, "nothing had been changed")
        }
        None if !touched => over(Verdict::Refused, "cancelled before anything was changed"),
        Some(_) | None if state.cancelling => roll_back(RollbackCause::Cancelled),
        Some((step, ..)) => roll_back(RollbackCause::StepFailed { step: step.clone() }),
        None => Vec::new(),
    }
}

pub(crate) fn roll_back(cause: RollbackCause) -> Vec<Action> {
    vec![Action::Record(Event::RollbackStarted { cause })]
}

/// Half-done work of steps whose failure the plan lets pass.
fn undo_of_continued(state: &RunState, execution: &Execution, free: &mut usize) -> Vec<Action> {
    if state.count(|status| status == StepStatus::FailedTouched) == 0 {
        return Vec::new();
    }
    let failed = state
        .steps()
        .filter(|(step, known)| known.status == StepStatus::FailedTouched && ends_run(execution, step).is_none());
    let mut actions = Vec::new();
    for (step, _) in failed.take(*free) {
        *free -= 1;
        actions.extend(undo(step, UndoPhase::Undo));
    }
    actions
}

/// Who answers for it, and for what.
fn note_on_kept(known: &StepState) -> String {
    let by = known.decided.as_ref().map_or("", |decided| decided.by.as_str());
    format!("{by} keeps it as it is, although {}", known.summary)
}

fn note_on_continued(state: &RunState) -> String {
    let failed: Vec<String> =
        state.steps().filter(|(_, known)| known.failure.is_some()).map(|(step, _)| format!("`{step}`")).collect();
    if failed.is_empty() { String::new() } else { format!("the plan lets pass that {} failed", failed.join(", ")) }
}

/// Whether a failure of `step` ends the run, and how.
pub(crate) fn ends_run(execution: &Execution, step: &StepId) -> Option<OnFailure> {
    match execution.policy(step).on_failure {
        OnFailure::Continue => None,
        ending => Some(ending),
    }
}

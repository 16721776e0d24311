//! The way back: what is taken back in which order, and when the host counts as it was. Pure.

use crate::Execution;
use crate::action::{Action, Job, over, undo};
use crate::aging::only_starts;
use crate::compared::to_compare;
use crate::restores::{backups_with, finished, insured, is_insurance, times_done};
use crate::services::{down_for_good, to_look_after};
use runbook_model::{Declaration, Resource, Role, RunState, StepId, StepState, StepStatus, UndoPhase, Verdict};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::iter::Peekable;

/// The next action of a rollback in which no job is under way.
pub(crate) fn advance(state: &RunState, execution: &Execution) -> Vec<Action> {
    if state.count(|status| status == StepStatus::UndoFailed) > 0
        && let Some((step, _)) = state.steps().find(|(_, known)| known.status == StepStatus::UndoFailed)
    {
        return over(Verdict::Stuck, what_is_left(state, execution, step));
    }
    if state.draining { Vec::new() } else { next(state, execution) }
}

/// The same without regard to an undo that failed: a rollback that is tried again begins with it.
pub(crate) fn next(state: &RunState, execution: &Execution) -> Vec<Action> {
    if let Some((step, phase)) = left(state, execution).next() {
        return undo(step, phase).to_vec();
    }
    if let Some(step) = to_look_after(state, execution) {
        return vec![Action::Start(Job::Revive(step.clone()))];
    }
    let down = down_for_good(state, execution);
    if !down.is_empty() {
        return over(Verdict::Stuck, format!("what was up before does not come up again: {}", down.join("; ")));
    }
    let unread = to_verify(state, execution).find(|(_, known)| !known.verified);
    if let Some((step, _)) = unread {
        return vec![Action::Start(Job::Verify(step.clone()))];
    }
    if let Some(step) = to_compare(state, execution) {
        return vec![Action::Start(Job::Compare(step.clone()))];
    }
    let names = |gone: fn(&StepState) -> &Vec<String>| {
        let gone: BTreeSet<&str> =
            to_verify(state, execution).flat_map(|(_, known)| gone(known)).map(String::as_str).collect();
        gone.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (lost, unread) = (names(|known| &known.lost), names(|known| &known.unread));
    match (lost.is_empty(), unread.is_empty()) {
        (true, true) => over(Verdict::RolledBack, ""),
        (false, true) => over(Verdict::Stuck, format!("signals that were green before are not: {lost}")),
        (true, false) => over(Verdict::Stuck, format!("signals that were green before cannot be read: {unread}")),
        (false, false) => {
            let what = format!("signals that were green before are not: {lost}; others cannot be read: {unread}");
            over(Verdict::Stuck, what)
        }
    }
}

/// Whether a step brings a service down and up again.
pub(crate) fn restarts(declaration: &Declaration) -> bool {
    declaration.plays(|role| matches!(role, Role::Restart(_)))
}

/// Whether a step brought a service down and up again: a restart, and a start that found it up.
fn replaced(declaration: &Declaration, known: &StepState) -> bool {
    let was_up = known.moved().is_some_and(|service| service.up);
    restarts(declaration) || (only_starts(declaration) && was_up)
}

/// The service that a step brings down, alone or to bring it up again: taking it back brings the service up.
fn brings_down<'a>(declaration: &'a Declaration, known: &StepState) -> Option<&'a Resource> {
    declaration.roles.iter().find_map(|role| match role {
        Role::Stop(service) | Role::Restart(service) => Some(service),
        Role::Start(service) => replaced(declaration, known).then_some(service),
        _ => None,
    })
}

/// A part of the way back.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// A part of one step.
    Of(&'a StepId, UndoPhase),
    /// All steps between two records that are no landmarks, each as a whole, in the reverse order of their intents. They
    /// are not named: there may be very many, and this is asked anew for each.
    Between { after: u64, before: u64 },
}

/// Everything that has to be taken back, in order: steps in the reverse order of their intents, restarts in two
/// halves, state that is always restored right before the first service comes up, and before the steps ahead of its backup
/// are taken back; then, if green signals stayed lost, the state that is restored if needed, while the services are
/// down once more. Where nothing was changed, nothing is put back, state included.
fn parts<'a>(state: &'a RunState, execution: &'a Execution) -> Vec<Part<'a>> {
    if !state.has_acted() {
        return Vec::new();
    }
    let landmarks = landmarks(state, execution);
    let mut parts = Vec::new();
    let mut comes_up_last = Vec::new();
    let mut always = backups_with(state, execution, |backup| &backup.always).into_iter().peekable();
    let mut before = u64::MAX;
    for (intent, step, known) in landmarks.iter().rev() {
        between(state, *intent, before, &mut always, &mut parts);
        before = *intent;
        let Some(declaration) = execution.schedule.declaration(step) else { continue };
        // A backup that was made after this step holds what it changed. A service that the step brought up goes down before.
        let later = std::iter::from_fn(|| always.next_if(|backup| finished(state, backup) > Some(*intent)));
        let later: Vec<_> = later.map(|backup| Part::Of(backup, UndoPhase::Undo)).collect();
        // A failure that the plan lets pass was undone on the way forward, in one piece.
        if replaced(declaration, known) && known.undone.first() != Some(&UndoPhase::Undo) {
            parts.push(Part::Of(step, UndoPhase::Halt));
            parts.extend(later);
            comes_up_last.push(Part::Of(step, UndoPhase::Undo));
            continue;
        }
        if declaration.starts().next().is_some() {
            parts.push(Part::Of(step, UndoPhase::Undo));
            parts.extend(later);
            continue;
        }
        parts.extend(later);
        if brings_down(declaration, known).is_some() {
            parts.extend(always.by_ref().map(|backup| Part::Of(backup, UndoPhase::Undo)));
        }
        parts.push(Part::Of(step, UndoPhase::Undo));
    }
    between(state, 0, before, &mut always, &mut parts);
    parts.extend(always.map(|backup| Part::Of(backup, UndoPhase::Undo)));
    parts.extend(comes_up_last.into_iter().rev());
    parts.extend(insurance(state, execution, &landmarks).into_iter().map(|(step, phase)| Part::Of(step, phase)));
    parts
}

/// The steps between two landmarks, with each backup before the steps that were begun before it was complete.
fn between<'a>(
    state: &RunState,
    after: u64,
    mut before: u64,
    always: &mut Peekable<impl Iterator<Item = &'a StepId>>,
    parts: &mut Vec<Part<'a>>,
) {
    while let Some(complete) = always.peek().and_then(|backup| finished(state, backup)) {
        if !state.acted_between(after, complete.min(before)) {
            break;
        }
        if complete < before {
            parts.push(Part::Between { after: complete, before });
            before = complete;
        }
        parts.extend(always.next().map(|backup| Part::Of(backup, UndoPhase::Undo)));
    }
    parts.push(Part::Between { after, before });
}

/// The landmarks that may have left traces, with their intents, in the order of these.
fn landmarks<'a>(state: &'a RunState, execution: &'a Execution) -> Vec<(u64, &'a StepId, &'a StepState)> {
    let known = |step: &'a StepId| state.step(step).and_then(|known| Some((known.intent_seq?, step, known)));
    let mut landmarks: Vec<_> = execution.landmarks.iter().filter_map(known).collect();
    landmarks.sort_by_key(|(intent, ..)| *intent);
    landmarks
}

/// What is left of the way back, in order.
fn left<'a>(state: &'a RunState, execution: &'a Execution) -> impl Iterator<Item = (&'a StepId, UndoPhase)> {
    let mut times: HashMap<(&StepId, UndoPhase), usize> = HashMap::new();
    parts(state, execution).into_iter().flat_map(move |part| {
        let (one, many) = match part {
            Part::Of(step, phase) => {
                let nth = times.entry((step, phase)).or_default();
                *nth += 1;
                let open = times_done(state, step, phase) < *nth;
                (open.then_some((step, phase)), None)
            }
            Part::Between { after, before } => (None, Some(state.left_between(after, before))),
        };
        one.into_iter().chain(many.into_iter().flatten().map(|step| (step, UndoPhase::Undo)))
    })
}

/// The parts that put back state that only services write.
fn insurance<'a>(
    state: &'a RunState,
    execution: &'a Execution,
    landmarks: &[(u64, &'a StepId, &StepState)],
) -> Vec<(&'a StepId, UndoPhase)> {
    let known = |step: &StepId| state.step(step).is_some_and(|known| !known.lost.is_empty());
    if !(execution.verifications.iter().any(known) || insured(state, execution)) {
        return Vec::new();
    }
    let mut backups = backups_with(state, execution, |backup| &backup.if_needed);
    backups.retain(|step| is_insurance(state, execution, step));
    if backups.is_empty() {
        return Vec::new();
    }
    let mut services = BTreeSet::new();
    let mut is_first = |step: &StepId, known: &StepState| {
        let service = execution.schedule.declaration(step).and_then(|declaration| brings_down(declaration, known));
        service.is_some_and(|service| services.insert(service))
    };
    let first = landmarks.iter().filter(|(_, step, known)| is_first(step, known));
    let first_of_each: Vec<&StepId> = first.map(|(_, step, _)| *step).collect();
    let down = first_of_each.iter().rev().map(|step| (*step, UndoPhase::Halt));
    let restore = backups.into_iter().map(|step| (step, UndoPhase::Insurance));
    let up = first_of_each.iter().map(|step| (*step, UndoPhase::Undo));
    down.chain(restore).chain(up).collect()
}

/// Verifications that have something to compare with, and those that could not be read before the first change: what
/// they say now proves nothing, but somebody may want to know.
fn to_verify<'a>(
    state: &'a RunState,
    execution: &'a Execution,
) -> impl Iterator<Item = (&'a StepId, &'a StepState)> + use<'a> {
    let acted = state.has_acted();
    let known = |step| state.step(step).map(|known| (step, known));
    let tells = |known: &StepState| known.was_green() || known.no_baseline.is_some();
    execution.verifications.iter().filter_map(known).filter(move |(_, known)| acted && tells(known))
}

fn what_is_left(state: &RunState, execution: &Execution, failed: &StepId) -> String {
    let mut seen = HashSet::new();
    let others = left(state, execution).map(|(step, _)| step).filter(|step| *step != failed && seen.insert(*step));
    let names: Vec<String> = others.map(|step| format!("`{step}`")).collect();
    let also = if names.is_empty() { String::new() } else { format!("; also not taken back: {}", names.join(", ")) };
    format!("step `{failed}` could not be taken back{also}")
}

//! The way back: what is taken back in which order, and when the host counts as it was. Pure.

use crate::Course;
use crate::action::{Action, Job, over, take_back};
use crate::aging::only_starts;
use crate::relies::Relies;
use crate::since::is_from_before;
use runbook_model::{
    Declaration, Resource, Role, RunState, SERVICE_KEY, StepId, StepState, StepStatus, UndoPhase, Verdict,
};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// One entry of the way back: the `nth` time that this part of this step is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stage {
    step: StepId,
    phase: UndoPhase,
    nth: usize,
}

/// The next action of a rollback in which no job is under way.
pub(crate) fn advance(state: &RunState, course: &Course) -> Vec<Action> {
    if let Some((step, _)) = state.steps().find(|(_, known)| known.status == StepStatus::UndoFailed) {
        return over(Verdict::Stuck, what_is_left(state, course, step));
    }
    if state.draining { Vec::new() } else { next(state, course) }
}

/// The same without regard to an undo that failed: a rollback that is tried again begins with it.
pub(crate) fn next(state: &RunState, course: &Course) -> Vec<Action> {
    if let Some(Stage { step, phase, .. }) = stages(state, course).into_iter().find(|stage| !is_done(state, stage)) {
        return take_back(&step, phase).to_vec();
    }
    let unread = to_verify(state, course).find(|(_, known)| !known.verified);
    if let Some((step, _)) = unread {
        return vec![Action::Start(Job::Verify(step.clone()))];
    }
    if let Some(step) = to_compare(state, course) {
        return vec![Action::Start(Job::Compare(step.clone()))];
    }
    let names = |gone: fn(&StepState) -> &Vec<String>| {
        let gone: BTreeSet<&str> =
            to_verify(state, course).flat_map(|(_, known)| gone(known)).map(String::as_str).collect();
        gone.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (lost, unread) = (names(|known| &known.lost), names(|known| &known.unread));
    match (lost.is_empty(), unread.is_empty()) {
        (true, true) => over(Verdict::RolledBack, ""),
        (false, true) => over(Verdict::Stuck, format!("signals that were green before are not: {lost}")),
        (true, false) => over(Verdict::Stuck, format!("signals that were green before cannot be read: {unread}")),
        (false, false) => over(
            Verdict::Stuck,
            format!("signals that were green before are not: {lost}; others cannot be read: {unread}"),
        ),
    }
}

/// Whether a step judges evidence.
pub(crate) fn verifies(declaration: &Declaration) -> bool {
    declaration.roles.iter().any(|role| matches!(role, Role::Verify(_)))
}

/// Whether a step brings a service down and up again.
pub(crate) fn restarts(declaration: &Declaration) -> bool {
    declaration.roles.iter().any(|role| matches!(role, Role::Restart(_)))
}

/// Whether a step brought a service down and up again: a restart, and a start that found it up.
fn replaced(declaration: &Declaration, known: &StepState) -> bool {
    let was_up = known.undo.as_ref().and_then(|undo| undo.get(SERVICE_KEY)?.get("state")?.as_str());
    restarts(declaration) || (only_starts(declaration) && was_up == Some("up"))
}

/// The service that a step brings down, alone or to bring it up again: taking it back brings the service up.
fn brings_down<'a>(declaration: &'a Declaration, known: &StepState) -> Option<&'a Resource> {
    declaration.roles.iter().find_map(|role| match role {
        Role::Stop(service) | Role::Restart(service) => Some(service),
        Role::Start(service) => replaced(declaration, known).then_some(service),
        _ => None,
    })
}

/// Everything that has to be taken back, in order: steps in the reverse order of their intents, restarts in two
/// halves, state that is always restored right before the first service comes up, and before the steps ahead of its backup
/// are taken back; then, if green signals stayed lost, the state that is restored if needed, while the services are
/// down once more. Where nothing was changed, nothing is put back, state included.
fn stages(state: &RunState, course: &Course) -> Vec<Stage> {
    let touched = touched(state);
    if touched.is_empty() {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut comes_up_last = Vec::new();
    let mut always = backups_with(state, course, "always").into_iter().map(|step| (step, UndoPhase::Undo)).peekable();
    for (step, known) in touched.iter().rev() {
        let Some(declaration) = course.schedule.declaration(step) else { continue };
        // A backup that was made after this step holds what it changed. A service that the step brought up goes down before.
        let later = std::iter::from_fn(|| always.next_if(|(backup, _)| finished(state, backup) > known.intent_seq));
        let later: Vec<_> = later.collect();
        // A failure that the plan lets pass was undone on the way forward, in one piece.
        if replaced(declaration, known) && known.undone.first() != Some(&UndoPhase::Undo) {
            parts.push((*step, UndoPhase::Halt));
            parts.extend(later);
            comes_up_last.push((*step, UndoPhase::Undo));
            continue;
        }
        if declaration.starts().next().is_some() {
            parts.push((*step, UndoPhase::Undo));
            parts.extend(later);
            continue;
        }
        parts.extend(later);
        if brings_down(declaration, known).is_some() {
            parts.extend(always.by_ref());
        }
        parts.push((*step, UndoPhase::Undo));
    }
    parts.extend(always);
    parts.extend(comes_up_last.into_iter().rev());
    parts.extend(insurance(state, course, &touched));
    let mut times: HashMap<(&StepId, UndoPhase), usize> = HashMap::new();
    let numbered = parts.into_iter().map(|(step, phase)| {
        let nth = times.entry((step, phase)).or_default();
        *nth += 1;
        Stage { step: step.clone(), phase, nth: *nth }
    });
    numbered.collect()
}

/// The steps that may have left traces, in the order of their intents.
fn touched(state: &RunState) -> Vec<(&StepId, &StepState)> {
    let mut touched: Vec<_> = state.steps().filter(|(_, known)| known.intent_seq.is_some()).collect();
    touched.sort_by_key(|(_, known)| known.intent_seq);
    touched
}

/// The parts that put back state that only services write.
fn insurance<'a>(
    state: &'a RunState,
    course: &Course,
    touched: &[(&'a StepId, &StepState)],
) -> Vec<(&'a StepId, UndoPhase)> {
    let lost = state.steps().any(|(_, known)| !known.lost.is_empty());
    let mut backups = backups_with(state, course, "if_needed");
    backups.retain(|step| is_insurance(state, course, step));
    if !(lost || insured(state)) || backups.is_empty() {
        return Vec::new();
    }
    let mut services = BTreeSet::new();
    let mut is_first = |step: &StepId, known: &StepState| {
        let service = course.schedule.declaration(step).and_then(|declaration| brings_down(declaration, known));
        service.is_some_and(|service| services.insert(service))
    };
    let first = touched.iter().filter(|(step, known)| is_first(step, known));
    let first_of_each: Vec<&StepId> = first.map(|(step, _)| *step).collect();
    let down = first_of_each.iter().rev().map(|step| (*step, UndoPhase::Halt));
    let restore = backups.into_iter().map(|step| (step, UndoPhase::Insurance));
    let up = first_of_each.iter().map(|step| (*step, UndoPhase::Undo));
    down.chain(restore).chain(up).collect()
}

/// Whether the backup of `step` may be put back if needed: another would bring back what the run changed before it was made.
fn is_insurance(state: &RunState, course: &Course, step: &StepId) -> bool {
    state.step(step).is_some_and(|known| is_from_before(state, course, step, &paths(known, "if_needed")))
}

fn is_done(state: &RunState, stage: &Stage) -> bool {
    let done = state.step(&stage.step).map_or(&[][..], |known| &known.undone);
    done.iter().filter(|phase| **phase == stage.phase).count() >= stage.nth
}

fn insured(state: &RunState) -> bool {
    state.steps().any(|(_, known)| known.undone.contains(&UndoPhase::Insurance))
}

/// When a step was complete, in the order of records.
fn finished(state: &RunState, step: &StepId) -> Option<u64> {
    state.step(step).and_then(|known| known.finished_seq)
}

/// Complete backups that put out a list of paths under `key`, which is how `backup.create` tells its restore policies.
/// The latest first, so that the state before the run has the last word.
fn backups_with<'a>(state: &'a RunState, course: &Course, key: &str) -> Vec<&'a StepId> {
    let with_paths = state.steps().filter(|(step, known)| is_backup(course, step) && !paths(known, key).is_empty());
    let mut backups: Vec<&StepId> = with_paths.map(|(step, _)| step).collect();
    backups.sort_by_key(|step| std::cmp::Reverse(finished(state, step)));
    backups
}

fn is_backup(course: &Course, step: &StepId) -> bool {
    let declaration = course.schedule.declaration(step);
    declaration.is_some_and(|declaration| declaration.roles.iter().any(|role| matches!(role, Role::Backup(_))))
}

fn paths<'a>(known: &'a StepState, key: &str) -> Vec<&'a Path> {
    let list = known.outputs.get(key).and_then(|paths| paths.as_array());
    list.into_iter().flatten().filter_map(|path| path.as_str().map(Path::new)).collect()
}

/// Verifications that have something to compare with, and those that could not be read before the first change: what
/// they say now proves nothing, but somebody may want to know.
fn to_verify<'a>(
    state: &'a RunState,
    course: &'a Course,
) -> impl Iterator<Item = (&'a StepId, &'a StepState)> + use<'a> {
    let acted = state.has_acted();
    state.steps().filter(move |(step, known)| {
        let tells = known.was_green() || known.no_baseline.is_some();
        acted && tells && course.schedule.declaration(step).is_some_and(verifies)
    })
}

/// The next of those backups of which a rollback kept something, and of those steps that wrote where nothing was: what
/// is there now is read before anything is claimed of it.
fn to_compare<'a>(state: &'a RunState, course: &Course) -> Option<&'a StepId> {
    let keeps = |step: &StepId| is_backup(course, step) && !kept(state, course, step).is_empty();
    let open = |(step, known): &(&StepId, &StepState)| {
        known.compared.is_none() && (wrote_where_nothing_was(known) || keeps(step))
    };
    if state.has_acted() { state.steps().find(open).map(|(step, _)| step) } else { None }
}

fn wrote_where_nothing_was(known: &StepState) -> bool {
    known.undo.as_ref().is_some_and(Relies::notes_absence)
}

/// What is still to be compared of steps that were taken back although the run goes forward.
pub(crate) fn compare_undone(state: &RunState, course: &Course) -> Option<Action> {
    let undone = |(step, known): &(&StepId, &StepState)| {
        known.status == StepStatus::Undone && known.compared.is_none() && !is_backup(course, step)
    };
    let open = state.steps().filter(undone).find(|(_, known)| wrote_where_nothing_was(known));
    open.map(|(step, _)| Action::Start(Job::Compare(step.clone())))
}

/// The paths that the backup of `step` holds and that no rollback puts back by itself, or not so far, or not as the last one.
pub(crate) fn kept(state: &RunState, course: &Course, step: &StepId) -> Vec<PathBuf> {
    let Some(known) = state.step(step) else { return Vec::new() };
    let mut kept = paths(known, "never");
    let restored = known.undone.contains(&UndoPhase::Insurance) && is_insurance(state, course, step);
    kept.extend(paths(known, "if_needed").into_iter().filter(|_| !restored));
    // The insurance of another backup may lie above what this one put back.
    kept.extend(paths(known, "always").into_iter().filter(|_| insured(state)));
    kept.into_iter().map(Path::to_owned).collect()
}

fn what_is_left(state: &RunState, course: &Course, failed: &StepId) -> String {
    let mut left: Vec<String> = Vec::new();
    for stage in stages(state, course).iter().filter(|stage| !is_done(state, stage) && stage.step != *failed) {
        let name = format!("`{}`", stage.step);
        if !left.contains(&name) {
            left.push(name);
        }
    }
    let also = if left.is_empty() { String::new() } else { format!("; also not taken back: {}", left.join(", ")) };
    format!("step `{failed}` could not be taken back{also}")
}

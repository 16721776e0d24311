//! The laws of a whole run. Those of every moment are in `world`.

use crate::closing::closing_is_true;
use crate::script::{HandIn, Odds, Part, Script, number, scripts};
use crate::world::{Blow, Trace, World, play};
use proptest::prelude::*;
use runbook_model::*;
use std::collections::BTreeSet;

const SOUND: Odds = Odds { undo_fails: false, other_policies: false };
const MIXED: Odds = Odds { undo_fails: false, other_policies: true };
const ALL: Odds = Odds { undo_fails: true, other_policies: true };

fn blows() -> impl Strategy<Value = Vec<(usize, Blow)>> {
    let blow = prop_oneof![
        2 => Just(Blow::Drain),
        2 => Just(Blow::Cancel),
        2 => Just(Blow::Commit),
        4 => (0..4_usize).prop_map(Blow::Crash),
    ];
    prop::collection::vec((0..40_usize, blow), 0..4)
}

proptest! {
    #![proptest_config(test_rules::cases(400))]

    #[test]
    fn a_run_ends_with_a_verdict_that_is_true(script in scripts(ALL), blows in blows()) {
        let Some(world) = play(&script, &blows) else { return Ok(()) };
        verdict_is_true(&script, &world);
        way_back_is_in_order(&script, &world);
    }

    #[test]
    fn a_crash_or_a_drain_changes_nothing_about_the_end(
        script in scripts(ALL),
        at in 0..40_usize,
        blow in prop_oneof![Just(Blow::Drain), (0..4_usize).prop_map(Blow::Crash)],
    ) {
        same_end(&Script { parallel: 1, ..script }, &[(at, blow)]);
    }

    #[test]
    fn nor_does_it_where_steps_run_side_by_side(
        script in scripts(SOUND),
        blows in prop::collection::vec((0..40_usize, (0..4_usize).prop_map(Blow::Crash)), 1..4),
    ) {
        let Some(quiet) = play(&script, &[]) else { return Ok(()) };
        // Which failure comes first, and what has been changed by then, is a matter of time.
        if quiet.state.verdict() == Some(Verdict::Succeeded) {
            same_end(&script, &blows);
        }
    }

    #[test]
    fn what_was_not_taken_back_can_be_taken_back(script in scripts(ALL), blows in blows()) {
        let Some(mut world) = play(&script, &blows) else { return Ok(()) };
        world.repaired = true;
        let had_changed = world.state.may_have_touched() || world.state.verdict() == Some(Verdict::Stuck);
        if had_changed {
            world.reopen(true);
            prop_assert_eq!(world.state.verdict(), Some(Verdict::RolledBack), "{:#?}", world.state);
        }
        verdict_is_true(&script, &world);
        if !world.records().any(|record| matches!(&record.event, Event::UndoFinished { failure: Some(_), .. })) {
            way_back_is_in_order(&script, &world);
        }
    }

    #[test]
    fn an_open_run_can_be_taken_back_from_anywhere(script in scripts(MIXED), at in 0..40_usize) {
        let Some(mut world) = World::new(&script) else { return Ok(()) };
        world.repaired = true;
        world.feed(runbook_engine::Input::Begin);
        world.run(&[(at, Blow::Drain)]);
        if world.state.verdict().is_none() {
            world.reopen(true);
            prop_assert_eq!(world.state.verdict(), Some(Verdict::RolledBack));
        }
        verdict_is_true(&script, &world);
        way_back_is_in_order(&script, &world);
    }
}

fn same_end(script: &Script, blows: &[(usize, Blow)]) {
    // Somebody who is gone makes the end another one.
    if script.handed.is_some_and(|handed| handed.comes == HandIn::Once) {
        return;
    }
    let Some(quiet) = play(script, &[]) else { return };
    let struck = play(script, blows).unwrap();
    assert_eq!(struck.state.verdict(), quiet.state.verdict(), "{:#?}\n{:#?}", struck.state, quiet.state);
    assert_eq!(struck.traces, quiet.traces);
}

/// A commit keeps what holds, its absence takes it back, and one of both is on record.
fn hold_is_true(script: &Script, world: &World<'_>) {
    let has = |wanted: fn(&Event) -> bool| world.records().filter(|record| wanted(&record.event)).count();
    let held = has(|event| matches!(event, Event::RunHeld { .. }));
    let commits = has(|event| matches!(event, Event::RunCommitted { .. }));
    let silences = has(|event| matches!(event, Event::RollbackStarted { cause: RollbackCause::NotCommitted }));
    assert!(held <= 1 && commits <= held && commits + silences <= held, "{held} held, {commits} + {silences}");
    let succeeded = world.state.verdict() == Some(Verdict::Succeeded);
    let holds = script.hold.is_some() && world.state.has_acted();
    assert!(!(succeeded && holds) || commits == 1, "it is kept, and nobody committed it");
    assert!(holds || held == 0, "it holds nothing");
    assert!(commits == 0 || !matches!(world.state.rollback, Some(RollbackCause::Cancelled)), "a commit was taken back");
    assert_eq!(world.state, RunState::replay(world.records()).unwrap(), "live and read again");
}

/// A secret that never comes stops the run before the first change, and what is asked for is never silently gone without.
fn secrets_are_true(script: &Script, world: &World<'_>) {
    let Some(handed) = script.handed else { return };
    let uses = |(at, step): (usize, &crate::script::Step)| step.needed && handed.users & (1 << at) != 0;
    if handed.comes == HandIn::Never && script.steps.iter().enumerate().any(uses) {
        assert!(!world.state.has_acted(), "something was changed without a secret");
        // Taken back, where somebody asked for that.
        assert!(matches!(world.state.verdict(), Some(Verdict::Refused | Verdict::RolledBack)), "{:#?}", world.state);
    }
}

/// What the run says of the host is so.
pub(crate) fn verdict_is_true(script: &Script, world: &World<'_>) {
    closing_is_true(script, world);
    hold_is_true(script, world);
    secrets_are_true(script, world);
    let state = &world.state;
    let lets_pass = |step: &StepId| script.step(step).on_failure == OnFailure::Continue;
    match state.verdict().unwrap() {
        Verdict::Succeeded => {
            for (step, known) in state.steps() {
                let passed =
                    matches!(known.status, StepStatus::FailedUntouched | StepStatus::Undone) && lets_pass(step);
                assert!(known.status.satisfies() || passed, "{step} is {:?}", known.status);
                let wanted = (known.status == StepStatus::Changed).then_some(Trace::Whole);
                assert_eq!(world.traces.get(&number(step)).copied(), wanted, "{step}");
            }
            assert!(state.rollback.is_none());
            needs_are_met(script, world);
        }
        Verdict::RolledBack => {
            assert!(world.traces.is_empty(), "left: {:?}", world.traces);
            let green = |known: &StepState| known.lost.is_empty() && known.unread.is_empty();
            assert!(state.states().iter().all(green), "a signal is lost, or cannot be read");
            assert!(state.steps().all(|(_, known)| !known.status.may_have_touched()), "{state:#?}");
        }
        Verdict::Accepted => {
            assert_eq!(script.answer, Some(Decision::Keep), "no run says of itself that a person closed it");
            let failed = |(step, known): &(&StepId, &StepState)| known.failure.is_some() && !lets_pass(step);
            for (step, known) in state.steps().filter(failed) {
                assert!(known.is_kept(), "{step} failed, and nobody answers for that");
            }
            assert!(state.steps().any(|(_, known)| known.is_kept()) && state.rollback.is_none());
        }
        Verdict::Refused => assert!(world.traces.is_empty() && !state.has_acted(), "{state:#?}"),
        Verdict::Stopped => {
            let is_undo = |record: &&Record| matches!(record.event, Event::UndoStarted { .. });
            for undo in world.records().filter(is_undo) {
                assert!(lets_pass(undo.event.moves().unwrap()), "a stop took something back");
            }
        }
        Verdict::Stuck => {
            let failed = state.steps().any(|(_, known)| known.status == StepStatus::UndoFailed);
            let gone = |known: &StepState| !known.lost.is_empty() || !known.unread.is_empty();
            assert!(failed || state.states().iter().any(gone));
        }
    }
}

/// A step that the plan says needs another did not run where that one failed, directly or not.
fn needs_are_met(script: &Script, world: &World<'_>) {
    let mut missing = BTreeSet::new();
    for (at, (_, known)) in world.state.steps().enumerate() {
        if script.steps[at].needs.iter().any(|on| missing.contains(on)) {
            assert_eq!(known.status, StepStatus::Skipped, "s{at} ran without what it needs");
            // A step that nothing needs would have done nothing for those after it.
            missing.extend(script.steps[at].needed.then_some(at));
        } else if known.failure.is_some() {
            missing.insert(at);
        }
    }
}

/// Reverse order of intents, restarts in two halves, state before the first service, each part once.
pub(crate) fn way_back_is_in_order(script: &Script, world: &World<'_>) {
    let is_restart = |step: &StepId| matches!(script.step(step).part, Part::Restart(_));
    let intent = |step: &StepId| world.state.step(step).and_then(|known| known.intent_seq);
    let mut undone: Vec<(&StepId, UndoPhase)> = Vec::new();
    let mut back = false;
    for record in world.records() {
        match &record.event {
            Event::RollbackStarted { .. } => back = true,
            Event::UndoFinished { step, phase, failure: None, .. } if back => undone.push((step, *phase)),
            _ => {}
        }
    }
    let main = undone.iter().position(|(_, phase)| *phase == UndoPhase::Insurance).unwrap_or(undone.len());
    // Services that are brought down for the insurance come right before it.
    let first_pass: Vec<_> = {
        let mut seen = BTreeSet::new();
        undone[..main]
            .iter()
            .filter(|part| seen.insert(format!("{part:?}")))
            .take_while(|(step, phase)| *phase == UndoPhase::Undo || is_restart(step))
            .copied()
            .collect()
    };
    let descending: Vec<_> = first_pass
        .iter()
        .filter(|(step, phase)| intent(step).is_some() && is_restart(step) == (*phase == UndoPhase::Halt))
        .map(|(step, _)| intent(step))
        .collect();
    assert!(descending.is_sorted_by(|a, b| a > b), "not in reverse order: {undone:?}");
    let place =
        |wanted: &dyn Fn(&StepId, UndoPhase) -> bool| first_pass.iter().position(|(step, phase)| wanted(step, *phase));
    let first_up = place(&|step, phase| {
        phase == UndoPhase::Undo && matches!(script.step(step).part, Part::Stop(_) | Part::Restart(_))
    });
    let restored = first_pass.iter().rposition(|(step, _)| intent(step).is_none());
    assert!(first_up.is_none() || restored.is_none_or(|at| Some(at) < first_up), "state after a service: {undone:?}");
    let up = place(&|step, phase| phase == UndoPhase::Undo && is_restart(step));
    let last_below = first_pass.iter().rposition(|(step, phase)| !is_restart(step) && *phase == UndoPhase::Undo);
    assert!(up.is_none() || last_below.is_none_or(|at| Some(at) < up), "a service is up too early: {undone:?}");
    // State is restored with the services down once more; that may fail before anything of it is on record.
    let insures = main < undone.len() || world.state.steps().any(|(_, known)| !known.lost.is_empty());
    let again = usize::from(insures);
    for part in &undone {
        let times = undone.iter().filter(|other| *other == part).count();
        assert!(times <= 1 + again, "{part:?} {times} times: {undone:?}");
    }
    if intent_is_empty(world) {
        assert!(undone.is_empty(), "nothing was changed, and yet {undone:?} was put back");
    }
}

fn intent_is_empty(world: &World<'_>) -> bool {
    world.state.steps().all(|(_, known)| known.intent_seq.is_none())
}

#[test]
fn the_simulator_meets_every_verdict() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut met: Vec<Verdict> = Vec::new();
    for _ in 0..900 {
        let script = scripts(ALL).new_tree(&mut runner).unwrap().current();
        let verdict = play(&script, &[]).and_then(|world| world.state.verdict());
        met.extend(verdict.filter(|verdict| !met.contains(verdict)));
    }
    assert_eq!(met.len(), 5, "{met:?}");
}

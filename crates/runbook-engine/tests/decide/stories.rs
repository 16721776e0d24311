//! Single cases that once went wrong, by hand.

use crate::laws::{verdict_is_true, way_back_is_in_order};
use crate::script::{Fate, Lost, Part, Script, id, step};
use crate::world::{Blow, World, play};
use runbook_engine::Input;
use runbook_model::{Decision, Event, FailureKind, OnFailure, Record, StepStatus, UndoPhase, Verdict};

const FAILS: &[Fate] = &[Fate::HalfDone(FailureKind::Failed)];

fn plays<'a>(script: &'a Script, blows: &[(usize, Blow)], wanted: Verdict) -> World<'a> {
    let world = play(script, blows).unwrap();
    assert_eq!(world.state.verdict(), Some(wanted), "{:#?}", world.state);
    verdict_is_true(script, &world);
    way_back_is_in_order(script, &world);
    world
}

fn everywhere(script: &Script, blow: Blow, wanted: Verdict) {
    for at in 0..20 {
        plays(script, &[(at, blow)], wanted);
    }
}

/// What nobody can tell is asked about, and the answer is what happens, wherever the run was cut short.
#[test]
fn a_person_decides_what_the_evidence_does_not() {
    for (answer, wanted) in [
        (Decision::Keep, Verdict::Accepted),
        (Decision::RollBack, Verdict::RolledBack),
        (Decision::ReadAgain, Verdict::RolledBack),
    ] {
        let unproven = step(Part::Verify(Lost::Never)).fates(&[Fate::HalfDone(FailureKind::Inconclusive)]).needs(&[0]);
        let mut script = Script::of([step(Part::Change), unproven]);
        script.answer = Some(answer);
        for blow in [Blow::Crash(0), Blow::Crash(3), Blow::Drain] {
            everywhere(&script, blow, wanted);
        }
        let asked = |record: &&Record| matches!(record.event, Event::DecisionAsked { .. });
        let times = plays(&script, &[], wanted).records().filter(asked).count();
        assert_eq!(times, if answer == Decision::ReadAgain { 2 } else { 1 });
    }
}

/// Accepting what was not proven accepts nothing else.
#[test]
fn a_kept_change_is_taken_back_for_another_failure() {
    let unproven = || step(Part::Verify(Lost::Never)).fates(&[Fate::HalfDone(FailureKind::Inconclusive)]).needs(&[0]);
    let fails = step(Part::Verify(Lost::Never)).fates(FAILS).needs(&[0]);
    let mut script = Script::of([step(Part::Change), unproven(), fails]);
    (script.answer, script.parallel) = (Some(Decision::Keep), 2);
    for chance in 0..4 {
        script.chance = vec![chance];
        plays(&script, &[], Verdict::RolledBack);
    }
}

/// Two verifications that prove nothing are two questions: an answer to one is none to the other, wherever the run was cut
/// short, and nothing begins behind what is kept.
#[test]
fn each_of_two_questions_has_its_own_answer() {
    let unproven = || step(Part::Verify(Lost::Never)).fates(&[Fate::HalfDone(FailureKind::Inconclusive)]).needs(&[0]);
    let behind = step(Part::Change).path(1).needs(&[1, 2]);
    let mut script = Script::of([step(Part::Change), unproven(), unproven(), behind]);
    script.parallel = 2;
    for (answer, wanted) in [(Decision::Keep, Verdict::Accepted), (Decision::RollBack, Verdict::RolledBack)] {
        script.answer = Some(answer);
        for chance in [vec![0], vec![1], vec![0, 1], vec![0, 0, 1]] {
            script.chance = chance;
            for (at, blow) in (0..14).flat_map(|at| [(at, Blow::Crash(0)), (at, Blow::Crash(3)), (at, Blow::Drain)]) {
                let world = plays(&script, &[(at, blow)], wanted);
                let kept = world.state.states().iter().filter(|known| known.is_kept()).count();
                assert_eq!(kept, if answer == Decision::Keep { 2 } else { 0 }, "{blow:?} at {at}: {:#?}", world.state);
            }
        }
    }
}

/// A cancel drains first; the rollback that it leads to must not stop at that.
#[test]
fn a_cancel_is_rolled_back_at_once() {
    let script = Script::of([step(Part::Change), step(Part::Change).path(1)]);
    let mut world = World::new(&script).unwrap();
    world.feed(Input::Begin);
    world.run(&[(3, Blow::Cancel)]);
    assert_eq!(world.state.verdict(), Some(Verdict::RolledBack));
    verdict_is_true(&script, &world);
}

/// The undo of a failure that the plan lets pass is gone on with after a crash, and is part of the end.
#[test]
fn a_crash_in_the_undo_of_a_failure_that_passes() {
    let fails = step(Part::Change).fates(FAILS).on_failure(OnFailure::Continue);
    let script = Script::of([fails, step(Part::Change), step(Part::Change).path(1)]);
    for blow in [Blow::Crash(0), Blow::Crash(3), Blow::Drain] {
        everywhere(&script, blow, Verdict::Succeeded);
    }
}

/// Such a restart is whole again; a later rollback must not bring its service down and leave it so.
#[test]
fn a_restart_that_was_undone_on_the_way_is_not_halted_again() {
    let fails = step(Part::Restart(0)).fates(FAILS).on_failure(OnFailure::Continue);
    let script = Script::of([fails, step(Part::Change).path(1), step(Part::Change).path(2).fates(FAILS).needs(&[1])]);
    let world = plays(&script, &[], Verdict::RolledBack);
    assert_eq!(world.state.step(&id(0)).unwrap().undone, [UndoPhase::Undo]);
}

/// What needs a step that was skipped for a failure has no ground to stand on either.
#[test]
fn a_failure_that_passes_is_passed_on_to_all_that_need_it() {
    let fails = step(Part::Change).fates(FAILS).on_failure(OnFailure::Continue);
    let change = |path| step(Part::Change).path(path);
    let script = Script::of([fails, change(1).needs(&[0]), change(2).needs(&[1]), change(3)]);
    let world = plays(&script, &[], Verdict::Succeeded);
    let statuses: Vec<_> = world.state.steps().map(|(_, known)| known.status).collect();
    assert_eq!(statuses, [StepStatus::Undone, StepStatus::Skipped, StepStatus::Skipped, StepStatus::Changed]);
}

/// With one step at a time, an undo on the way forward counts as one.
#[test]
fn an_undo_on_the_way_forward_takes_its_turn() {
    let fails = step(Part::Change).fates(FAILS).on_failure(OnFailure::Continue);
    plays(&Script::of([fails, step(Part::Change).path(1)]), &[], Verdict::Succeeded);
}

/// Steps that were under way when another failed and `runbook` crashed are not gone on with.
#[test]
fn nothing_acts_after_a_crash_in_a_run_that_has_failed() {
    let fails = step(Part::Change).fates(FAILS);
    let chance = vec![0, 1];
    let script = Script { parallel: 2, chance, ..Script::of([fails, step(Part::Change).path(1)]) };
    everywhere(&script, Blow::Crash(0), Verdict::RolledBack);
}

/// An attempt that is known to have failed leaves no doubt: a crash in the pause costs no attempt.
#[test]
fn a_crash_in_the_pause_before_another_attempt() {
    let script = Script::of([step(Part::Change).fates(&[FAILS[0], FAILS[0], Fate::Well])]);
    for blow in [Blow::Crash(0), Blow::Drain] {
        everywhere(&script, blow, Verdict::Succeeded);
    }
}

/// When the last step ends while the run is drained there is nothing to leave open.
#[test]
fn a_drained_run_with_nothing_left_is_over() {
    let script = Script::of([step(Part::Change)]);
    let mut world = World::new(&script).unwrap();
    world.feed(Input::Begin);
    world.run(&[(2, Blow::Drain)]);
    assert_eq!(world.state.verdict(), Some(Verdict::Succeeded));
}

/// `stop` is kept, also where another step that failed beside it asks for a rollback.
#[test]
fn a_stop_wins_over_a_rollback() {
    let fails = |path| step(Part::Change).path(path).fates(FAILS);
    let steps = [fails(0), fails(1).on_failure(OnFailure::Stop)];
    plays(&Script { parallel: 2, ..Script::of(steps) }, &[], Verdict::Stopped);
}

/// State is put back where something was changed, and only there.
#[test]
fn a_backup_alone_is_nothing_to_take_back() {
    let backup = step(Part::Backup { always: true, if_needed: true });
    let script = Script::of([backup, step(Part::Change).needs(&[0])]);
    let mut world = World::new(&script).unwrap();
    world.feed(Input::Begin);
    world.run(&[(2, Blow::Drain)]);
    assert_eq!(world.state.verdict(), None);
    world.reopen(true);
    assert_eq!(world.state.verdict(), Some(Verdict::RolledBack));
    way_back_is_in_order(&script, &world);
}

/// A rollback that is tried again does not stop at the undo that failed before its turn, and reads the signals anew.
#[test]
fn a_stuck_run_is_taken_back_in_one_go() {
    let passes = step(Part::Change).fates(FAILS).on_failure(OnFailure::Continue).undo_fails();
    let undo_failed = Script::of([step(Part::Change).path(1), passes.needs(&[0])]);
    let late = Script {
        parallel: 2,
        chance: vec![1, 0],
        ..Script::of([
            step(Part::Change).fates(FAILS).on_failure(OnFailure::Continue).undo_fails(),
            step(Part::Change).path(1),
            step(Part::Change).path(2),
        ])
    };
    let lost = Script::of([step(Part::Change), step(Part::Verify(Lost::Always)), step(Part::Change).fates(FAILS)]);
    for script in [undo_failed, late, lost] {
        let mut world = plays(&script, &[], Verdict::Stuck);
        world.repaired = true;
        world.reopen(true);
        assert_eq!(world.state.verdict(), Some(Verdict::RolledBack), "{:#?}", world.state);
        let last = world.records().filter(|record| matches!(record.event, Event::RunResumed { .. })).count();
        assert_eq!(last, 1);
    }
}

/// A backup that was made after a change holds that change: it is put back first, and never as insurance.
#[test]
fn the_state_before_the_run_has_the_last_word() {
    let backup = || step(Part::Backup { always: true, if_needed: true });
    let script = Script::of([
        backup(),
        step(Part::Change).needs(&[0]),
        step(Part::Restart(0)).needs(&[1]),
        backup().needs(&[2]),
        step(Part::Verify(Lost::UntilInsured)).needs(&[3]),
        step(Part::Change).path(1).needs(&[4]).fates(FAILS),
    ]);
    let world = plays(&script, &[], Verdict::RolledBack);
    let back = world.records().filter_map(|record| match &record.event {
        Event::UndoFinished { step, phase, .. } => Some(format!("{phase:?} {step}")),
        _ => None,
    });
    assert_eq!(
        back.collect::<Vec<_>>().join(", "),
        "Undo s5, Halt s2, Undo s3, Undo s1, Undo s0, Undo s2, Halt s2, Insurance s0, Undo s2"
    );
}

/// The whole way back: halves of restarts, state before services, insurance with the services down once more.
#[test]
fn the_way_back_of_a_plan_with_everything() {
    let backup = step(Part::Backup { always: true, if_needed: true });
    let script = Script::of([
        backup,
        step(Part::Stop(0)).needs(&[0]),
        step(Part::Change).needs(&[1]),
        step(Part::Start(0)).needs(&[2]),
        step(Part::Restart(1)).needs(&[3]),
        step(Part::Verify(Lost::UntilInsured)).needs(&[4]),
        step(Part::Change).path(1).needs(&[5]).fates(FAILS),
    ]);
    let world = plays(&script, &[], Verdict::RolledBack);
    let back = world.records().filter_map(|record| match &record.event {
        Event::UndoFinished { step, phase, .. } => Some(format!("{phase:?} {step}")),
        Event::RollbackVerified { lost, .. } => Some(format!("lost {}", lost.len())),
        _ => None,
    });
    assert_eq!(
        back.collect::<Vec<_>>().join(", "),
        "Undo s6, Halt s4, Undo s3, Undo s2, Undo s0, Undo s1, Undo s4, lost 1, \
         Halt s4, Halt s1, Insurance s0, Undo s1, Undo s4, lost 0"
    );
    for blow in [Blow::Crash(0), Blow::Crash(3), Blow::Drain] {
        for at in 0..30 {
            plays(&script, &[(at, blow)], Verdict::RolledBack);
        }
    }
}

/// A later backup that is put back as insurance lies above what an earlier one put back before: that is read, and named.
#[test]
fn insurance_from_a_later_backup_is_told() {
    let backup = |always| step(Part::Backup { always, if_needed: !always });
    let verify = step(Part::Verify(Lost::UntilInsured)).fates(FAILS);
    let change = || step(Part::Change).path(1);
    let mut script = Script::of([backup(true), change(), backup(false).needs(&[1]), change().needs(&[2]), verify]);
    let mut kept = 0;
    for chance in 0..8_u8 {
        script.chance = (0..16).map(|at| (chance >> (at % 3)) & 1).collect();
        let world = plays(&script, &[], Verdict::RolledBack);
        kept += usize::from(!runbook_model::Closing::of(&world.state).remains.is_empty());
    }
    assert!(kept > 0, "no chance left a difference");
}

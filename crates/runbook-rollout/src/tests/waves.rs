//! How a rollout becomes waves, and a part of it.

use super::script::{artifact, host_name, stage_name};
use super::stories::two_hosts;
use super::world::play;
use crate::{NarrowError, Target, TargetVerdict, Waves, WavesError};
use runbook_model::{Amount, Rollout};
use std::collections::BTreeSet;

fn target(stage: usize, host: usize) -> Target {
    Target { stage: stage_name(stage), host: host_name(host) }
}

fn waves_of(rollout: &Rollout) -> Result<Waves, WavesError> {
    Waves::of(rollout, crate::Given::default())
}

#[test]
fn a_stage_goes_in_batches_and_the_last_size_repeats() {
    let mut rollout = two_hosts().rollout();
    rollout.stages[1].hosts.names = (0..8).map(host_name).collect();
    rollout.max_failed.wave = Amount::Percent(50);
    rollout.max_failed.rollout = Amount::Percent(25);
    for (batches, sizes) in [
        (vec![Amount::Count(1), Amount::Percent(25), Amount::Percent(100)], vec![1, 2, 5]),
        (vec![Amount::Percent(30)], vec![3, 3, 2]),
        (vec![Amount::Percent(0)], vec![1; 8]),
        (Vec::new(), vec![8]),
    ] {
        rollout.stages[1].batches = batches;
        let waves = waves_of(&rollout).unwrap();
        let found: Vec<usize> = waves.waves[1..].iter().map(|wave| wave.hosts.len()).collect();
        assert_eq!(found, sizes);
        let budgets: Vec<usize> = waves.waves[1..].iter().map(|wave| wave.max_failed).collect();
        assert_eq!(budgets, sizes.iter().map(|size| size / 2).collect::<Vec<_>>());
        // Of distinct hosts: the canary is one of the eight.
        assert_eq!((waves.max_failed, waves.waves[0].max_failed), (2, 0), "a canary has no budget");
        assert!(waves.waves.iter().enumerate().skip(1).all(|(at, wave)| wave.after == BTreeSet::from([at - 1])));
    }
}

#[test]
fn a_stage_without_a_canary_above_waits_for_all_that_do_not_wait_for_it() {
    let mut rollout = two_hosts().rollout();
    rollout.stages[1].needs.clear();
    assert_eq!(waves_of(&rollout).unwrap().waves[1].after, BTreeSet::from([0]));
    rollout.stages[0].needs = vec![(stage_name(1), Default::default())];
    let waves = waves_of(&rollout).unwrap();
    assert_eq!((&waves.waves[0].after, waves.waves[1].after.len()), (&BTreeSet::from([1]), 0));
    rollout.stages[1].needs = vec![(stage_name(0), Default::default())];
    assert_eq!(waves_of(&rollout), Err(WavesError::Cycle(stage_name(0))));
    rollout.stages[1].needs = vec![(stage_name(7), Default::default())];
    let missing = WavesError::NoSuchStage { stage: stage_name(1), needs: stage_name(7) };
    assert_eq!(waves_of(&rollout), Err(missing));
}

/// Two canaries that need a stage each, which has none above it by an exception.
#[test]
fn nothing_waits_for_itself() {
    let mut rollout = two_hosts().rollout();
    let stage = |at, canary, needs: Option<usize>| runbook_model::Stage {
        id: stage_name(at),
        canary,
        needs: needs.map(|needs| (stage_name(needs), Default::default())).into_iter().collect(),
        ..rollout.stages[0].clone()
    };
    let stages = vec![stage(0, false, None), stage(1, false, None), stage(2, true, Some(1)), stage(3, true, Some(0))];
    rollout.stages = stages;
    let waves = waves_of(&rollout).unwrap();
    for at in 0..4 {
        assert!(!waves.above(at).contains(&at), "{at} waits for itself: {:?}", waves.waves);
    }
    assert_eq!(waves.waves[0].after, BTreeSet::from([2]), "the canary that does not wait for it");
}

/// What an attempt on two hosts came to, where the second one ends like `ends`.
fn attempt(ends: super::script::Ends) -> (Waves, crate::RolloutState) {
    let mut script = two_hosts();
    script.scope = runbook_model::RollbackScope::Host;
    script.hosts[1].ends[1] = ends;
    let world = play(&script, None, None).unwrap();
    (world.waves.clone(), world.state().clone())
}

#[test]
fn a_limit_leaves_no_canary_out_that_nobody_proved() {
    let waves = two_hosts().waves();
    let only = |before| waves.clone().only(|one| *one == target(1, 1), before);
    let error = NarrowError::WithoutCanary { stage: stage_name(1), target: target(0, 0) };
    assert_eq!(only(None), Err(error.clone()));
    let (before, state) = attempt(super::script::Ends::RolledBack);
    let other = Waves { digest: "another text".to_owned(), ..before.clone() };
    assert_eq!(only(Some((&other, &state))), Err(error), "what was proven is another change");
    let narrow = only(Some((&before, &state))).unwrap();
    assert_eq!(narrow.targets().map(|(_, target)| target).collect::<Vec<_>>(), [target(1, 1)]);
    assert_eq!(waves.clone().only(|_| false, None), Err(NarrowError::Nothing));
}

#[test]
fn what_failed_is_tried_again_with_what_the_canary_gave() {
    let (before, state) = attempt(super::script::Ends::RolledBack);
    assert_eq!(state.verdict(&target(0, 0)), Some(TargetVerdict::Ok));
    let failed = |one: &Target| state.verdict(one).is_none_or(|verdict| !verdict.is_good());
    let waves = two_hosts().waves().only(failed, Some((&before, &state))).unwrap();
    let [proven] = waves.proven.as_slice() else { panic!("{:?}", waves.proven) };
    assert_eq!((&proven.from, Some(&proven.what)), (&target(0, 0), state.artifact(&before, &artifact(0))));
    // It is fetched from there, though nothing else is asked of that host, and given to whoever takes it.
    let script = two_hosts();
    let again = super::world::play_waves(&script, waves, None, None).map_err(|broken| broken.what);
    let again = again.unwrap_or_else(|what| panic!("{what}"));
    assert_eq!(again.state().verdict(&target(1, 1)), Some(TargetVerdict::Ok));
}

/// A canary gives to a stage whose hosts fail, and the plan of that stage is mended.
#[test]
fn a_canary_that_has_nothing_to_do_hands_on_what_it_proved_before() {
    let (before, state) = attempt(super::script::Ends::RolledBack);
    let plans =
        |edge: &str| [(target(0, 0), "canary".to_owned()), (target(1, 1), edge.to_owned())].into_iter().collect();
    let before = Waves { plans: plans("as it was"), ..before };
    let mut script = two_hosts();
    script.hosts[0].ends[0] = super::script::Ends::NothingToDo;
    let of = |attempt, plans| {
        script.attempt(crate::Given { digest: format!("text {attempt}"), attempt, plans, ..Default::default() })
    };
    let second = of(2, plans("mended")).after((&before, &state));
    let play = |waves| super::world::play_waves(&script, waves, None, None).unwrap_or_else(|_| panic!("a law"));
    let world = play(second.clone());
    let verdicts = [target(0, 0), target(1, 1)].map(|target| world.state().verdict(&target));
    assert_eq!(verdicts, [Some(TargetVerdict::NothingToDo), Some(TargetVerdict::Ok)]);
    // So does the attempt after that.
    let third = of(3, plans("mended again")).after((&second, world.state()));
    assert_eq!(
        (&third.proven, play(third.clone()).state().verdict(&target(1, 1))),
        (&second.proven, Some(TargetVerdict::Ok))
    );
    // Another plan proves another thing.
    let mut other: Vec<_> = plans("mended");
    other[0].1 = "another canary".to_owned();
    assert_eq!(of(2, other).after((&before, &state)).proven, []);
}

#[test]
fn a_part_of_a_rollout_has_a_part_of_its_budget() {
    let mut rollout = two_hosts().rollout();
    rollout.stages[1].hosts.names = (0..8).map(host_name).collect();
    rollout.max_failed.wave = Amount::Percent(50);
    rollout.max_failed.rollout = Amount::Percent(25);
    rollout.stages[1].batches = Vec::new();
    let waves = waves_of(&rollout).unwrap();
    assert_eq!((waves.max_failed, waves.waves[1].max_failed), (2, 4));
    let part = waves.only(|one| *one == target(0, 0) || *one == target(1, 1) || *one == target(1, 2), None).unwrap();
    assert_eq!((part.max_failed, part.waves[1].max_failed), (0, 1));
}

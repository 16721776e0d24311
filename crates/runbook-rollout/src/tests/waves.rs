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
    assert_eq!(waves_of(&rollout), Err(WavesError::Ring(stage_name(0))));
    rollout.stages[1].needs = vec![(stage_name(7), Default::default())];
    let missing = WavesError::NoSuchStage { stage: stage_name(1), needs: stage_name(7) };
    assert_eq!(waves_of(&rollout), Err(missing));
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
    let given = waves.proven.get(&artifact(0)).cloned();
    assert!(given.is_some() && given.as_ref() == state.artifact(&before, &artifact(0)), "{given:?}");
}

//! What a reader found, a case each.

use super::by_hand::{ByHand, target};
use super::script::{PERSON, Script, StageScript, host_name};
use super::stories::two_hosts;
use crate::{
    Approve, Came, How, Judged, Order, RolloutEvent as E, StopCause, Target, TargetStatus, TargetVerdict as V, Told,
    evidence,
};
use runbook_model::RollbackScope;

/// Stages with these hosts, as bits; each needs the first one, which is a canary.
pub(super) fn script(stages: &[usize]) -> Script {
    let one = two_hosts();
    let stage =
        |hosts: &usize| StageScript { hosts: *hosts, gives: false, takes: None, batch: 9, ..one.stages[0].clone() };
    let hosts = stages.iter().fold(0, |all, hosts| all | hosts);
    let count = (usize::BITS - hosts.leading_zeros()) as usize;
    Script {
        hosts: vec![one.hosts[0].clone(); count],
        stages: stages.iter().map(stage).collect(),
        estate: 9,
        confirm: false,
        ..one
    }
}

fn ready(script: &Script) -> ByHand {
    ByHand::of(script.waves()).ready()
}

fn approve(of: &mut ByHand, wave: usize) -> Vec<E> {
    let evidence = evidence(&of.state, &of.waves, wave);
    of.comes(Came::Told(Told::Approve(Approve { rollout: "now".to_owned(), wave, evidence, by: PERSON.to_owned() })))
}

/// A canary, and a stage of two batches that asks a person.
fn gated(first: Judged) -> ByHand {
    let mut script = script(&[1, 6]);
    (script.stages[1].approve, script.stages[1].batch) = (true, 1);
    let mut all = ByHand::of(script.waves());
    all.judged.insert(target(1, 1), first);
    all.ready()
}

#[test]
fn a_stage_asks_before_its_first_host_that_has_something_to_do() {
    let mut all = gated(Judged::NothingToDo);
    all.ends(&target(0, 0), V::Ok);
    assert!(!all.has_begun(&target(1, 2)), "nobody approved");
    approve(&mut all, 2);
    assert!(all.has_begun(&target(1, 2)));
}

#[test]
fn a_stage_asks_once() {
    let mut all = gated(Judged::Change);
    all.ends(&target(0, 0), V::Ok);
    assert!(!all.has_begun(&target(1, 1)), "nobody approved");
    approve(&mut all, 1);
    all.ends(&target(1, 1), V::Ok);
    all.settle();
    assert!(all.has_begun(&target(1, 2)), "the stage was approved");
}

#[test]
fn a_host_is_not_to_be_kept_while_a_run_of_the_rollout_is_at_work_there() {
    let mut all = ready(&script(&[1, 3]));
    for came in [Came::Back(host_name(0)), Came::TakeOver(Default::default())] {
        all.comes(came);
        assert!(all.has_begun(&target(0, 0)) && !all.is_kept_asked(&host_name(0)), "{:?}", all.sent);
    }
    all.comes(Came::NotReserved { host: host_name(0), request: 0, holder: "the run of s0".to_owned() });
    assert_eq!(all.state.stopped, None, "what was asked before its begin");
}

#[test]
fn a_host_is_kept_again_for_the_next_stage() {
    let mut all = ready(&script(&[1, 1]));
    all.ends(&target(0, 0), V::Ok);
    assert!(all.is_kept_asked(&host_name(0)), "the run took the reservation with it");
    assert!(!all.has_begun(&target(1, 0)), "it is not kept yet");
    all.settle();
    assert!(all.has_begun(&target(1, 0)));
}

#[test]
fn who_goes_on_begins_nothing_before_the_host_is_kept() {
    let mut all = ready(&script(&[1, 2]));
    all.comes(Came::Told(Told::Drain { by: PERSON.to_owned() }));
    all.ends(&target(0, 0), V::Ok);
    all.now += 400_000_000;
    all.comes(Came::TakeOver(Default::default()));
    assert!(!all.has_begun(&target(1, 1)) && all.is_kept_asked(&host_name(1)), "{:?}", all.sent);
    all.settle();
    assert!(all.has_begun(&target(1, 1)));
}

#[test]
fn a_reservation_is_made_longer_before_its_end() {
    let mut script = script(&[1, 2]);
    script.stages[0].soak_ms = Some(4 * 3_600_000);
    let mut all = ready(&script);
    all.ends(&target(0, 0), V::Ok);
    all.waits(50 * 60_000);
    assert!(all.is_kept_asked(&host_name(1)), "{:?}", all.sent);
    all.settle();
    all.waits(9 * 60_000);
    assert_eq!(all.state.verdict(&target(1, 1)), None, "it answered");
}

/// A canary and two hosts of a stage; what is left goes back.
fn failing(scope: RollbackScope, how: How) -> ByHand {
    let mut script = script(&[1, 6]);
    (script.scope, script.stages[1].batch) = (scope, 9);
    let mut all = ready(&script);
    all.ends(&target(0, 0), V::Ok);
    all.ends(&target(1, 1), V::Failed(how));
    all.ends(&target(1, 2), V::Ok);
    all
}

#[test]
fn what_stopped_and_was_accepted_is_changed_and_goes_back_with_the_rollout() {
    for how in [How::Stopped, How::Accepted] {
        let mut all = failing(RollbackScope::Promoted, how);
        while let Some(target) = backs(&all).into_iter().next() {
            all.comes(Came::TookBack { target, whole: true });
        }
        let told = all.records.iter().filter_map(|record| match &record.event {
            E::BackIntended { target } => Some(target.clone()),
            _ => None,
        });
        let back: Vec<Target> = told.collect();
        assert_eq!(back, [target(1, 2), target(1, 1), target(0, 0)], "{how:?}");
        assert_eq!(all.state.verdict(&target(1, 1)), Some(V::Failed(how)), "what was counted stays counted");
        let mut all = failing(RollbackScope::Host, how);
        assert_eq!(backs(&all), []);
        all.comes(Came::Told(Told::RollBack { by: PERSON.to_owned() }));
        all.comes(Came::TookBack { target: target(1, 2), whole: true });
        assert_eq!(all.state.target(&target(1, 1)).status, TargetStatus::GoingBack(V::Failed(how)));
    }
}

#[test]
fn what_fails_after_nobody_approved_is_taken_back_by_its_scope() {
    let mut script = script(&[1, 2, 4]);
    (script.scope, script.stages[1].approve) = (RollbackScope::Promoted, true);
    let mut all = ready(&script);
    all.ends(&target(0, 0), V::Ok);
    assert!(all.has_begun(&target(2, 2)));
    // The host of the other stage is at work for as long as it may be.
    all.waves.host_deadline *= 100;
    all.waits(3_700_000);
    assert_eq!(all.state.stopped, Some(StopCause::NotApproved { wave: 1 }));
    all.ends(&target(2, 2), V::Failed(How::RolledBack));
    assert_eq!(all.state.target(&target(0, 0)).status, TargetStatus::GoingBack(V::Ok));
}

fn backs(all: &ByHand) -> Vec<Target> {
    let asked = all.asked().into_iter().filter_map(|order| match order {
        Order::RollBack { target, .. } => Some(target),
        _ => None,
    });
    asked.collect()
}

/// A host that took two stages, and another one that fails behind them.
fn twice() -> ByHand {
    let mut script = script(&[1, 1, 2]);
    (script.scope, script.stages[2].needs) = (RollbackScope::Promoted, 2);
    let mut all = ready(&script);
    for stage in [0, 1] {
        all.ends(&target(stage, 0), V::Ok);
        all.settle();
    }
    all
}

#[test]
fn on_one_host_the_newest_goes_back_first_whatever_is_owed() {
    let mut all = twice();
    all.ends(&target(2, 1), V::Failed(How::RolledBack));
    assert_eq!(backs(&all), [target(1, 0)]);
    all.waits(10_000_000);
    assert!(all.state.finished);
    assert_eq!(backs(&all), [target(1, 0)], "the older one is under it");
    for stage in [0, 1] {
        assert!(all.state.verdict(&target(stage, 0)).is_some_and(|verdict| !verdict.is_good()), "{stage} is owed");
    }
    all.comes(Came::TakeOver(Default::default()));
    assert_eq!(backs(&all), [target(1, 0)]);
    all.comes(Came::TookBack { target: target(1, 0), whole: true });
    assert_eq!(backs(&all), [target(0, 0)]);
    all.comes(Came::TookBack { target: target(0, 0), whole: true });
    assert!([0, 1].iter().all(|stage| all.state.verdict(&target(*stage, 0)) == Some(V::TakenBack)));
}

#[test]
fn nothing_goes_back_under_a_run_that_is_lost() {
    let mut script = script(&[1, 1]);
    script.scope = RollbackScope::Promoted;
    let mut all = ready(&script);
    all.ends(&target(0, 0), V::Ok);
    all.settle();
    assert!(all.has_begun(&target(1, 0)));
    all.waits(10_000_000);
    assert_eq!(all.state.target(&target(1, 0)).status, TargetStatus::Lost);
    assert_eq!(backs(&all), []);
    all.ends(&target(1, 0), V::Failed(How::RolledBack));
    assert_eq!(backs(&all), [target(0, 0)]);
}

#[test]
fn after_the_last_wave_only_what_was_lost_goes_back() {
    for (verdict, back) in [(V::Ok, vec![target(1, 1)]), (V::Stuck, vec![])] {
        let mut script = script(&[1, 2]);
        let one = runbook_model::Amount::Count(1);
        (script.scope, script.max_failed) = (RollbackScope::Promoted, (one, one));
        let mut all = ready(&script);
        all.ends(&target(0, 0), V::Ok);
        all.waits(10_000_000);
        assert!(all.state.finished && all.state.stopped.is_none());
        all.comes(Came::TakeOver(Default::default()));
        all.ends(&target(1, 1), verdict);
        assert_eq!(backs(&all), back, "{verdict:?}");
        assert_eq!(all.state.verdict(&target(0, 0)), Some(V::Ok));
    }
}

#[test]
fn a_run_that_its_host_forgot_is_no_run_that_changed_nothing() {
    let mut all = ready(&script(&[1]));
    all.comes(Came::Begun(target(0, 0)));
    all.comes(Came::NotThere(target(0, 0)));
    assert_eq!(all.state.verdict(&target(0, 0)), Some(V::Failed(How::Forgotten)));
}

#[test]
fn who_drains_begins_nothing_again_and_does_not_wait_for_ever() {
    let mut all = ready(&script(&[1]));
    all.comes(Came::Told(Told::Drain { by: PERSON.to_owned() }));
    all.comes(Came::Back(host_name(0)));
    assert_eq!(all.sent, []);
    all.waits(400_000);
    assert_eq!(all.left, Some(crate::WhyLeave::Drained));
    all.comes(Came::TakeOver(Default::default()));
    assert!(matches!(all.sent.as_slice(), [Order::Begin { .. }]), "{:?}", all.sent);
}

#[test]
fn who_goes_on_has_the_whole_time_for_an_approval() {
    let mut all = gated(Judged::Change);
    all.ends(&target(0, 0), V::Ok);
    all.comes(Came::Told(Told::Drain { by: PERSON.to_owned() }));
    all.now += 400_000_000;
    all.comes(Came::TakeOver(Default::default()));
    assert_eq!(all.state.stopped, None);
    all.settle();
    approve(&mut all, 1);
    assert!(all.has_begun(&target(1, 1)));
}

#[test]
fn a_second_stage_is_judged_when_the_first_has_changed_its_host() {
    let mut all = ByHand::of(script(&[1, 1]).waves());
    all.judged.insert(target(1, 0), Judged::NothingToDo);
    let mut all = all.ready();
    assert_eq!(all.state.verdict(&target(1, 0)), None, "its host is not changed yet");
    all.judged.clear();
    all.ends(&target(0, 0), V::Ok);
    all.settle();
    assert!(all.has_begun(&target(1, 0)));
}

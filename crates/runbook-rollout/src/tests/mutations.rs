//! `decide`, broken on purpose: each law is broken once, and found.

use super::laws::told;
use super::script::{Script, scripts};
use super::world::{DATE, play};
use crate::{
    Action, Came, Input, Now, Order, Reservation, RolloutEvent, RolloutState, StopCause, TargetStatus, TargetVerdict,
    Told, Waves, decide, evidence,
};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use runbook_model::{Promote, RollbackScope};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    WavesAreNotAwaited,
    CanaryHasABudget,
    RunOfTheController,
    NoLimits,
    NoLimitOfAJump,
    TargetsAreCounted,
    AnyPlatform,
    AnotherDigest,
    StopIsForgotten,
    OldestFirst,
    ScopeIsTooWide,
    StopsAtTheFirstStuck,
    LiveKnowsMore,
    NoDeadlines,
    FailureMakesRoom,
    DeadlinesByDate,
    AnyEvidence,
    SupersededIsNotHeard,
    OnlyTheFirstWaveAsks,
}

/// Each with the law that it breaks.
const ALL: [(Mutation, u8); 19] = [
    (Mutation::WavesAreNotAwaited, 1),
    (Mutation::CanaryHasABudget, 2),
    (Mutation::RunOfTheController, 3),
    (Mutation::NoLimits, 4),
    (Mutation::NoLimitOfAJump, 4),
    (Mutation::TargetsAreCounted, 5),
    (Mutation::AnyPlatform, 6),
    (Mutation::AnotherDigest, 6),
    (Mutation::StopIsForgotten, 7),
    (Mutation::OldestFirst, 8),
    (Mutation::ScopeIsTooWide, 8),
    (Mutation::StopsAtTheFirstStuck, 8),
    (Mutation::LiveKnowsMore, 9),
    (Mutation::NoDeadlines, 10),
    (Mutation::FailureMakesRoom, 11),
    (Mutation::DeadlinesByDate, 12),
    (Mutation::AnyEvidence, 13),
    (Mutation::SupersededIsNotHeard, 14),
    (Mutation::OnlyTheFirstWaveAsks, 13),
];

impl Mutation {
    /// `decide`, broken.
    pub(super) fn decide(mutation: Option<Self>, state: &RolloutState, waves: &Waves, input: &Input) -> Vec<Action> {
        let Some(mutation) = mutation else { return decide(state, waves, input) };
        let (mut state, mut waves, mut input) = (state.clone(), waves.clone(), input.clone());
        input.now = Self::clock(Some(mutation), input.now, &state);
        mutation.before(&mut state, &mut waves, &mut input);
        let actions = decide(&state, &waves, &input);
        mutation.behind(&state, &waves, actions)
    }

    pub(super) fn clock(mutation: Option<Self>, now: Now, state: &RolloutState) -> Now {
        match mutation {
            Some(Self::NoDeadlines) => Now { elapsed_ms: state.elapsed_ms, ..now },
            Some(Self::DeadlinesByDate) => Now { elapsed_ms: u64::try_from(now.date_ms - DATE).unwrap_or(0), ..now },
            _ => now,
        }
    }

    fn before(self, state: &mut RolloutState, waves: &mut Waves, input: &mut Input) {
        match self {
            Self::WavesAreNotAwaited => waves.waves.iter_mut().for_each(|wave| wave.after.clear()),
            Self::CanaryHasABudget => {
                waves.max_failed = 99;
                waves
                    .waves
                    .iter_mut()
                    .filter(|wave| wave.canary)
                    .for_each(|wave| (wave.canary, wave.max_failed) = (false, 99));
            }
            Self::OnlyTheFirstWaveAsks => {
                waves.waves.iter_mut().filter(|wave| wave.number > 0).for_each(|wave| wave.approve = None);
            }
            Self::NoLimits => waves.limits.estate = 99,
            Self::NoLimitOfAJump => waves.limits.per_jump = None,
            Self::AnyPlatform => {
                let takes = waves.waves.iter_mut().flat_map(|wave| wave.takes.values_mut());
                takes.for_each(|promote| *promote = Promote::Any);
            }
            Self::StopIsForgotten if state.stopped.is_some() => {
                state.stopped = None;
                (state.cancelling, state.back_asked, waves.max_failed) = (false, false, 99);
                waves.waves.iter_mut().for_each(|wave| (wave.canary, wave.max_failed) = (false, 99));
            }
            Self::OldestFirst => {
                state.targets.values_mut().for_each(|known| known.ended_seq = u64::MAX - known.ended_seq)
            }
            Self::ScopeIsTooWide => waves.on_failure = RollbackScope::Promoted,
            Self::FailureMakesRoom => {
                let failed =
                    |known: &&crate::TargetState| known.status.verdict().is_some_and(TargetVerdict::is_failure);
                waves.limits.estate += state.targets.values().filter(failed).count();
            }
            Self::AnyEvidence => {
                if let Came::Told(Told::Approve(approve)) = &mut input.came {
                    approve.evidence = evidence(state, waves, approve.wave);
                }
            }
            Self::SupersededIsNotHeard if matches!(input.came, Came::Superseded) => input.came = Came::Tick,
            _ => {}
        }
    }

    fn behind(self, state: &RolloutState, waves: &Waves, mut actions: Vec<Action>) -> Vec<Action> {
        match self {
            Self::RunOfTheController => {
                for action in &mut actions {
                    if let Action::Send(Order::Begin { target, run }) = action {
                        *run =
                            Waves { attempt: waves.attempt + 100 * state.epoch as u32, ..waves.clone() }.run_id(target);
                    }
                }
            }
            Self::AnotherDigest => {
                for action in &mut actions {
                    if let Action::Send(Order::Give { digest, .. }) = action {
                        "of the attempt before".clone_into(digest);
                    }
                }
            }
            Self::TargetsAreCounted => {
                let failed = state.failed(waves, None).count();
                if failed > waves.max_failed && state.stopped.is_none() {
                    actions.insert(0, Action::Record(RolloutEvent::Stopped { because: StopCause::Rollout { failed } }));
                }
            }
            Self::StopsAtTheFirstStuck => {
                let stuck = state.targets.values().any(|known| known.status == TargetStatus::BackStuck);
                actions.retain(|action| !stuck || !matches!(action, Action::Record(RolloutEvent::BackIntended { .. })));
                // It takes itself for done.
                if stuck && !state.finished {
                    return vec![Action::Record(RolloutEvent::Finished), Action::Leave(crate::WhyLeave::Finished)];
                }
            }
            _ => {}
        }
        actions
    }

    /// What the live controller alone knows.
    pub(super) fn after(mutation: Option<Self>, state: &mut RolloutState) {
        if mutation == Some(Self::LiveKnowsMore) && state.has_begun() {
            state.hosts.values_mut().for_each(|host| host.reserved = Reservation::None);
        }
    }
}

/// The first of so many scripts that finds it.
const SCRIPTS: usize = 2000;

fn finds(mutation: Mutation, law: u8, script: &Script) -> bool {
    if law == 12 {
        let steady = Script { dates: Vec::new(), ..script.clone() };
        let jumps = play(script, Some(mutation), Some(law)).map(|world| told(&world));
        return match (jumps, play(&steady, Some(mutation), Some(law)).map(|world| told(&world))) {
            (Ok(jumps), Ok(steady)) => jumps != steady,
            (jumps, steady) => jumps.is_ok() != steady.is_ok(),
        };
    }
    play(script, Some(mutation), Some(law)).is_err_and(|broken| broken.law == law)
}

#[test]
fn each_law_is_broken_once_and_found() {
    let mut runner = TestRunner::deterministic();
    let mut missed = Vec::new();
    for (mutation, law) in ALL {
        let mut tries = (1..=SCRIPTS).map(|at| (at, scripts().new_tree(&mut runner).unwrap().current()));
        match tries.find(|(_, script)| finds(mutation, law, script)) {
            Some((at, _)) => println!("law {law}: {mutation:?} is found by script {at}"),
            None => missed.push((law, mutation)),
        }
    }
    assert!(missed.is_empty(), "nobody finds {missed:?}");
}

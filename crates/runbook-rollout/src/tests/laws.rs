//! The fourteen laws, held by books of their own; and a fifteenth: what begins on a host finds it kept for the rollout.

use super::host::SimHost;
use super::mutations::Mutation;
use super::script::{Blow, Ends, Gives, PERSON, Script, scripts, stage_name};
use super::world::{World, play, play_waves};
use crate::{
    Action, Came, Given, HostStatus, How, Input, Order, RolloutEvent, RolloutRecord, RolloutState, StopCause, Target,
    TargetStatus, TargetVerdict, Told, Waves, decide, evidence,
};
use proptest::prelude::*;
use runbook_model::{HostName, Promote, RollbackScope, RunId, StepId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// A law that does not hold.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) law: u8,
    pub(super) what: String,
}

impl Broken {
    pub(super) fn new(law: u8, what: impl Display) -> Self {
        Self { law, what: what.to_string() }
    }
}

/// What was seen so far.
#[derive(Default)]
pub(super) struct Watch {
    only: Option<u8>,
    begun: BTreeMap<Target, RunId>,
    taken_back: BTreeSet<Target>,
    /// Runs on their way there or back, as they came on record.
    at_work: BTreeSet<Target>,
    /// When a run ended, by the numbers of the records.
    ended: BTreeMap<Target, (u64, TargetVerdict)>,
    /// Stages that a person approved.
    gated: BTreeSet<StepId>,
    /// Wave, evidence, and until when.
    approvals: Vec<(usize, String, i64)>,
    date: i64,
}

impl Watch {
    pub(super) fn new(only: Option<u8>) -> Self {
        Self { only, ..Self::default() }
    }

    /// `law` does not hold; passed over where only another one is looked at.
    pub(super) fn broken(&self, law: u8, what: impl Display) -> Result<(), Broken> {
        if self.only.is_some_and(|only| only != law) {
            // Nothing follows from what goes on for ever.
            return if law == 10 { Err(Broken::new(law, "not looked at")) } else { Ok(()) };
        }
        Err(Broken::new(law, what))
    }

    fn holds(&self, law: u8, holds: bool, what: impl FnOnce() -> String) -> Result<(), Broken> {
        if holds { Ok(()) } else { self.broken(law, what()) }
    }

    /// 13: an approval counts for what was shown.
    pub(super) fn comes(&mut self, waves: &Waves, state: &RolloutState, came: &Came, date: i64) {
        self.date = date;
        let Came::Told(Told::Approve(approve)) = came else { return };
        let right = approve.rollout == waves.digest && approve.by == PERSON;
        if right && approve.evidence == evidence(state, waves, approve.wave) {
            self.approvals.push((approve.wave, approve.evidence.clone(), date + 3_600_000));
        }
    }

    pub(super) fn record(
        &mut self,
        waves: &Waves,
        before: &RolloutState,
        record: &RolloutRecord,
    ) -> Result<(), Broken> {
        use RolloutEvent as E;
        match &record.event {
            E::BeginIntended { target, .. } | E::BackIntended { target } => drop(self.at_work.insert(target.clone())),
            E::Ended { target, verdict, .. } => {
                self.at_work.remove(target);
                self.ended.insert(target.clone(), (record.seq, *verdict));
            }
            E::Lost { target } | E::TookBack { target, .. } | E::BackOwed { target } => {
                self.at_work.remove(target);
            }
            _ => {}
        }
        match &record.event {
            RolloutEvent::BeginIntended { target, run } => self.begins(waves, before, target, run),
            RolloutEvent::WaveOpened { wave } => {
                self.opens(waves, before, *wave);
                Ok(())
            }
            RolloutEvent::Stopped { because } => self.stops(waves, before, because),
            RolloutEvent::BackIntended { target } => self.goes_back(waves, before, target),
            _ => Ok(()),
        }
    }

    fn goes_back(&mut self, waves: &Waves, before: &RolloutState, target: &Target) -> Result<(), Broken> {
        let once = self.taken_back.insert(target.clone());
        self.holds(8, once, || format!("{target} is taken back twice"))?;
        let covered = covered(waves, before);
        self.holds(8, covered.contains(target), || format!("{target} is not in the scope"))?;
        let end = |of: &Target| self.ended.get(of).map(|(seq, _)| *seq);
        let newer = covered.iter().find(|other| end(other) > end(target));
        self.holds(8, newer.is_none(), || format!("{target} is not the newest: {newer:?}"))
    }

    /// 8: on one host nothing is told to go back under what is newer and not back.
    fn is_on_top(&self, waves: &Waves, state: &RolloutState, target: &Target) -> Result<(), Broken> {
        let to_go = covered(waves, state);
        let own = self.ended.get(target).map(|(seq, _)| *seq);
        for (other, known) in state.of_host(&target.host).filter(|(other, _)| *other != target) {
            let newer = self.ended.get(other).map(|(seq, _)| *seq) > own;
            let is_there = match known.status {
                TargetStatus::Lost => true,
                TargetStatus::TakenBack(_) => false,
                TargetStatus::BackStuck | TargetStatus::Ended(TargetVerdict::Stuck) => newer,
                _ => newer && (to_go.contains(other) || self.taken_back.contains(other) || known.status.is_owed()),
            };
            self.holds(8, !is_there, || format!("{target} is told to go back under {other}: {known:?}"))?;
        }
        Ok(())
    }

    fn begins(&mut self, waves: &Waves, before: &RolloutState, target: &Target, run: &RunId) -> Result<(), Broken> {
        let (at, _) = waves.wave_of(target).unwrap();
        for above in waves.above(at) {
            for other in waves.waves[above].targets() {
                let verdict = before.verdict(&other);
                self.holds(1, verdict.is_some(), || format!("{target} begins, and {other} is not counted"))?;
                let good = verdict.is_some_and(TargetVerdict::is_good);
                self.holds(2, good || !waves.waves[above].canary, || {
                    format!("{target} begins after {other}: {verdict:?}")
                })?;
            }
        }
        let canaries = waves.targets().filter(|(at, _)| waves.waves[*at].canary).map(|(_, target)| target);
        for canary in canaries {
            let red = before.verdict(&canary).is_some_and(TargetVerdict::is_failure);
            self.holds(2, !red, || format!("{target} begins after the canary {canary} failed"))?;
        }
        let earlier = self.begun.insert(target.clone(), run.clone());
        self.holds(3, earlier.is_none(), || format!("{target} begins twice"))?;
        let gate = waves.waves.iter().any(|wave| wave.stage == target.stage && wave.approve.is_some());
        self.holds(13, !gate || self.gated.contains(&target.stage), || {
            format!("{target} begins, and nobody approved")
        })?;
        self.holds(7, before.stopped.is_none(), || format!("{target} begins after the stop"))
    }

    fn opens(&mut self, waves: &Waves, before: &RolloutState, wave: usize) {
        let seen = evidence(before, waves, wave);
        let opened =
            self.approvals.iter().any(|(of, shown, until)| *of == wave && *shown == seen && self.date < *until);
        if opened {
            self.gated.insert(waves.waves[wave].stage.clone());
        }
    }

    fn stops(&self, waves: &Waves, before: &RolloutState, because: &StopCause) -> Result<(), Broken> {
        let ok = match because {
            StopCause::Wave { wave, .. } => failed(waves, before, Some(*wave)).len() > waves.waves[*wave].max_failed,
            StopCause::Rollout { .. } => failed(waves, before, None).len() > waves.max_failed,
            StopCause::Canary { target } | StopCause::Stuck { target } => {
                before.verdict(target).is_some_and(TargetVerdict::is_failure)
            }
            StopCause::Kept { host } => matches!(before.host(host).status, HostStatus::Kept { .. }),
            StopCause::Cancelled => before.cancelling,
            StopCause::TakenBack => before.back_asked,
            StopCause::NotApproved { .. } => true,
        };
        self.holds(5, ok, || format!("it stops because of {because:?}"))
    }

    /// 4: limits.
    pub(super) fn recorded(&self, waves: &Waves) -> Result<(), Broken> {
        let busy: Vec<&Target> = self.at_work.iter().collect();
        let distinct: BTreeSet<&HostName> = busy.iter().map(|target| &target.host).collect();
        self.holds(4, distinct.len() == busy.len(), || format!("a host is twice in {busy:?}"))?;
        self.holds(4, busy.len() <= waves.limits.estate, || format!("{busy:?} are at work"))?;
        let mut jumps: BTreeMap<&String, usize> = BTreeMap::new();
        busy.iter()
            .filter_map(|target| waves.jumps.get(&target.host))
            .for_each(|jump| *jumps.entry(jump).or_default() += 1);
        let most = jumps.values().max().copied().unwrap_or(0);
        self.holds(4, waves.limits.per_jump.is_none_or(|limit| most <= limit), || format!("{jumps:?}"))
    }

    /// 5: no budget is overdrawn.
    pub(super) fn after(&self, waves: &Waves, state: &RolloutState) -> Result<(), Broken> {
        if state.stopped.is_some() || state.controller.is_none() {
            return Ok(());
        }
        let all = failed(waves, state, None);
        self.holds(5, all.len() <= waves.max_failed, || format!("{all:?} failed, and it goes on"))?;
        for (at, wave) in waves.waves.iter().enumerate() {
            let failed = failed(waves, state, Some(at));
            self.holds(5, failed.len() <= wave.max_failed, || {
                format!("{failed:?} of wave {at} failed, and it goes on")
            })?;
        }
        Ok(())
    }

    /// 6 and 7: what is given, and that nothing is told to begin after the stop.
    pub(super) fn sends(
        &self,
        waves: &Waves,
        state: &RolloutState,
        hosts: &BTreeMap<HostName, SimHost>,
        order: &Order,
    ) -> Result<(), Broken> {
        match order {
            Order::RollBack { target, .. } => self.is_on_top(waves, state, target),
            Order::Begin { target, .. } => {
                self.holds(7, !state.draining, || format!("{target} is told to begin while it drains"))?;
                self.holds(7, state.stopped.is_none(), || format!("{target} is told to begin after the stop"))?;
                let (_, wave) = waves.wave_of(target).unwrap();
                let has = &hosts[&target.host].has;
                let all = wave.takes.keys().all(|id| has.contains_key(id.as_str()));
                self.holds(6, all, || format!("{target} begins without its artifacts"))
            }
            Order::Give { target, artifact, digest } => {
                let (_, wave) = waves.wave_of(target).unwrap();
                let promote = wave.takes[artifact];
                let now = state.targets.iter().find(|(_, known)| {
                    known.status == TargetStatus::Ended(TargetVerdict::Ok)
                        && known.gives.get(artifact).is_some_and(|one| one.digest == *digest)
                });
                let is_left = |from: &Target| {
                    waves.wave_of(from).is_none() || state.verdict(from) == Some(TargetVerdict::NothingToDo)
                };
                let before = waves
                    .proven
                    .iter()
                    .find(|one| one.artifact == *artifact && one.what.digest == *digest && is_left(&one.from));
                let Some(from) = now.map(|(from, _)| from).or(before.map(|one| &one.from)) else {
                    return self.broken(6, format!("nobody proved {digest}"));
                };
                let honest = hosts[&from.host].script.gives == Gives::Bytes;
                self.holds(6, honest, || format!("{from} never gave {digest}"))?;
                let platform = |host: &HostName| hosts[host].script.platform;
                let fits = promote == Promote::Any || platform(&from.host) == platform(&target.host);
                self.holds(6, fits, || format!("{artifact} of {from} does not fit {target}"))
            }
            _ => Ok(()),
        }
    }

    /// 3: a target has at most one run. 15: it found its host kept.
    pub(super) fn ran(&self, hosts: &BTreeMap<HostName, SimHost>) -> Result<(), Broken> {
        for host in hosts.values() {
            let targets: BTreeSet<&Target> = host.runs.values().map(|run| &run.target).collect();
            self.holds(3, targets.len() == host.runs.len(), || format!("two runs of one target: {:?}", host.runs))?;
            self.holds(15, host.unkept.is_none(), || format!("{:?} began on a host that is not kept", host.unkept))?;
        }
        Ok(())
    }

    /// 11: with one more failure, nothing begins that would not have begun without.
    pub(super) fn one_more_failure(
        &self,
        waves: &Waves,
        state: &RolloutState,
        input: &Input,
        mutation: Option<Mutation>,
    ) -> Result<(), Broken> {
        let mut worse = state.clone();
        // What it gave is fetched before its wave is passed, and whoever takes it takes another one then, or nothing.
        let untaken = |(id, artifact): (&StepId, &crate::Artifact)| {
            let taken = waves.waves.iter().any(|wave| wave.takes.contains_key(id));
            !taken && state.fetched.contains(&artifact.digest)
        };
        let ok = |known: &crate::TargetState| {
            known.status == TargetStatus::Ended(TargetVerdict::Ok) && known.gives.iter().all(untaken)
        };
        let Some(failed) = worse.targets.iter_mut().rfind(|(_, known)| ok(known)) else { return Ok(()) };
        let (host, known) = (failed.0.host.clone(), failed.1);
        known.status = TargetStatus::Ended(TargetVerdict::Failed(crate::How::Stopped));
        let begins = |state: &RolloutState| -> BTreeSet<Target> {
            let begins =
                Mutation::decide(mutation, state, waves, input).into_iter().filter_map(|action| match action {
                    Action::Record(RolloutEvent::BeginIntended { target, .. }) => Some(target),
                    _ => None,
                });
            begins.collect()
        };
        let (with, without) = (begins(&worse), begins(state));
        // A host that failed leaves its place to another one.
        let instead = without.difference(&with).filter(|target| target.host == host).count();
        let more = with.difference(&without).count();
        self.holds(11, more <= instead, || format!("{with:?} instead of {without:?}"))
    }

    /// 7 and 8: everybody has a verdict, and the whole scope is taken back or owed.
    pub(super) fn end(&self, waves: &Waves, state: &RolloutState) -> Result<(), Broken> {
        for (_, target) in waves.targets() {
            let verdict = state.verdict(&target);
            self.holds(7, verdict.is_some(), || format!("{target} has no verdict: {:?}", state.target(&target)))?;
            let owed = state.target(&target).status.is_owed();
            let good = verdict.is_some_and(TargetVerdict::is_good);
            self.holds(7, !owed || !good, || format!("{target} is owed, and counts as {verdict:?}"))?;
        }
        let left = covered(waves, state);
        self.holds(8, left.is_empty(), || format!("{left:?} was not taken back"))
    }
}

/// The distinct hosts that failed.
fn failed(waves: &Waves, state: &RolloutState, wave: Option<usize>) -> BTreeSet<HostName> {
    let of = waves.targets().filter(|(at, _)| wave.is_none_or(|wave| wave == *at)).map(|(_, target)| target);
    of.filter(|target| state.verdict(target).is_some_and(TargetVerdict::is_failure)).map(|target| target.host).collect()
}

/// What the scope of the rollback names, and is not told to go back yet. It goes by what failed, not by what is said of the stop.
fn covered(waves: &Waves, state: &RolloutState) -> BTreeSet<Target> {
    let mut found = BTreeSet::new();
    let passed = |at: usize| state.waves.get(&at).is_some_and(|wave| wave.passed);
    let all_passed = (0..waves.waves.len()).all(passed);
    let canary = |at: usize| waves.waves[at].canary && !failed(waves, state, Some(at)).is_empty();
    let stuck = waves.targets().any(|(_, target)| state.verdict(&target) == Some(TargetVerdict::Stuck));
    let overdrawn = failed(waves, state, None).len() > waves.max_failed
        || (0..waves.waves.len())
            .any(|at| failed(waves, state, Some(at)).len() > waves.waves[at].max_failed || canary(at));
    let calls = state.cancelling || stuck || (overdrawn && state.has_begun());
    for (at, target) in waves.targets() {
        let (was, late) = match state.target(&target).status {
            TargetStatus::Ended(was) => (was, false),
            TargetStatus::Late(was) => (was, true),
            _ => continue,
        };
        let changed = matches!(was, TargetVerdict::Ok | TargetVerdict::Failed(How::Stopped | How::Accepted));
        let in_scope = match waves.on_failure {
            RollbackScope::Host => false,
            RollbackScope::Wave => !passed(at) && !failed(waves, state, Some(at)).is_empty(),
            RollbackScope::Promoted => true,
        };
        let named = state.stopped.is_some() && (state.back_asked || (in_scope && calls && !all_passed));
        if changed && (named || (late && was == TargetVerdict::Ok)) {
            found.insert(target);
        }
    }
    found
}

fn lawful<'a>(script: &'a Script) -> Result<World<'a>, TestCaseError> {
    play(script, None, None).map_err(|broken| TestCaseError::fail(format!("law {}: {}", broken.law, broken.what)))
}

proptest! {
    #![proptest_config(test_rules::cases(800))]

    #[test]
    fn a_rollout_keeps_the_laws_whatever_comes(script in scripts()) {
        lawful(&script)?;
    }

    /// 12.
    #[test]
    fn a_jump_of_the_clock_changes_nothing(script in scripts()) {
        let mut script = script;
        script.dates.push(9_000_000);
        // Whoever drains may find an approval expired later, which is what the date is for.
        script.blows.retain(|(_, blow)| !matches!(blow, Blow::Drain));
        let steady = Script { dates: Vec::new(), ..script.clone() };
        prop_assert_eq!(told(&lawful(&script)?), told(&lawful(&steady)?));
    }
}

proptest! {
    #![proptest_config(test_rules::cases(150))]

    /// Stop, mend, go on: with all hosts, or with those that are not as their plan wants them.
    #[test]
    fn the_next_attempt_keeps_the_laws(script in scripts(), retry in any::<bool>(), same_text in any::<bool>()) {
        let first = lawful(&script)?;
        let good = |target: &Target| first.state().verdict(target).is_some_and(TargetVerdict::is_good);
        let mut script = script.clone();
        script.blows.clear();
        let targets: Vec<Target> = first.waves.targets().map(|(_, target)| target).collect();
        for (at, host) in script.hosts.iter_mut().enumerate() {
            for (stage, ends) in host.ends.iter_mut().enumerate() {
                let target = Target { stage: stage_name(stage), host: super::script::host_name(at) };
                *ends = if good(&target) { Ends::NothingToDo } else if *ends == Ends::RolledBack { Ends::Ok } else { *ends };
            }
        }
        let plan = |target: &Target| if good(target) { "same" } else { "mended" }.to_owned();
        let plans = targets.iter().map(|target| (target.clone(), plan(target))).collect();
        let digest = if same_text { "now" } else { "mended" }.to_owned();
        let before = Waves { plans: targets.iter().map(|target| (target.clone(), "same".to_owned())).collect(), ..first.waves.clone() };
        let waves = script.attempt(Given { digest, attempt: 2, plans, ..Given::default() });
        let waves = if retry { waves.only(|target| !good(target), Some((&before, first.state()))) } else { Ok(waves.after((&before, first.state()))) };
        let Ok(waves) = waves else { return Ok(()) };
        let failed = |broken: Broken| TestCaseError::fail(format!("law {}: {}", broken.law, broken.what));
        play_waves(&script, waves, None, None).map_err(failed)?;
    }
}

/// What came on record, beside dates.
pub(super) fn told(world: &World<'_>) -> Vec<(u64, RolloutEvent)> {
    let told = world.records.iter().map(|record| {
        let mut event = record.event.clone();
        if let RolloutEvent::Approved { until, .. } = &mut event {
            *until = 0;
        }
        (record.elapsed_ms, event)
    });
    told.collect()
}

/// 14.
#[test]
fn a_lower_epoch_writes_nothing() {
    let waves = super::stories::two_hosts().waves();
    let mut state = RolloutState::default();
    let start = |came| Input { now: crate::Now::default(), came };
    for (seq, came) in [Came::Start(Default::default()), Came::TakeOver(Default::default())].into_iter().enumerate() {
        let Some(Action::Record(event)) = decide(&state, &waves, &start(came)).into_iter().next() else { panic!() };
        let record = RolloutRecord { seq: seq as u64 + 1, at: 0, elapsed_ms: 0, epoch: seq as u64 + 1, event };
        state.apply(&record).unwrap();
    }
    let event = RolloutEvent::DrainAsked { by: "ops".to_owned() };
    for (epoch, fits) in [(1, false), (2, true), (3, false)] {
        let record = RolloutRecord { seq: 3, at: 0, elapsed_ms: 0, epoch, event: event.clone() };
        assert_eq!(state.clone().apply(&record).is_ok(), fits, "epoch {epoch}");
    }
}

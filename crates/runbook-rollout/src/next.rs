//! The next record that follows from what is known, one at a time. Nothing here waits for anything but time.

use crate::deadlines::{OWED_MS, deadlines, soak_end};
use crate::{
    HostState, HostStatus, Now, Reservation, RolloutEvent, RolloutState, Target, TargetStatus, Waves, evidence,
};
use runbook_model::{HostName, StepId};
use std::collections::{BTreeMap, BTreeSet};

/// What comes on record next of what is known, if anything.
pub(crate) fn next(state: &RolloutState, waves: &Waves, now: Now) -> Option<RolloutEvent> {
    // Nothing comes before the start.
    state.controller.as_ref()?;
    stop(state, waves)
        .or_else(|| commit_or_cancel(state, waves))
        .or_else(|| take_back(state, waves))
        .or_else(|| if state.stopped.is_none() && !state.draining { go_on(state, waves, now) } else { None })
        .or_else(|| finish(state, waves, now))
}

/// What comes on record because nothing came in time.
pub(crate) fn overdue(state: &RolloutState, waves: &Waves, now: Now) -> Option<RolloutEvent> {
    let over = deadlines(state, waves).into_iter().filter(|(at, _)| *at <= now.elapsed_ms);
    over.min_by_key(|(at, _)| *at).map(|(_, event)| event)
}

fn stop(state: &RolloutState, waves: &Waves) -> Option<RolloutEvent> {
    let because = state.must_stop(waves)?;
    let event = RolloutEvent::Stopped { because };
    state.allows(&event).then_some(event)
}

/// What holds is kept, or goes back where the rollout is taken back anyway. A person who cancels means what is at work as well.
fn commit_or_cancel(state: &RolloutState, waves: &Waves) -> Option<RolloutEvent> {
    waves.targets().map(|(_, target)| target).find_map(|target| {
        let because = "the rollout stopped, and its rollback covers it".to_owned();
        let ends = state.cancelling || state.back_asked;
        match state.status(&target) {
            TargetStatus::Intended | TargetStatus::Begun | TargetStatus::Held if ends => {
                let because = if state.back_asked { "the rollout is taken back" } else { "the rollout was cancelled" };
                let because = because.to_owned();
                Some(RolloutEvent::CancelIntended { target, because })
            }
            TargetStatus::Held if state.is_covered(waves, &target) => {
                Some(RolloutEvent::CancelIntended { target, because })
            }
            TargetStatus::Held => Some(RolloutEvent::CommitIntended { target }),
            _ => None,
        }
    })
}

/// Once nothing is in flight. Those of a wave go back together, so that one that does not answer holds up none beside it.
fn take_back(state: &RolloutState, waves: &Waves) -> Option<RolloutEvent> {
    if state.targets.values().any(|target| target.status.in_flight()) {
        return None;
    }
    if let Some(target) = state.next_owed(waves) {
        return Some(RolloutEvent::BackOwed { target });
    }
    let target = state.next_back(waves)?;
    let wave = |target: &Target| waves.wave_of(target).map(|(at, _)| at);
    let mut going = state.targets.iter().filter(|(_, known)| known.status.goes_back());
    let together = going.all(|(other, _)| wave(other) == wave(&target));
    let room = together && Busy::now(state, waves).has_room(waves, &target);
    room.then_some(RolloutEvent::BackIntended { target })
}

fn go_on(state: &RolloutState, waves: &Waves, now: Now) -> Option<RolloutEvent> {
    if !is_ready(state, waves, now) {
        return None;
    }
    (0..waves.waves.len()).find_map(|at| {
        let known = state.waves.get(&at).cloned().unwrap_or_default();
        match known.opened_ms {
            _ if known.passed => None,
            None => open(state, waves, at, now),
            Some(_) => begin(state, waves, at, now).or_else(|| pass(state, waves, at, now)),
        }
    })
}

/// Whether all hosts are reached and judged, and all are kept before the first change.
fn is_ready(state: &RolloutState, waves: &Waves, now: Now) -> bool {
    let unknown = |host: &HostName| state.hosts.get(host).is_none_or(|host| host.status == HostStatus::Unknown);
    let begun = state.has_begun();
    let kept = |host: &HostName| begun || is_kept(state, host, now);
    waves.targets().all(|(_, target)| {
        let ready = state.status(&target) != TargetStatus::New && kept(&target.host);
        !unknown(&target.host) && (ready || !state.is_open(&target))
    })
}

/// Whether a host is kept for the rollout; nobody relies on a reservation that is over.
fn is_kept(state: &RolloutState, host: &HostName, now: Now) -> bool {
    let kept = |known: &HostState| known.reserved == Reservation::Kept && now.elapsed_ms < known.reserved_until_ms;
    state.hosts.get(host).is_some_and(kept)
}

fn open(state: &RolloutState, waves: &Waves, at: usize, now: Now) -> Option<RolloutEvent> {
    let wave = waves.waves.get(at)?;
    let passed = |above: &usize| state.waves.get(above).is_some_and(|wave| wave.passed);
    if !wave.after.iter().all(passed) {
        return None;
    }
    let needed = wave.targets().any(|target| state.is_open(&target));
    if wave.approve.is_none() || !needed || is_approved_above(state, waves, at) {
        return Some(RolloutEvent::WaveOpened { wave: at });
    }
    let known = state.waves.get(&at).cloned().unwrap_or_default();
    let seen = evidence(state, waves, at);
    match known.approved {
        Some(approved) if approved.evidence == seen && now.date_ms < approved.until => {
            Some(RolloutEvent::WaveOpened { wave: at })
        }
        None if known.asked.is_some_and(|(asked, _)| asked == seen) => None,
        _ => Some(RolloutEvent::ApprovalAsked { wave: at, evidence: seen }),
    }
}

/// Whether the stage went through its gate with an earlier wave. One that opened because there was nothing to do went through none.
fn is_approved_above(state: &RolloutState, waves: &Waves, at: usize) -> bool {
    let stage = waves.waves.get(at).map(|wave| &wave.stage);
    let earlier = waves.waves.iter().enumerate().take(at).filter(|(_, wave)| Some(&wave.stage) == stage);
    let approved = |at: &usize| state.waves.get(at).is_some_and(|known| known.approved.is_some());
    let began =
        |target: Target| state.known(&target).is_some_and(|known| known.run.is_some() || !known.given.is_empty());
    earlier.filter(|(at, _)| approved(at)).any(|(_, wave)| wave.targets().any(began))
}

fn begin(state: &RolloutState, waves: &Waves, at: usize, now: Now) -> Option<RolloutEvent> {
    let wave = waves.waves.get(at)?;
    let open: Vec<Target> = wave.targets().filter(|target| state.is_open(target)).collect();
    let promoted = state.promoted(waves);
    // A host on which something failed is not changed once more.
    let failed: BTreeMap<HostName, StepId> = if open.is_empty() {
        BTreeMap::new()
    } else {
        state.failed(waves, None).map(|target| (target.host, target.stage)).collect()
    };
    let refused = |target: &Target| match failed.get(&target.host) {
        Some(stage) => Some(format!("stage {stage} failed there")),
        None => state.lacks(&promoted, wave, target),
    };
    if let Some((target, because)) = open.iter().find_map(|target| Some((target, refused(target)?))) {
        return Some(RolloutEvent::Refused { target: target.clone(), because });
    }
    let busy = Busy::now(state, waves);
    let ready = |target: &&Target| {
        let judged = state.status(target) == TargetStatus::Judged && state.has_its_artifacts(wave, target);
        judged && is_kept(state, &target.host, now) && busy.has_room(waves, target)
    };
    open.iter()
        .find(ready)
        .map(|target| RolloutEvent::BeginIntended { target: target.clone(), run: waves.run_id(target) })
}

/// Who is at work.
struct Busy<'a> {
    hosts: BTreeSet<&'a HostName>,
    jumps: BTreeMap<&'a String, usize>,
}

impl<'a> Busy<'a> {
    fn now(state: &'a RolloutState, waves: &'a Waves) -> Self {
        let busy = state.targets.iter().filter(|(_, known)| known.status.is_busy());
        let hosts: BTreeSet<&HostName> = busy.map(|(target, _)| &target.host).collect();
        let mut jumps = BTreeMap::new();
        hosts.iter().filter_map(|host| waves.jumps.get(*host)).for_each(|jump| *jumps.entry(jump).or_default() += 1);
        Self { hosts, jumps }
    }

    /// Whether one more host may be at work, and this one is not.
    fn has_room(&self, waves: &Waves, target: &Target) -> bool {
        let beside = waves.jumps.get(&target.host).and_then(|jump| self.jumps.get(jump)).copied().unwrap_or(0);
        let narrow = waves.limits.per_jump.is_some_and(|limit| beside >= limit);
        self.hosts.len() < waves.limits.estate && !narrow && !self.hosts.contains(&target.host)
    }
}

fn pass(state: &RolloutState, waves: &Waves, at: usize, now: Now) -> Option<RolloutEvent> {
    let wave = waves.waves.get(at)?;
    let counted = wave.targets().all(|target| state.verdict(&target).is_some());
    let fetching = state.to_fetch(waves).iter().any(|(id, _)| wave.gives.contains(*id));
    let soaking = soak_end(state, waves, at).is_some_and(|end| now.elapsed_ms < end);
    (counted && !fetching && !soaking).then_some(RolloutEvent::WavePassed { wave: at })
}

fn finish(state: &RolloutState, waves: &Waves, now: Now) -> Option<RolloutEvent> {
    let owes = state.targets.values().any(|target| target.status.is_owed());
    let waits = owes && now.elapsed_ms < state.elapsed_ms.saturating_add(OWED_MS);
    let over = !state.finished && (state.has_passed(waves) || state.stopped.is_some()) && !state.is_at_work() && !waits;
    over.then_some(RolloutEvent::Finished)
}

//! The next record that follows from what is known, one at a time. Nothing here waits for anything but time.

use crate::deadlines::{OWED_MS, deadlines, soak_end};
use crate::{HostStatus, Now, RolloutEvent, RolloutState, StopCause, Target, TargetStatus, Waves, evidence, run_id};
use runbook_model::{HostName, StepId};
use std::collections::{BTreeMap, BTreeSet};

/// What comes on record next of what is known, if anything.
pub(crate) fn next(state: &RolloutState, waves: &Waves, now: Now) -> Option<RolloutEvent> {
    // Nothing comes before the start.
    state.ids.as_ref()?;
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
    let known = state.stopped.as_ref();
    let anew = known.is_none() || (because == StopCause::TakenBack && known != Some(&because));
    anew.then_some(RolloutEvent::Stopped { because })
}

/// What holds is kept, or goes back where the rollout is taken back anyway. A person who cancels means what is at work as well.
fn commit_or_cancel(state: &RolloutState, waves: &Waves) -> Option<RolloutEvent> {
    waves.targets().map(|(_, target)| target).find_map(|target| {
        let because = "the rollout stopped, and its rollback covers it".to_owned();
        let ends = state.cancelling || state.back_asked;
        match state.status(&target) {
            TargetStatus::Intended | TargetStatus::Begun | TargetStatus::Held if ends => {
                let because = "the rollout was cancelled".to_owned();
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

/// One after the other, once nothing is in flight.
fn take_back(state: &RolloutState, waves: &Waves) -> Option<RolloutEvent> {
    if state.is_at_work() {
        return None;
    }
    state.next_back(waves).map(|target| RolloutEvent::BackIntended { target })
}

fn go_on(state: &RolloutState, waves: &Waves, now: Now) -> Option<RolloutEvent> {
    if !is_ready(state, waves) {
        return None;
    }
    (0..waves.waves.len()).find_map(|at| {
        let known = state.waves.get(&at).cloned().unwrap_or_default();
        match known.opened_ms {
            _ if known.passed => None,
            None => open(state, waves, at, now),
            Some(_) => begin(state, waves, at).or_else(|| pass(state, waves, at, now)),
        }
    })
}

/// Whether all hosts are reached, judged and kept.
fn is_ready(state: &RolloutState, waves: &Waves) -> bool {
    let unknown = |host: &HostName| state.hosts.get(host).is_none_or(|host| host.status == HostStatus::Unknown);
    let kept = |host: &HostName| state.hosts.get(host).is_some_and(|host| host.reserved);
    waves.targets().all(|(_, target)| {
        let ready = state.status(&target) != TargetStatus::New && kept(&target.host);
        !unknown(&target.host) && (ready || !state.is_open(&target))
    })
}

fn open(state: &RolloutState, waves: &Waves, at: usize, now: Now) -> Option<RolloutEvent> {
    let wave = waves.waves.get(at)?;
    let passed = |above: &usize| state.waves.get(above).is_some_and(|wave| wave.passed);
    if !wave.after.iter().all(passed) {
        return None;
    }
    let needed = wave.targets().any(|target| state.is_open(&target));
    if wave.approve.is_none() || !needed {
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

fn begin(state: &RolloutState, waves: &Waves, at: usize) -> Option<RolloutEvent> {
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
        judged && busy.has_room(waves, target)
    };
    open.iter().find(ready).map(|target| RolloutEvent::BeginIntended {
        target: target.clone(),
        run: run_id(&waves.rollout, waves.attempt, target),
    })
}

/// Who is at work.
struct Busy<'a> {
    hosts: BTreeSet<&'a HostName>,
    jumps: BTreeMap<&'a String, usize>,
}

impl<'a> Busy<'a> {
    fn now(state: &'a RolloutState, waves: &'a Waves) -> Self {
        let busy = state.targets.iter().filter(|(_, known)| known.status.in_flight());
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
    let fetching = state.to_fetch(waves).iter().any(|(id, _)| wave.gives.contains(id));
    let soaking = soak_end(state, waves, at).is_some_and(|end| now.elapsed_ms < end);
    (counted && !fetching && !soaking).then_some(RolloutEvent::WavePassed { wave: at })
}

fn finish(state: &RolloutState, waves: &Waves, now: Now) -> Option<RolloutEvent> {
    let passed = (0..waves.waves.len()).all(|at| state.waves.get(&at).is_some_and(|wave| wave.passed));
    let owes = state.targets.values().any(|target| target.status.is_owed());
    let waits = owes && now.elapsed_ms < state.elapsed_ms.saturating_add(OWED_MS);
    let over = !state.finished && (passed || state.stopped.is_some()) && !state.is_at_work() && !waits;
    over.then_some(RolloutEvent::Finished)
}

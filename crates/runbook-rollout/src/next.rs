//! The next record that follows from what is known, one at a time. Nothing here waits for anything but time.

use crate::deadlines::{OWED_MS, deadlines, soak_end};
use crate::{
    HostStatus, Now, RolloutEvent, RolloutState, StopCause, Target, TargetStatus, TargetVerdict, Waves, evidence,
    run_id,
};

/// What comes on record next, if anything.
pub(crate) fn next(state: &RolloutState, waves: &Waves, now: Now) -> Option<RolloutEvent> {
    // Nothing comes before the start.
    state.ids.as_ref()?;
    overdue(state, waves, now)
        .or_else(|| stop(state, waves))
        .or_else(|| commit_or_cancel(state, waves))
        .or_else(|| take_back(state, waves))
        .or_else(|| if state.stopped.is_none() && !state.draining { go_on(state, waves, now) } else { None })
        .or_else(|| finish(state, waves, now))
}

fn overdue(state: &RolloutState, waves: &Waves, now: Now) -> Option<RolloutEvent> {
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
    let busy = |status: TargetStatus| status.in_flight() || matches!(status, TargetStatus::GoingBack(_));
    if state.targets.values().any(|target| busy(target.status)) {
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
    let reached = waves.hosts().into_iter().all(|host| state.host(host).status != HostStatus::Unknown);
    reached
        && waves
            .targets()
            .filter(|(_, target)| state.is_open(target))
            .all(|(_, target)| state.status(&target) != TargetStatus::New && state.host(&target.host).reserved)
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
    let refused = |target: &Target| failed_before(state, target).or_else(|| state.lacks(waves, target));
    if let Some((target, because)) = open.iter().find_map(|target| Some((target, refused(target)?))) {
        return Some(RolloutEvent::Refused { target: target.clone(), because });
    }
    let ready = |target: &&Target| {
        state.status(target) == TargetStatus::Judged
            && state.has_its_artifacts(waves, target)
            && has_room(state, waves, target)
    };
    open.iter().find(ready).map(|target| RolloutEvent::BeginIntended {
        target: target.clone(),
        run: run_id(&waves.rollout, waves.attempt, target),
    })
}

/// A host on which something failed is not changed once more.
fn failed_before(state: &RolloutState, target: &Target) -> Option<String> {
    let failed = |other: &&Target| state.verdict(other).is_some_and(TargetVerdict::is_failure);
    let other = state.of_host(&target.host).map(|(other, _)| other).find(failed)?;
    Some(format!("stage {} failed there", other.stage))
}

/// Whether one more host may be at work, and this one is not.
fn has_room(state: &RolloutState, waves: &Waves, target: &Target) -> bool {
    let busy = || state.targets.iter().filter(|(_, known)| known.status.in_flight()).map(|(target, _)| target);
    let jump = waves.jumps.get(&target.host);
    let beside = busy().filter(|other| jump.is_some() && waves.jumps.get(&other.host) == jump).count();
    let narrow = jump.is_some() && waves.limits.per_jump.is_some_and(|limit| beside >= limit);
    busy().count() < waves.limits.estate && !narrow && !busy().any(|other| other.host == target.host)
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
    let busy = |status: TargetStatus| status.in_flight() || matches!(status, TargetStatus::GoingBack(_));
    let at_work = state.targets.values().any(|target| busy(target.status));
    let owes = state.targets.values().any(|target| target.status.is_owed());
    let waits = owes && now.elapsed_ms < state.elapsed_ms.saturating_add(OWED_MS);
    let over = !state.finished && (passed || state.stopped.is_some()) && !at_work && !waits;
    over.then_some(RolloutEvent::Finished)
}

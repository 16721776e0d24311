//! Until when something is waited for. Every state that waits has an end.

use crate::reserved::RESERVED_MS;
use crate::{
    Now, Order, Reservation, RolloutEvent, RolloutState, StopCause, Target, TargetStatus, Waves, orders::orders,
};
use std::time::Duration;

/// How long a host may take for an answer that needs no work.
const ANSWER_MS: u64 = 5 * 60 * 1000;
/// How long a host that owes something is waited for, once nothing else is left.
pub(crate) const OWED_MS: u64 = 60 * 1000;

/// When the rollout has to be looked at again, in the time that it has gone on, if nothing comes in before: with
/// [`Tick`](crate::Came::Tick). What is due at `now` was looked at.
pub fn wakes(state: &RolloutState, waves: &Waves, now: Now) -> Option<u64> {
    let ends = deadlines(state, waves).into_iter().map(|(at, _)| at);
    ends.chain(soaks(state, waves)).chain(rest(state)).chain(unheard(state)).filter(|at| *at > now.elapsed_ms).min()
}

/// What is recorded when nothing comes by that time.
pub(crate) fn deadlines(state: &RolloutState, waves: &Waves) -> Vec<(u64, RolloutEvent)> {
    let asked = orders(state, waves);
    let mut found: Vec<(u64, RolloutEvent)> = asked.iter().filter_map(|order| of_order(state, waves, order)).collect();
    if state.stopped.is_none() && !state.draining {
        found.extend(waves.waves.iter().enumerate().filter_map(|(at, wave)| {
            let known = state.waves.get(&at).filter(|known| known.opened_ms.is_none() && known.approved.is_none())?;
            let (_, since) = known.asked.as_ref()?;
            // Nobody could approve while no controller was there.
            let came = state.controller.as_ref().map_or(0, |(_, came)| *came);
            let end = (*since).max(came).saturating_add(ms(wave.approve.as_ref()?.within));
            Some((end, RolloutEvent::Stopped { because: StopCause::NotApproved { wave: at } }))
        }));
    }
    found
}

fn of_order(state: &RolloutState, waves: &Waves, order: &Order) -> Option<(u64, RolloutEvent)> {
    let from = state.controller.as_ref().map_or(0, |(_, since)| *since);
    let known = |target: &Target| state.target(target);
    let unreachable = |host: &runbook_model::HostName, what: &str| RolloutEvent::Unreachable {
        host: host.clone(),
        because: format!("it did not answer when it was to {what}"),
    };
    Some(match order {
        // As long as others answer, the way is busy: each record starts the wait anew.
        Order::Reach(host) => (state.elapsed_ms.max(from) + ANSWER_MS, unreachable(host, "be reached")),
        Order::Judge { target, with_artifacts: false } => {
            (state.elapsed_ms + ANSWER_MS, unreachable(&target.host, "judge its plan"))
        }
        Order::Reserve { host, .. } => {
            let known = state.host(host);
            if known.reserved == Reservation::Kept {
                let due = known.reserved_until_ms.saturating_sub(RESERVED_MS / 2);
                return Some((due, RolloutEvent::RenewalDue { host: host.clone() }));
            }
            // At first they go host by host; later each for itself, so that who talks much leaves nobody unheard.
            let since = if state.has_begun() { known.reserved_until_ms } else { state.elapsed_ms };
            (since.max(from) + ANSWER_MS, unreachable(host, "be kept for this rollout"))
        }
        Order::Judge { target, .. } | Order::Give { target, .. } => {
            let opened = waves.wave_of(target).and_then(|(at, _)| state.waves.get(&at)?.opened_ms).unwrap_or(0);
            let since = opened.max(known(target).since_ms).max(from);
            let because = match order {
                Order::Judge { .. } => "its plan was not judged in time",
                _ => "its artifacts did not get there in time",
            };
            let because = because.to_owned();
            (since.saturating_add(ms(waves.host_deadline)), RolloutEvent::Refused { target: target.clone(), because })
        }
        Order::Fetch { from: target, artifact, .. } => {
            // Whoever is asked next has the same time.
            let others = state.not_given_by.iter().filter(|((id, _), _)| id == artifact).map(|(_, at)| *at);
            let since = others.fold(known(target).since_ms.max(from), u64::max);
            let because = format!("{} did not give it in time", target.host);
            let (artifact, from) = (artifact.clone(), target.clone());
            (since.saturating_add(ms(waves.host_deadline)), RolloutEvent::NotFetched { artifact, from, because })
        }
        Order::Begin { target, .. } | Order::Follow { target, .. } => {
            let because = "it took longer than its deadline".to_owned();
            (of_run(waves, &known(target), from), RolloutEvent::CancelIntended { target: target.clone(), because })
        }
        Order::Commit { target, .. } | Order::Cancel { target, .. } if known(target).status.in_flight() => {
            // The way back takes its time as well.
            let end = known(target).since_ms.max(from).saturating_add(ms(waves.host_deadline));
            (end, RolloutEvent::Lost { target: target.clone() })
        }
        Order::RollBack { target, .. } if matches!(known(target).status, TargetStatus::GoingBack(_)) => {
            let end = known(target).since_ms.max(from).saturating_add(ms(waves.host_deadline));
            (end, RolloutEvent::BackOwed { target: target.clone() })
        }
        _ => return None,
    })
}

/// A controller that goes on has time to hear what became of the run.
fn of_run(waves: &Waves, known: &crate::TargetState, from: u64) -> u64 {
    let first = if from > known.begun_ms { from + ANSWER_MS } else { 0 };
    known.begun_ms.saturating_add(ms(waves.host_deadline)).max(first)
}

/// When the soak of a wave is over whose hosts are all counted. What failed is watched for as long as what is ok, or one more failure
/// would start others sooner.
pub(crate) fn soak_end(state: &RolloutState, waves: &Waves, at: usize) -> Option<u64> {
    let wave = waves.waves.get(at)?;
    let ran = wave.targets().map(|target| state.target(&target)).filter(|known| known.run.is_some());
    let last = ran.map(|known| known.since_ms).max()?;
    Some(last.saturating_add(ms(wave.soak?)))
}

fn soaks(state: &RolloutState, waves: &Waves) -> Vec<u64> {
    let open = |at: &usize| state.waves.get(at).is_some_and(|wave| wave.opened_ms.is_some() && !wave.passed);
    let running = state.stopped.is_none() && !state.draining;
    (0..waves.waves.len()).filter(|at| running && open(at)).filter_map(|at| soak_end(state, waves, at)).collect()
}

/// When a begin that nobody answers is not waited for by whoever drains.
pub(crate) fn unheard_at(known: &crate::TargetState) -> u64 {
    known.begun_ms.saturating_add(ANSWER_MS)
}

fn unheard(state: &RolloutState) -> Vec<u64> {
    let intended = state.targets.values().filter(|known| state.draining && known.status == TargetStatus::Intended);
    intended.map(unheard_at).collect()
}

/// When a rollout that only waits for what is owed is done.
fn rest(state: &RolloutState) -> Option<u64> {
    let owes = !state.finished && state.targets.values().any(|target| target.status.is_owed());
    owes.then(|| state.elapsed_ms + OWED_MS)
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

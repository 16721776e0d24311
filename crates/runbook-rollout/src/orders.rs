//! What is asked of hosts as the rollout stands. It follows from what is on record alone, so whoever goes on asks for the same.

use crate::artifacts::Giver;
use crate::{Artifact, HostStatus, Order, Reservation, RolloutState, Target, TargetStatus, TargetVerdict, Waves};
use runbook_model::{HostName, StepId};
use std::collections::BTreeSet;

/// All that is asked.
pub(crate) fn orders(state: &RolloutState, waves: &Waves) -> BTreeSet<Order> {
    if state.controller.is_none() {
        return BTreeSet::new();
    }
    let mut asked: BTreeSet<Order> = waves.targets().filter_map(|(_, target)| of_run(state, waves, target)).collect();
    if state.stopped.is_none() && !state.finished {
        asked.extend(before_the_first_change(state, waves));
        asked.extend(state.to_fetch(waves).into_iter().map(fetch));
        if !state.draining {
            asked.extend(before_begin(state, waves));
        }
    }
    asked.extend(let_go(state, waves).map(Order::Release));
    asked
}

/// Reach all, judge all, keep all; each in its turn.
fn before_the_first_change(state: &RolloutState, waves: &Waves) -> BTreeSet<Order> {
    let unknown = waves
        .hosts()
        .into_iter()
        .filter(|host| state.hosts.get(*host).is_none_or(|known| known.status == HostStatus::Unknown));
    let reach: BTreeSet<Order> = unknown.cloned().map(Order::Reach).collect();
    if !reach.is_empty() {
        return reach;
    }
    let judge: BTreeSet<Order> = waves
        .targets()
        .filter(|(_, target)| state.is_open(target) && state.status(target) == TargetStatus::New)
        .map(|(_, target)| Order::Judge { target, with_artifacts: false })
        .collect();
    if !judge.is_empty() {
        return judge;
    }
    let open = waves.targets().filter(|(_, target)| state.is_open(target)).map(|(_, target)| target.host);
    let busy = state.targets.iter().filter(|(_, known)| known.status.in_flight()).map(|(target, _)| &target.host);
    let busy: BTreeSet<&HostName> = busy.collect();
    let mut kept = BTreeSet::new();
    for host in open.collect::<BTreeSet<HostName>>() {
        let known = state.hosts.get(&host);
        // A run has taken the reservation over, and the host would be refused because of it.
        if known.is_some_and(|known| matches!(known.status, HostStatus::There(_))) && !busy.contains(&host) {
            kept.insert(Order::Reserve { request: known.map_or(0, |known| known.request), host: host.clone() });
            // In the order of the names, all or nothing.
            if known.is_none_or(|known| known.reserved == Reservation::None) {
                break;
            }
        }
    }
    kept
}

/// What targets of open waves still need.
fn before_begin(state: &RolloutState, waves: &Waves) -> Vec<Order> {
    let promoted = state.promoted(waves);
    let mut asked = Vec::new();
    for (at, target) in waves.targets() {
        let open = state.waves.get(&at).is_some_and(|wave| wave.opened_ms.is_some());
        let Some(wave) = waves.waves.get(at).filter(|_| open && state.is_open(&target)) else { continue };
        if state.lacks(&promoted, wave, &target).is_some() {
            continue;
        }
        let given = state.known(&target).map(|known| &known.given);
        let missing = wave.takes.keys().filter(|id| given.is_none_or(|given| !given.contains(*id)));
        let missing: Vec<(&StepId, &Artifact)> = missing.filter_map(|id| Some((id, *promoted.get(id)?))).collect();
        if missing.is_empty() && state.status(&target) == TargetStatus::Later {
            asked.push(Order::Judge { target: target.clone(), with_artifacts: true });
        }
        asked.extend(missing.into_iter().map(|(id, artifact)| Order::Give {
            target: target.clone(),
            artifact: id.clone(),
            digest: artifact.digest.clone(),
        }));
    }
    asked
}

fn of_run(state: &RolloutState, waves: &Waves, target: Target) -> Option<Order> {
    let known = state.known(&target)?;
    let (run, status) = (known.run.clone()?, known.status);
    Some(match status {
        // After a stop nothing begins, so a begin that nobody answered is only asked after.
        TargetStatus::Intended if state.stopped.is_none() => Order::Begin { target, run },
        TargetStatus::Intended | TargetStatus::Begun | TargetStatus::Held => Order::Follow { target, run },
        TargetStatus::Committing => Order::Commit { target, run },
        TargetStatus::Cancelling | TargetStatus::Lost => Order::Cancel { target, run },
        TargetStatus::GoingBack(_) | TargetStatus::BackOwed(_) if state.upon(waves, &target).next().is_none() => {
            Order::RollBack { target, run }
        }
        _ => return None,
    })
}

fn fetch((artifact, giver): (&StepId, Giver<'_>)) -> Order {
    let (from, run, digest) = (giver.target.clone(), giver.run.clone(), giver.what.digest.clone());
    Order::Fetch { from, run, artifact: artifact.clone(), digest }
}

impl RolloutState {
    /// Whether a plan cannot be judged for good, because a stage above has yet to change its host.
    pub(crate) fn is_too_early(&self, waves: &Waves, target: &Target) -> bool {
        let above = waves.wave_of(target).map(|(at, _)| waves.above(at)).unwrap_or_default();
        let mut earlier = waves.targets().filter(|(at, other)| above.contains(at) && other.host == target.host);
        self.status(target) == TargetStatus::New && earlier.any(|(_, other)| self.verdict(&other).is_none())
    }
}

/// Hosts that are kept and needed no more. One that is stuck stays kept.
fn let_go<'a>(state: &'a RolloutState, waves: &Waves) -> impl Iterator<Item = HostName> + use<'a> {
    let needed = waves.targets().filter(|(_, target)| {
        let status = state.status(target);
        let over = state.verdict(target).is_some_and(|verdict| verdict != TargetVerdict::Stuck);
        !over || status.is_owed() || matches!(status, TargetStatus::GoingBack(_))
    });
    let needed: BTreeSet<HostName> = needed.map(|(_, target)| target.host).collect();
    let kept = state.hosts.iter().filter(|(_, known)| known.reserved != Reservation::None).map(|(host, _)| host);
    kept.filter(move |host| !needed.contains(*host)).cloned()
}

//! What is asked of hosts as the rollout stands. It follows from what is on record alone, so whoever goes on asks for the same.

use crate::{HostStatus, Order, RolloutState, Target, TargetStatus, TargetVerdict, Waves};
use std::collections::BTreeSet;

/// All that is asked.
pub(crate) fn orders(state: &RolloutState, waves: &Waves) -> BTreeSet<Order> {
    if state.ids.is_none() {
        return BTreeSet::new();
    }
    let mut asked: BTreeSet<Order> = waves.targets().flat_map(|(_, target)| of_run(state, waves, target)).collect();
    if state.stopped.is_none() && !state.finished {
        asked.extend(before_the_first_change(state, waves));
        if !state.draining {
            asked.extend(waves.targets().flat_map(|(at, target)| before_begin(state, waves, at, &target)));
        }
    }
    asked.extend(
        state
            .hosts
            .iter()
            .filter(|(host, _)| lets_go(state, waves, host))
            .map(|(host, _)| Order::Release(host.clone())),
    );
    asked
}

/// Reach all, judge all, keep all; each in its turn.
fn before_the_first_change(state: &RolloutState, waves: &Waves) -> BTreeSet<Order> {
    let unknown = waves.hosts().into_iter().filter(|host| state.host(host).status == HostStatus::Unknown);
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
    let mut kept = BTreeSet::new();
    for host in waves.hosts() {
        let wanted = waves.targets().any(|(_, target)| target.host == *host && state.is_open(&target));
        if wanted && matches!(state.host(host).status, HostStatus::There(_)) {
            kept.insert(Order::Reserve(host.clone()));
            if !state.host(host).reserved {
                break;
            }
        }
    }
    kept
}

/// What a target of an open wave still needs.
fn before_begin(state: &RolloutState, waves: &Waves, at: usize, target: &Target) -> Vec<Order> {
    let open = state.waves.get(&at).is_some_and(|wave| wave.opened_ms.is_some());
    if !open || !state.is_open(target) || state.lacks(waves, target).is_some() {
        return Vec::new();
    }
    let Some(wave) = waves.waves.get(at) else { return Vec::new() };
    let given = state.target(target).given;
    let missing = wave.takes.keys().filter(|id| !given.contains(*id));
    let give: Vec<Order> = missing
        .filter_map(|id| {
            let digest = state.artifact(waves, id)?.digest.clone();
            Some(Order::Give { target: target.clone(), artifact: id.clone(), digest })
        })
        .collect();
    if give.is_empty() && state.status(target) == TargetStatus::Later {
        return vec![Order::Judge { target: target.clone(), with_artifacts: true }];
    }
    give
}

fn of_run(state: &RolloutState, waves: &Waves, target: Target) -> Vec<Order> {
    let known = state.target(&target);
    let Some(run) = known.run else { return Vec::new() };
    let order = match known.status {
        // After a stop nothing begins, so a begin that nobody answered is only asked after.
        TargetStatus::Intended if state.stopped.is_none() => Order::Begin { target, run },
        TargetStatus::Intended | TargetStatus::Begun | TargetStatus::Held => Order::Follow { target, run },
        TargetStatus::Committing => Order::Commit { target, run },
        TargetStatus::Cancelling | TargetStatus::Lost => Order::Cancel { target, run },
        TargetStatus::GoingBack(_) | TargetStatus::BackOwed(_) => Order::RollBack { target, run },
        TargetStatus::Ended(TargetVerdict::Ok) => {
            let fetch = state.to_fetch(waves).into_iter().filter(|(_, from)| *from == target);
            let order = |(artifact, from)| {
                let digest = known.gives.get(&artifact)?.digest.clone();
                Some(Order::Fetch { from, run: run.clone(), artifact, digest })
            };
            return fetch.filter_map(order).collect();
        }
        _ => return Vec::new(),
    };
    vec![order]
}

/// Whether a host that is kept is needed no more. One that is stuck stays kept.
fn lets_go(state: &RolloutState, waves: &Waves, host: &runbook_model::HostName) -> bool {
    if !state.host(host).reserved {
        return false;
    }
    waves.targets().filter(|(_, target)| target.host == *host).all(|(_, target)| {
        let status = state.status(&target);
        let over = state.verdict(&target).is_some_and(|verdict| verdict != TargetVerdict::Stuck);
        over && !status.is_owed() && !matches!(status, TargetStatus::GoingBack(_))
    })
}

impl RolloutState {
    /// Whether `target` may still begin.
    pub(crate) fn is_open(&self, target: &Target) -> bool {
        self.status(target).may_begin() && self.verdict(target).is_none()
    }
}

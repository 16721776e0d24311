//! The heart: from what is known and what just came in, what to record, whom to tell, and whether to leave.

use crate::deadlines::unheard_at;
use crate::next::{next, overdue};
use crate::orders::orders;
use crate::{
    Action, Approve, Came, How, Input, Judged, Now, Order, RolloutEvent, RolloutRecord, RolloutState, TargetState,
    TargetStatus, TargetVerdict, Told, Waves, WhyLeave, evidence,
};
use std::collections::BTreeSet;

/// What to do about `input`. Records come first; each is to be durable and applied to `state` before an order behind it is sent.
pub fn decide(state: &RolloutState, waves: &Waves, input: &Input) -> Vec<Action> {
    if matches!(input.came, Came::Superseded) {
        return vec![Action::Leave(WhyLeave::Superseded)];
    }
    let mut ahead = state.clone();
    let mut records = Vec::new();
    for event in answer(state, waves, input) {
        record(&mut ahead, &mut records, input.now, event);
    }
    while let Some(event) = next(&ahead, waves, input.now).or_else(|| overdue(&ahead, waves, input.now)) {
        // What may not follow would come again for ever.
        if !record(&mut ahead, &mut records, input.now, event) {
            break;
        }
    }
    if records.is_empty() && !matches!(input.came, Came::Back(_)) {
        return leave(&ahead, input.now).map(Action::Leave).into_iter().collect();
    }
    let before = still_asked(state, waves, &input.came);
    let sends = orders(&ahead, waves).into_iter().filter(|order| !before.contains(order)).map(Action::Send);
    let mut actions: Vec<Action> = records.into_iter().map(Action::Record).collect();
    actions.extend(sends);
    actions.extend(leave(&ahead, input.now).map(Action::Leave));
    actions
}

/// What hosts were told already, and need not be told again.
fn still_asked(state: &RolloutState, waves: &Waves, came: &Came) -> BTreeSet<Order> {
    match came {
        Came::TakeOver(_) => BTreeSet::new(),
        Came::Back(host) => {
            // What is to begin nothing more begins nothing again.
            let told = |order: &Order| order.host() != host || (state.draining && matches!(order, Order::Begin { .. }));
            orders(state, waves).into_iter().filter(told).collect()
        }
        _ => orders(state, waves),
    }
}

fn record(ahead: &mut RolloutState, records: &mut Vec<RolloutEvent>, now: Now, event: RolloutEvent) -> bool {
    let epoch = ahead.epoch + u64::from(matches!(event, RolloutEvent::Started { .. } | RolloutEvent::TakenOver { .. }));
    let elapsed_ms = now.elapsed_ms.max(ahead.elapsed_ms);
    let record = RolloutRecord { seq: ahead.seq + 1, at: now.date_ms, elapsed_ms, epoch, event };
    let fits = ahead.apply(&record).is_ok();
    if fits {
        records.push(record.event);
    }
    fits
}

/// What comes on record of what came in. What does not fit, because it came late or twice, is left out by [`record`].
fn answer(state: &RolloutState, waves: &Waves, input: &Input) -> Vec<RolloutEvent> {
    use RolloutEvent as E;
    let event = match input.came.clone() {
        Came::Tick | Came::Back(_) | Came::Superseded => return Vec::new(),
        Came::Start(controller) => E::Started {
            rollout: waves.rollout.clone(),
            digest: waves.digest.clone(),
            attempt: waves.attempt,
            controller,
        },
        Came::TakeOver(controller) => E::TakenOver { controller },
        Came::Reached { host, platform } => E::Reached { host, platform },
        Came::Unreachable { host, because } => E::Unreachable { host, because },
        Came::Judged { target, .. } if state.is_too_early(waves, &target) => {
            E::Judged { target, judged: Judged::Later }
        }
        Came::Judged { target, judged } => E::Judged { target, judged },
        Came::Reserved { host, request } | Came::NotReserved { host, request, .. }
            if request != state.host(&host).request =>
        {
            // A run, or another controller, came in between.
            return Vec::new();
        }
        Came::Reserved { host, .. } => E::Reserved { host },
        Came::NotReserved { host, holder, .. } => E::NotReserved { host, holder },
        Came::Fetched { from, artifact, digest } => {
            let givers = state.givers(waves, &artifact);
            match givers.into_iter().find(|giver| *giver.target == from) {
                Some(giver) if giver.what.digest == digest => E::Fetched { artifact, digest },
                Some(_) => E::NotFetched { artifact, from, because: format!("what came has the digest {digest}") },
                None => return Vec::new(),
            }
        }
        Came::NotFetched { from, artifact, because } => E::NotFetched { artifact, from, because },
        Came::Given { target, artifact, digest } => match state.artifact(waves, &artifact) {
            Some(promised) if promised.digest == digest => E::Given { target, artifact, digest },
            _ => return Vec::new(),
        },
        Came::NotGiven { target, because } => E::Refused { target, because },
        Came::Begun(target) => E::Begun { target },
        Came::Held(target) => E::Held { target },
        Came::Ended { target, verdict, gives } => E::Ended { target, verdict, gives },
        Came::NotThere(target) => return not_there(state, target),
        Came::TookBack { target, whole } => E::TookBack { target, whole },
        Came::Told(Told::Approve(approve)) => approved(state, waves, approve, input.now),
        Came::Told(Told::Drain { by }) => E::DrainAsked { by },
        Came::Told(Told::Cancel { by }) => E::CancelAsked { by },
        Came::Told(Told::RollBack { by }) => E::RollbackAsked { by },
    };
    vec![event]
}

/// A run that its host never knew changed nothing, and one that was only followed or cancelled never begins. Of one that it knew, and
/// does not know any more, nobody knows what it changed.
fn not_there(state: &RolloutState, target: crate::Target) -> Vec<RolloutEvent> {
    let verdict = match state.status(&target) {
        _ if state.target(&target).on_record => TargetVerdict::Failed(How::Forgotten),
        TargetStatus::Intended if state.stopped.is_none() => return Vec::new(),
        TargetStatus::Intended | TargetStatus::Cancelling if state.stopped.is_some() => TargetVerdict::LeftAlone,
        _ => TargetVerdict::Failed(How::Refused),
    };
    vec![RolloutEvent::Ended { target, verdict, gives: Vec::new() }]
}

/// An approval counts for the rollout, the wave and the evidence that were shown, and for nothing else.
fn approved(state: &RolloutState, waves: &Waves, approve: Approve, now: Now) -> RolloutEvent {
    let Approve { rollout, wave, evidence: shown, by } = approve;
    let gate = waves.waves.get(wave).and_then(|wave| wave.approve.as_ref());
    let waits = state.waves.get(&wave).is_some_and(|known| known.asked.is_some() && known.opened_ms.is_none());
    let because = match gate {
        _ if rollout != waves.digest => "it is for another rollout, or for an earlier text of this one",
        Some(gate) if !gate.by.is_empty() && !gate.by.contains(&by) => "the rollout does not name them",
        Some(_) if !waits || state.stopped.is_some() => "the wave does not wait for it",
        Some(gate) if shown == evidence(state, waves, wave) => {
            let within = i64::try_from(gate.within.as_millis()).unwrap_or(i64::MAX);
            return RolloutEvent::Approved { wave, evidence: shown, by, until: now.date_ms.saturating_add(within) };
        }
        Some(_) => "it is for other evidence than there is now",
        None => "the wave asks for none",
    };
    RolloutEvent::ApprovalRefused { wave, by, because: because.to_owned() }
}

fn leave(state: &RolloutState, now: Now) -> Option<WhyLeave> {
    // Whoever drains does not wait for a begin that nobody answers: it is asked for again by whoever goes on.
    let unheard = |known: &TargetState| known.status == TargetStatus::Intended && unheard_at(known) <= now.elapsed_ms;
    let at_work = || state.targets.values().any(|known| known.status.is_busy() && !unheard(known));
    match (state.finished, state.draining) {
        (true, _) if !state.is_at_work() => Some(WhyLeave::Finished),
        (false, true) if !at_work() && state.stopped.is_none() => Some(WhyLeave::Drained),
        _ => None,
    }
}

//! Secrets that are handed in while the run waits for them: which are asked for, when, and what follows. Pure.
//!
//! They are asked for before the first change, and again when another process goes on with the run: no process hands its
//! secrets to the next one.

use crate::action::{Action, Await, over};
use crate::forward::{nothing_begins, roll_back};
use crate::secrets::Secrets;
use crate::{Execution, HandedIn, Program, SecretUse};
use runbook_model::{
    Entry, Event, Node, Reference, RollbackCause, RunPhase, RunState, SecretWait, StepStatus, Verdict,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// What came of waiting for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is in memory.
    HandedIn,
    /// Nobody handed it in, and why no longer is waited.
    Missed(String),
    /// It is not waited for any more: the run is interrupted, or over.
    Withdrawn,
}

impl Program {
    /// The secrets of the plan that are handed in, as far as `secrets` was asked for them.
    pub(crate) fn handed_in(&self, secrets: &Secrets, within: Duration) -> HandedIn {
        let named = |nodes: &mut dyn Iterator<Item = &Node>| -> Vec<String> {
            let secret = |reference: &Reference| match reference {
                Reference::Secret(name) if secrets.is_handed_in(name) => Some(name.clone()),
                _ => None,
            };
            nodes.flat_map(|node| node.waits_for().into_iter().filter_map(secret).collect::<Vec<_>>()).collect()
        };
        let uses = self.plan().steps.iter().map(|def| {
            let undo_uses = |entry: &&Entry| self.undo_uses(def, &entry.key);
            SecretUse {
                step: def.id.clone(),
                forward: named(&mut std::iter::once(&def.with)),
                back: named(&mut def.with.entries().iter().filter(undo_uses).map(|entry| &entry.value)),
            }
        });
        HandedIn { within, uses: uses.filter(|one| !one.forward.is_empty()).collect() }
    }
}

/// The records and waits of the secrets that are used from here on and that nobody of this process was asked for.
pub(crate) fn ask(state: &RunState, execution: &Execution) -> Vec<Action> {
    if !still_waits(state) {
        return Vec::new();
    }
    let HandedIn { within, uses } = &execution.handed_in;
    let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
    let used: BTreeSet<&String> = uses.iter().flat_map(|one| used(state, execution, one)).collect();
    let unasked = used.into_iter().filter(|secret| !state.secrets.contains_key(*secret));
    let ask = |secret: &String| {
        let asked = Event::SecretAsked { secret: secret.clone(), within_ms };
        [Action::Record(asked), Action::Await(Await::Secret { secret: secret.clone(), within: *within })]
    };
    unasked.flat_map(ask).collect()
}

fn used<'a>(state: &RunState, execution: &Execution, one: &'a SecretUse) -> &'a [String] {
    let Some(known) = state.step(&one.step) else { return &[] };
    let verifies = || execution.verifications.contains(&one.step) && known.baseline.is_some();
    match (&state.phase, known.status) {
        // Nothing is to be taken back.
        (RunPhase::RollingBack(_), _) if !state.has_acted() => &[],
        // The signals are read again after the rollback.
        (RunPhase::RollingBack(_), _) if verifies() => &one.forward,
        // Backups are put back, and services are halted a second time: what counts is that it has begun.
        (RunPhase::RollingBack(_), _) if known.attempts > 0 => &one.back,
        // The plan lets its failure pass, and it is taken back on the way.
        (RunPhase::Forward, StepStatus::FailedTouched | StepStatus::Undoing) => &one.back,
        (RunPhase::Forward, status) if !status.is_over() && known.needed != Some(false) => {
            if nothing_begins(state, execution) { &[] } else { &one.forward }
        }
        _ => &[],
    }
}

/// Whether a secret may still be waited for by this process.
pub(crate) fn still_waits(state: &RunState) -> bool {
    match state.phase {
        RunPhase::Forward => !state.draining && !state.cancelling,
        RunPhase::RollingBack(_) => !state.draining,
        RunPhase::New | RunPhase::Finished(_) => false,
    }
}

/// What follows when waiting for `secret` is over; `go_on` is what the run does when nothing is missing any more. Going back
/// goes on without what is not there: the host refuses what would use it, and the rest is taken back.
pub(crate) fn after(state: &RunState, secret: String, came: Came, go_on: impl FnOnce() -> Vec<Action>) -> Vec<Action> {
    if !still_waits(state) {
        return Vec::new();
    }
    let is_other = |(other, wait): (&String, &SecretWait)| *other != secret && matches!(wait, SecretWait::Asked { .. });
    let waits_for_others = state.secrets.iter().any(is_other);
    let (record, missed) = match came {
        Came::Withdrawn => return Vec::new(),
        Came::HandedIn => (Event::SecretHandedIn { secret }, None),
        Came::Missed(because) => {
            let note = format!("the secret `{secret}` was not handed in: {because}");
            (Event::SecretMissed { secret, because }, Some(note))
        }
    };
    let mut actions = vec![Action::Record(record)];
    match missed.filter(|_| state.phase == RunPhase::Forward) {
        Some(because) if state.has_acted() => actions.extend(roll_back(RollbackCause::CannotGoOn { because })),
        Some(because) => actions.extend(over(Verdict::Refused, format!("{because}; nothing had been changed"))),
        None if waits_for_others => {}
        None => actions.extend(go_on()),
    }
    actions
}

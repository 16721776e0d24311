//! A step of a run: what the plan says of it, what it is for, and what became of it.

use super::Kept;
use crate::time;
use runbook_model::{Question, Role, RunState, SignalSource, StepDef, StepId, StepState, StepStatus, Waiting};
use std::collections::HashMap;

#[derive(Clone, Copy, Debug)]
pub(crate) struct StepRow<'a> {
    pub(crate) id: &'a StepId,
    /// Its kind, as the plan writes it.
    pub(crate) uses: Option<&'a str>,
    pub(crate) roles: &'a [Role],
    pub(crate) now: StepNow<'a>,
    pub(crate) state: &'a StepState,
}

/// Where a step is: what `status` tells of it too, which reads no plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepNow<'a> {
    pub(crate) id: &'a StepId,
    pub(crate) status: StepStatus,
    pub(crate) waits_for: Option<Waits<'a>>,
    /// Since when something is under way for it, in milliseconds since 1970.
    pub(crate) since: Option<i64>,
}

/// Whom a step waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waits<'a> {
    /// A person, who lets it go on with a command.
    Approval(&'a Waiting),
    /// A person at the terminal of the run.
    Answer(&'a Question),
}

/// Where each step is, in the order of the plan's file.
pub(crate) fn steps_now(state: &RunState) -> impl Iterator<Item = StepNow<'_>> {
    state.steps().map(|(id, step)| now(id, step))
}

fn now<'a>(id: &'a StepId, step: &'a StepState) -> StepNow<'a> {
    let since = match step.status {
        StepStatus::Started | StepStatus::Intended | StepStatus::Retrying => step.started_at,
        StepStatus::Halting | StepStatus::Undoing => step.undo_started_at,
        _ => None,
    };
    let approval = step.waits_for.as_ref().map(Waits::Approval);
    let waits_for = approval.or_else(|| step.asks.as_ref().map(Waits::Answer));
    StepNow { id, status: step.status, waits_for, since }
}

/// The steps in the order of the plan's file.
pub(super) fn rows<'a>(kept: &Kept<'a>) -> Vec<StepRow<'a>> {
    let definitions: HashMap<&StepId, &StepDef> = kept.plan.steps.iter().map(|step| (&step.id, step)).collect();
    let row = |(id, state)| StepRow {
        id,
        uses: definitions.get(id).map(|step| step.uses.as_str()),
        roles: kept.roles.and_then(|roles| roles.get(id)).map(Vec::as_slice).unwrap_or_default(),
        now: now(id, state),
        state,
    };
    kept.state.steps().map(row).collect()
}

impl<'a> StepRow<'a> {
    pub(crate) fn plays(&self, part: impl Fn(&Role) -> bool) -> bool {
        self.roles.iter().any(part)
    }

    /// Where it reads `signal`.
    pub(super) fn source(&self, signal: &str) -> Option<SignalSource> {
        self.roles.iter().find_map(|role| match role {
            Role::Signals(sources) => sources.get(signal).copied(),
            _ => None,
        })
    }

    /// The names of the answers that it keeps.
    pub(super) fn captures(&self) -> &'a [String] {
        let names = self.roles.iter().find_map(|role| match role {
            Role::Capture(names) => Some(names.as_slice()),
            _ => None,
        });
        names.unwrap_or_default()
    }

    /// When it began; empty if it did not.
    pub(crate) fn began(&self) -> String {
        self.state.started_at.map(time::clock).unwrap_or_default()
    }

    /// How long it took; empty if it did not end.
    pub(crate) fn took(&self) -> String {
        let span = self.state.started_at.zip(self.state.finished_at);
        span.map(|(from, to)| time::elapsed(to - from)).unwrap_or_default()
    }
}

//! Which step of a run a service is reached by.

use crate::service::named_service;
use crate::{RunState, StepId};
use serde_json::Value;

/// The step by which the service `name` is reached: the last one that moved it, or the one that found it.
pub fn service_step<'a>(state: &'a RunState, name: &str) -> Option<&'a StepId> {
    let is_it = |data: Option<&Value>| named_service(data).is_some_and(|(known, _)| known == name);
    let moved = state.steps().filter(|(_, step)| is_it(step.undo.as_ref())).max_by_key(|(_, step)| step.intent_seq);
    let found = || state.steps().find(|(_, step)| is_it(step.found.as_ref().map(|found| &found.data)));
    moved.or_else(found).map(|(step, _)| step)
}

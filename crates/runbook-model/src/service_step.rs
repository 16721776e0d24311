//! Which step of a run a service is reached by.

use crate::{RunState, StepId};

/// The step by which the service `name` is reached: the last one that moved it, or the one that found it.
pub fn service_step<'a>(state: &'a RunState, name: &str) -> Option<&'a StepId> {
    let by_name = state.steps().filter(|(_, step)| step.service() == Some(name));
    by_name.max_by_key(|(_, step)| step.intent_seq).map(|(step, _)| step)
}

//! What makes a process that runs older than what it should run. Pure.

use crate::Execution;
use runbook_model::{Declaration, Purpose, Resource, Role, StepId};

/// Whether what `starts` brings up has to be a new process once `earlier` has changed something: it stops the service,
/// or it changes files or packages that the service may run. Files of the unit itself are looked at by the step.
pub(crate) fn ages(execution: &Execution, earlier: &StepId, starts: &Declaration) -> bool {
    let Some(earlier) = execution.schedule.declaration(earlier) else { return true };
    let services: Vec<&Resource> = starts.starts().collect();
    if earlier.plays(|role| matches!(role, Role::Stop(service) if services.contains(&service))) {
        return true;
    }
    let is_runnable = |resource: &Resource| match resource {
        Resource::Path(_) | Resource::UnknownPath | Resource::Package(_) | Resource::Everything => true,
        Resource::Unit(_) | Resource::Job(_) | Resource::Process(_) | Resource::Port(_) => false,
    };
    earlier.purpose == Purpose::Principal
        && earlier.written().any(is_runnable)
        && !earlier.written().any(|written| services.contains(&written))
}

/// Whether a step brings a service up, and no more.
pub(crate) fn only_starts(declaration: &Declaration) -> bool {
    declaration.plays(|role| matches!(role, Role::Start(_)))
}

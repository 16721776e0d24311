//! What a run reads of services besides what its steps do to them: how they were before the first change, whether a boot
//! in the middle of the run brought them back, and how they are at its end. Pure.

use crate::Execution;
use crate::action::{Action, Job};
use runbook_model::{Event, RunState, ServiceFound, StepId, StepState, service_step};

/// The steps that read the host before the first change and have not: first of each service, then of signals.
pub(crate) fn unread<'a>(state: &'a RunState, execution: &'a Execution) -> impl Iterator<Item = Job> + use<'a> {
    let touched = state.may_have_touched();
    let of = move |steps: &'a [StepId], is_open: fn(&StepState) -> bool| {
        let wanted = move |step: &&StepId| state.step(step).is_some_and(|it| it.needed != Some(false) && is_open(it));
        steps.iter().filter(move |_| !touched).filter(wanted).cloned()
    };
    let services = of(&execution.movers, |known| known.found.is_none()).map(Job::Find);
    services.chain(of(&execution.verifications, |known| known.baseline.is_none()).map(Job::Baseline))
}

/// The next service of which it is to be seen whether a boot left it down. A run that had come to an end owes it to nobody.
pub(crate) fn to_look_after<'a>(state: &'a RunState, execution: &'a Execution) -> Option<&'a StepId> {
    let was_up = |found: &ServiceFound| found.service.as_ref().is_some_and(|service| service.up);
    let open = found(state, execution).find(|(_, found)| was_up(found) && !found.looked_after);
    open.filter(|_| !state.had_ended).map(|(step, _)| step)
}

/// How services were before the first change, each with the step that found it.
fn found<'a>(state: &'a RunState, execution: &'a Execution) -> impl Iterator<Item = (&'a StepId, &'a ServiceFound)> {
    execution.movers.iter().filter_map(|step| Some((step, state.step(step)?.found.as_ref()?)))
}

/// Services that were up before the run and do not come up again.
pub(crate) fn down_for_good(state: &RunState, execution: &Execution) -> Vec<String> {
    found(state, execution).filter_map(|(_, found)| Some(found.failure.as_ref()?.message.clone())).collect()
}

/// `actions`, or, where they end the run, first a reading of each service that it had its hands on.
pub(crate) fn read_before_the_end(state: &RunState, actions: Vec<Action>) -> Vec<Action> {
    let ends = |action: &Action| matches!(action, Action::Record(Event::RunFinished { .. }));
    if !actions.iter().any(ends) {
        return actions;
    }
    let unread = state.services.iter().filter(|(_, time)| time.seen.is_none());
    let look = |(service, _): (&String, _)| {
        let step = service_step(state, service)?.clone();
        Some(Action::Start(Job::Close { step, service: service.clone() }))
    };
    let looks: Vec<Action> = unread.filter_map(look).collect();
    if looks.is_empty() { actions } else { looks }
}

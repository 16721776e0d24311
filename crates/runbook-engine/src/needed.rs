//! Which steps have to run: those that have something to do of their own, and those that serve them. Pure.

use crate::Program;
use runbook_model::{Prediction, Purpose, Resource, Role, StepId};
use std::collections::{HashMap, HashSet, VecDeque};

impl Program {
    /// The steps that have to run: those that have something to do of their own, and all that serve them.
    pub(crate) fn needed(
        &self,
        predictions: &HashMap<StepId, Prediction>,
        skipped: &HashSet<StepId>,
    ) -> HashSet<StepId> {
        let schedule = &self.execution.schedule;
        let order = schedule.order();
        let has_principals = order.iter().any(|step| self.purpose(step) == Purpose::Principal);
        let changes_nothing = !has_principals && !order.iter().any(|step| self.moves_a_service(step));
        let own = |step: &&StepId| {
            let unchanged = predictions.get(*step).is_none_or(Prediction::is_no_change);
            let works = !unchanged && self.works_for_itself(step, has_principals);
            !skipped.contains(*step) && (works || (changes_nothing && self.is_evidence(step)))
        };
        let mut needed: HashSet<StepId> = order.iter().filter(own).cloned().collect();
        if needed.is_empty() {
            return needed;
        }
        let after = reach(&needed, |step| schedule.after(step).cloned().collect());
        let before = reach(&needed, |step| schedule.before(step).cloned().collect());
        for step in order {
            let serves = self.purpose(step) == Purpose::Attendant && (after.contains(step) || before.contains(step));
            if !skipped.contains(step) && (serves || self.purpose(step) == Purpose::Inspection) {
                needed.insert(step.clone());
            }
        }
        // A backup that a person wrote may hold what no step declares: it is made whenever anything changes.
        needed.extend(self.execution.backups.iter().filter(|step| !skipped.contains(*step)).cloned());
        let up: Vec<StepId> = order.iter().filter(|step| needed.contains(*step)).cloned().collect();
        for start in up {
            let within =
                schedule.before(&start).filter(|step| self.makes_way(step, &start) && !skipped.contains(*step));
            needed.extend(within.cloned());
        }
        needed
    }

    /// Whether `step` is what the service that `start` brings up has to go through first: its stop, and a cache that is
    /// cleared meanwhile. Otherwise a change beside them would be made under a service that runs, and `start` would find
    /// it up.
    fn makes_way(&self, step: &StepId, start: &StepId) -> bool {
        let Some(declaration) = self.execution.schedule.declaration(start) else { return false };
        let starts: Vec<_> = declaration.starts().collect();
        self.plays(step, |role| match role {
            Role::Stop(service) => starts.contains(&service),
            Role::ClearCache => !starts.is_empty(),
            _ => false,
        })
    }

    /// Whether it stops, starts or restarts something, or makes room for it.
    fn moves_a_service(&self, step: &StepId) -> bool {
        self.plays(step, |role| role.moves().is_some() || matches!(role, Role::FreePort(_) | Role::ClearCache))
    }

    /// The step that brings down, in this run, what `step` starts. What runs now is then no sign that nothing is to do.
    pub(crate) fn stopped_by<'a>(&self, step: &StepId, needed: &'a HashSet<StepId>) -> Option<&'a StepId> {
        if !self.plays(step, |role| matches!(role, Role::Start(_))) {
            return None;
        }
        let starts = |service: &Resource| self.plays(step, |role| matches!(role, Role::Start(up) if up == service));
        let stops = |earlier: &StepId| self.plays(earlier, |role| matches!(role, Role::Stop(down) if starts(down)));
        let earlier = self.execution.schedule.order().iter().take_while(|earlier| *earlier != step);
        earlier.filter_map(|earlier| needed.get(earlier)).find(|earlier| stops(earlier))
    }

    /// A plan of backups and verifications alone is run for their sake.
    fn is_evidence(&self, step: &StepId) -> bool {
        self.plays(step, |role| role.is_backup() || role.verifies())
    }

    /// Whether something to do for this step is a reason to run the plan. A service that is down and should be up is
    /// one; a stop for the sake of a change is none.
    fn works_for_itself(&self, step: &StepId, has_principals: bool) -> bool {
        let Some(declaration) = self.execution.schedule.declaration(step) else { return true };
        match declaration.purpose {
            Purpose::Principal => true,
            Purpose::Inspection => false,
            Purpose::Attendant => declaration.roles.iter().any(|role| match role {
                Role::Start(_) | Role::Restart(_) | Role::FreePort(_) => true,
                Role::Stop(service) => !self.context.services.contains(service),
                Role::ClearCache => !has_principals,
                _ => false,
            }),
        }
    }
}

/// Everything that is reached from `from` by `next`, without `from` itself.
fn reach(from: &HashSet<StepId>, next: impl Fn(&StepId) -> Vec<StepId>) -> HashSet<StepId> {
    let mut reached = HashSet::new();
    let mut queue: VecDeque<StepId> = from.iter().cloned().collect();
    while let Some(step) = queue.pop_front() {
        for neighbour in next(&step) {
            if reached.insert(neighbour.clone()) {
                queue.push_back(neighbour);
            }
        }
    }
    reached
}

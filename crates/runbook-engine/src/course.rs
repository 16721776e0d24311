//! What `decide` needs to know of a plan besides the order: the policy of each step.

use runbook_model::{OnFailure, Plan, Retry, Role, StepId};
use runbook_schedule::{Reason, Schedule};
use std::collections::HashMap;
use std::time::Duration;

/// A schedule with the policies of its steps.
#[derive(Clone, Debug)]
pub struct Course {
    /// The order and the declarations.
    pub schedule: Schedule,
    /// How many steps may run at the same time; at least 1.
    pub parallel: usize,
    /// How long a person is waited for who can be asked what the evidence does not tell; `None` where nobody is there.
    pub asks_for: Option<Duration>,
    policies: HashMap<StepId, Policy>,
    ranks: Vec<Rank>,
    backups: Vec<StepId>,
}

/// A step in the order of the schedule, by its place in the plan's file: what the search for ready steps reads.
#[derive(Clone, Debug)]
pub(crate) struct Rank {
    /// Its place in the file.
    pub(crate) at: usize,
    /// Its id.
    pub(crate) step: StepId,
    /// What it waits for.
    pub(crate) waits: Vec<Wait>,
}

/// One step that another waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// Its place in the file.
    pub(crate) on: usize,
    /// Whether the plan says so in `needs` or by using an output, so that there is no going on without it.
    pub(crate) written: bool,
}

/// What happens when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How often it is tried.
    pub retry: Retry,
    /// What its failure leads to.
    pub on_failure: OnFailure,
}

impl Course {
    /// The course of `plan` in the order of `schedule`.
    pub fn new(plan: &Plan, schedule: Schedule, parallel: usize) -> Self {
        let policy = |step: &runbook_model::StepDef| Policy { retry: step.retry, on_failure: step.on_failure };
        let policies = plan.steps.iter().map(|step| (step.id.clone(), policy(step))).collect();
        let places: HashMap<&StepId, usize> = plan.steps.iter().map(|step| &step.id).zip(0..).collect();
        let rank = |step: &StepId| {
            let wait = |edge: &runbook_schedule::Edge| {
                let written = edge.reasons.iter().any(Reason::is_written);
                places.get(&edge.before).map(|on| Wait { on: *on, written })
            };
            let waits = schedule.explain(step).into_iter().filter_map(wait).collect();
            places.get(step).map(|at| Rank { at: *at, step: step.clone(), waits })
        };
        let ranks = schedule.order().iter().filter_map(rank).collect();
        let is_backup = |step: &&StepId| {
            let roles = schedule.declaration(step).map_or(&[][..], |declaration| &declaration.roles);
            roles.iter().any(|role| matches!(role, Role::Backup(_)))
        };
        let backups = schedule.order().iter().filter(is_backup).cloned().collect();
        Self { schedule, parallel: parallel.max(1), asks_for: None, policies, ranks, backups }
    }

    /// The steps that make backups.
    pub(crate) fn backups(&self) -> impl Iterator<Item = &StepId> {
        self.backups.iter()
    }

    /// The steps in the order of the schedule.
    pub(crate) fn ranks(&self) -> &[Rank] {
        &self.ranks
    }

    /// The policy of `step`; the default one for a step that is not in the plan.
    pub fn policy(&self, step: &StepId) -> Policy {
        self.policies.get(step).copied().unwrap_or_default()
    }
}

//! What `decide` needs to know of a plan besides the order: the policy of each step.

use crate::HandedIn;
use runbook_model::{OnFailure, Plan, Retry, Role, StepId};
use runbook_schedule::{Reason, Schedule};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// A schedule with the policies of its steps.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The order and the declarations.
    pub schedule: Schedule,
    /// How many steps may run at the same time; at least 1.
    pub parallel: usize,
    /// How long a person is waited for who can be asked what the evidence does not tell; `None` where nobody is there.
    pub patience: Option<Duration>,
    /// The secrets that are handed in while the run waits for them.
    pub handed_in: HandedIn,
    policies: HashMap<StepId, Policy>,
    ranks: Vec<Rank>,
    /// For each place in the file, the first rank of it and of all later places.
    first_ranks: Vec<usize>,
    /// The steps that make backups, as all of these in the order of the schedule.
    pub(crate) backups: Vec<StepId>,
    /// The steps whose place on the way back is not simply that of their intent: those that stop, start or restart a service, or
    /// make a backup.
    pub(crate) landmarks: Vec<StepId>,
    /// The steps that judge evidence.
    pub(crate) verifications: Vec<StepId>,
    /// The steps that inspect services.
    pub(crate) inspections: Vec<StepId>,
    /// The first step of each service that the plan stops, starts or restarts.
    pub(crate) movers: Vec<StepId>,
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
    /// Whether everything that comes later waits for it, directly or not: while it is not over, nothing later is ready.
    pub(crate) is_narrow: bool,
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

impl Execution {
    /// How `plan` is executed in the order of `schedule`.
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
            places.get(step).map(|at| Rank { at: *at, step: step.clone(), waits, is_narrow: false })
        };
        let mut ranks: Vec<Rank> = schedule.order().iter().filter_map(rank).collect();
        narrow(&mut ranks);
        let first_ranks = first_ranks(&ranks, plan.steps.len());
        let with = |part: fn(&Role) -> bool| -> Vec<StepId> {
            schedule.order().iter().filter(|step| schedule.plays(step, part)).cloned().collect()
        };
        Self {
            parallel: parallel.max(1),
            patience: None,
            handed_in: HandedIn::default(),
            policies,
            ranks,
            first_ranks,
            backups: with(Role::is_backup),
            landmarks: with(|role| role.is_backup() || role.moves().is_some()),
            verifications: with(Role::verifies),
            inspections: with(|role| matches!(role, Role::Inspect)),
            movers: movers(&schedule),
            schedule,
        }
    }

    /// The steps in the order of the schedule, without those of which it is clear that none stands at `place` in the file or
    /// behind it.
    pub(crate) fn ranks_from(&self, place: usize) -> &[Rank] {
        self.first_ranks.get(place).and_then(|first| self.ranks.get(*first..)).unwrap_or_default()
    }

    /// The policy of `step`; the default one for a step that is not in the plan.
    pub fn policy(&self, step: &StepId) -> Policy {
        self.policies.get(step).copied().unwrap_or_default()
    }
}

/// The first step of each service, in the order of the schedule.
fn movers(schedule: &Schedule) -> Vec<StepId> {
    let mut known = HashSet::new();
    let mut first = |step: &&StepId| {
        let seen = known.len();
        known.extend(schedule.declaration(step).into_iter().flat_map(|it| &it.roles).filter_map(Role::moves).cloned());
        known.len() > seen
    };
    schedule.order().iter().filter(|step| first(step)).cloned().collect()
}

/// Marks the steps for which everything later waits. Every later step does if each of them waits for some step that is
/// not earlier: the first of those can wait for nothing but this one, and the others for it or for one another.
fn narrow(ranks: &mut [Rank]) {
    let nth: HashMap<usize, usize> = ranks.iter().map(|rank| rank.at).zip(1..).collect();
    let mut earliest = usize::MAX;
    for (own, rank) in (1..).zip(&mut *ranks).collect::<Vec<_>>().into_iter().rev() {
        rank.is_narrow = earliest >= own;
        let latest = rank.waits.iter().filter_map(|wait| nth.get(&wait.on)).max();
        earliest = earliest.min(latest.copied().unwrap_or(0));
    }
}

fn first_ranks(ranks: &[Rank], steps: usize) -> Vec<usize> {
    let mut first = vec![usize::MAX; steps];
    for (nth, rank) in ranks.iter().enumerate() {
        if let Some(own) = first.get_mut(rank.at) {
            *own = nth;
        }
    }
    let mut of_later = usize::MAX;
    for own in first.iter_mut().rev() {
        of_later = of_later.min(*own);
        *own = of_later;
    }
    first
}

//! Report 2, rule 1: inventory first, change later. An inspection that needs a change is a later look and stays there.

use super::step_set::StepSet;
use super::{Rule, Scene, Wish};
use runbook_model::{OrderingRule, Role};

pub(super) const RULE: Rule = Rule { name: OrderingRule::InspectBeforeChange, wishes };

fn wishes(scene: &Scene<'_>) -> Vec<Wish> {
    let is_first_look =
        |at: &usize| !scene.steps.is_change(*at) && !scene.follows_change.get(*at).copied().unwrap_or(false);
    let inspections = scene.steps.with_role(|role| *role == Role::Inspect);
    let set = StepSet::new(inspections.into_iter().filter(is_first_look).collect());
    let mut wishes: Vec<Wish> = set.inner().collect();
    for after in (0..scene.steps.count()).filter(|at| scene.steps.is_change(*at)) {
        wishes.extend(set.all().iter().map(|before| Wish { before: *before, after, holds: false }));
    }
    wishes
}

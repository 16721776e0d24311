//! Report 2, rule 4: only a validated result is promoted. A promotion waits for the verifications before it in the file,
//! or for all where none stands before it.

use super::step_set::StepSet;
use super::{Rule, Scene, Wish};
use runbook_model::{OrderingRule, Role};

pub(super) const RULE: Rule = Rule { name: OrderingRule::VerifyBeforePromote, wishes };

fn wishes(scene: &Scene<'_>) -> Vec<Wish> {
    let verifications = StepSet::new(scene.steps.with_role(|role| matches!(role, Role::Verify(_))));
    let mut wishes: Vec<Wish> = verifications.inner().collect();
    for after in scene.steps.with_role(|role| *role == Role::Promote) {
        let before = verifications.earlier_or_all(after);
        wishes.extend(before.iter().map(|before| Wish { before: *before, after, holds: true }));
    }
    wishes
}

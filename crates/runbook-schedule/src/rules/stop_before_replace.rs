//! Report 2, §12.2: a program is replaced while the service that runs it is down, and before it comes up again.
//!
//! A service runs a program if the steps that stop, start or restart it read what the replacing step writes. Where nothing
//! is known to relate them, the service is taken that is down around the step, or that goes down next.

use super::wish::inside;
use super::{Rule, Scene, Wish};
use runbook_model::{OrderingRule, Role};

pub(super) const RULE: Rule = Rule { name: OrderingRule::StopBeforeReplace, wishes };

fn wishes(scene: &Scene<'_>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for step in scene.steps.with_role(|role| *role == Role::Replace) {
        let written = scene.steps.written_by(step).map(|touch| touch.resource);
        for stand in scene.services.place(scene.steps, step, written) {
            wishes.extend(inside(&stand, step, false));
        }
    }
    wishes
}

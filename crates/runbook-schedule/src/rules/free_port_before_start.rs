//! Report 2, §12.1: the orphan that holds the port is found after the unit stopped and is gone before the unit starts.

use super::wish::inside;
use super::{Rule, Scene, Wish};
use runbook_model::{OrderingRule, Resource, Role};

pub(super) const RULE: Rule = Rule { name: OrderingRule::FreePortBeforeStart, wishes };

fn wishes(scene: &Scene<'_>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for (step, _, declaration) in scene.steps.each() {
        for role in &declaration.roles {
            if let Role::FreePort(port) = role {
                let port = Resource::Port(*port);
                for stand in scene.services.place_named(scene.steps, step, std::iter::once(&port)) {
                    wishes.extend(inside(&stand, step, true));
                }
            }
        }
    }
    wishes
}

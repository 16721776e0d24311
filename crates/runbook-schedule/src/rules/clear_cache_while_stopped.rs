//! Report 2, §6: a cache of compiled plugins is cleared between stop and start, or before the restart; a service that
//! still runs, or runs again, would go on with the old modules.

use super::wish::inside;
use super::{Rule, Scene, Wish};
use runbook_model::{OrderingRule, Role};

pub(super) const RULE: Rule = Rule { name: OrderingRule::ClearCacheWhileStopped, wishes };

fn wishes(scene: &Scene<'_>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for step in scene.steps.with_role(|role| *role == Role::ClearCache) {
        let written = scene.steps.written_by(step).map(|touch| touch.resource);
        for stand in scene.services.place_named(scene.steps, step, written) {
            wishes.extend(inside(&stand, step, true));
        }
    }
    wishes
}

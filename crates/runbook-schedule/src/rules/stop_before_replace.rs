//! Report 2, §12.2: a program is replaced while the service that runs it is down, and before it comes up again.
//!
//! A service runs a program if the steps that stop, start or restart it read what the replacing step writes. Where nothing
//! is known to relate them, the service is taken that is down around the step, or that goes down next.
//!
//! Any other change that is written between a stop and the start behind it stays there: report 1 edits the index of the
//! sessions, which the service writes while it runs. Who wants it elsewhere says so with `needs`.

use super::wish::inside;
use super::{Rule, Scene, Wish};
use crate::services::Window;
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

/// What keeps plain changes in the windows in which they are written. It yields to every other wish: which one of a cycle
/// the file speaks against says nothing here, for these always go with the file.
pub(super) fn as_written(scene: &Scene<'_>) -> Vec<Wish> {
    scene.steps.each().flat_map(|(step, ..)| between(scene, step)).collect()
}

fn between(scene: &Scene<'_>, step: usize) -> Vec<Wish> {
    if !scene.steps.is_plain_change(step) {
        return Vec::new();
    }
    let inside = |window: &Window| {
        let open = window.open.map(|open| Wish { before: open, after: step, holds: false });
        let close = window.close.map(|close| Wish { before: step, after: close, holds: false });
        open.into_iter().chain(close)
    };
    scene.services.around(step).iter().flat_map(inside).collect()
}

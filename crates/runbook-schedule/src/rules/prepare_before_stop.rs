//! What takes the place of a program is built, judged and durable before the service goes down: whatever can fail then fails
//! while the service is up, and the downtime is not that of a download.
//!
//! A service is the one of the step by what the step reads, as in `stop_before_replace`. Where the plan only restarts it, the
//! restart counts, unless the file has the step behind it.

use super::{Rule, Scene, Wish};
use runbook_model::{OrderingRule, Role};

pub(super) const RULE: Rule = Rule { name: OrderingRule::PrepareBeforeStop, wishes };

fn wishes(scene: &Scene<'_>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for step in scene.steps.with_role(|role| *role == Role::Prepare) {
        let touched = scene.steps.read_by(step).chain(scene.steps.written_by(step)).map(|touch| touch.resource);
        for stand in scene.services.place(scene.steps, step, touched) {
            let first = stand.window.first().filter(|_| !stand.late || stand.window.open.is_some());
            wishes.extend(first.map(|first| Wish { before: step, after: first, holds: stand.sure }));
        }
    }
    wishes
}

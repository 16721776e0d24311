//! What is verified is the service that was started (report 2, §12.1: the version was new, the process was old).
//!
//! A verification that reads services is about these; any other is about all. In the file it follows the starts and all
//! other changes before it, for it is their evidence, and comes before the next window. One that stands before every
//! start, or while its service is down, moves behind.

use super::step_set::StepSet;
use super::{Rule, Scene, Wish};
use crate::services::Window;
use runbook_model::{OrderingRule, Role};

pub(super) const RULE: Rule = Rule { name: OrderingRule::StartBeforeVerify, wishes };

fn wishes(scene: &Scene<'_>) -> Vec<Wish> {
    let starts = StepSet::new(scene.services.starts());
    let changes = StepSet::new(scene.steps.each().map(|(at, ..)| at).filter(|at| scene.steps.is_change(*at)).collect());
    let verifications = scene.steps.with_role(|role| matches!(role, Role::Verify(_)));
    if verifications.is_empty() {
        return Vec::new();
    }
    let mut wishes: Vec<Wish> = starts.inner().chain(changes.inner()).collect();
    for verify in verifications {
        let named: Vec<&[Window]> =
            scene.steps.read_by(verify).filter_map(|touch| scene.services.windows(touch.resource)).collect();
        if named.is_empty() {
            about_all(scene, &starts, verify, &mut wishes);
        }
        named.into_iter().for_each(|windows| about_one(windows, verify, &mut wishes));
        wishes.extend(changes.earlier_than(verify).iter().map(|before| waits(*before, verify)));
    }
    wishes
}

fn about_all(scene: &Scene<'_>, starts: &StepSet, verify: usize, wishes: &mut Vec<Wish>) {
    let around = scene.services.around(verify);
    let closings: Vec<usize> = around.iter().filter_map(|window| window.close).collect();
    wishes.extend(closings.iter().map(|close| waits(*close, verify)));
    let earlier = starts.earlier_than(verify);
    wishes.extend(earlier.iter().map(|start| waits(*start, verify)));
    let stands_before_all = earlier.is_empty() && closings.is_empty();
    if stands_before_all && !starts.all().is_empty() {
        wishes.extend(starts.all().iter().map(|start| waits(*start, verify)));
    } else {
        let next = scene.services.next_firsts(verify).into_iter().filter(|first| !closings.contains(first));
        wishes.extend(next.map(|first| waits(verify, first)));
    }
}

fn about_one(windows: &[Window], verify: usize, wishes: &mut Vec<Wish>) {
    let next = windows.partition_point(|window| window.close.is_some_and(|close| close < verify));
    let (past, coming) = windows.split_at(next.min(windows.len()));
    let down = coming.first().filter(|window| window.is_around(verify));
    if let Some(window) = down {
        wishes.extend(window.close.map(|close| waits(close, verify)));
        return;
    }
    let started = past.last().and_then(|window| window.close);
    let last_start = coming.iter().rev().find_map(|window| window.close);
    wishes.extend(started.or(last_start).map(|start| waits(start, verify)));
    if started.is_some() || last_start.is_none() {
        wishes.extend(coming.first().and_then(|window| window.first()).map(|first| waits(verify, first)));
    }
}

fn waits(before: usize, after: usize) -> Wish {
    Wish { before, after, holds: false }
}

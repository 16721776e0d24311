//! Report 1, step 2: back up before touching the system.
//!
//! A step that changes anything waits for the backups that stand before it in the file, or for those behind it where none
//! does: what it writes besides what it declares may be what a person had backed up. A second backup, behind the first
//! change on purpose, stays there. A change that the backup itself needs comes before it.

use super::step_set::StepSet;
use super::{Rule, Scene, Wish};
use crate::space::Slot;
use runbook_model::{OrderingRule, Role};
use std::collections::BTreeMap;

pub(super) const RULE: Rule = Rule { name: OrderingRule::BackupBeforeChange, wishes };

/// How many backups of one thing are told apart; a step that more of them concern waits for all.
const DISTINCT: usize = 32;

fn wishes(scene: &Scene<'_>) -> Vec<Wish> {
    let steps = scene.steps;
    let backups = steps.with_role(Role::is_backup);
    let held = held(scene, &backups);
    let set = StepSet::new(backups);
    let mut wishes: Vec<Wish> = set.inner().collect();
    for (after, _, declaration) in steps.each() {
        if declaration.plays(Role::is_backup) {
            continue;
        }
        let mut before: Vec<usize> = Vec::new();
        if scene.steps.is_change(after) {
            before.extend(set.earlier_or_all(after));
        }
        for touch in steps.written_by(after) {
            let concerned = overlapping(scene, &held, touch.slot);
            match concerned {
                Some(mut found) => {
                    if found.iter().any(|at| *at < after) {
                        found.retain(|at| *at < after);
                    }
                    before.extend(found);
                }
                None => before.extend(set.earlier_or_all(after)),
            }
        }
        before.sort_unstable();
        before.dedup();
        wishes.extend(before.into_iter().map(|before| Wish { before, after, holds: false }));
    }
    wishes
}

/// The backups by what they hold.
fn held(scene: &Scene<'_>, backups: &[usize]) -> BTreeMap<Slot, Vec<usize>> {
    let mut held: BTreeMap<Slot, Vec<usize>> = BTreeMap::new();
    for at in backups {
        let roles = scene.steps.declarations.get(*at).into_iter().flat_map(|declaration| &declaration.roles);
        for role in roles {
            if let Role::Backup(resources) = role {
                for resource in resources {
                    held.entry(scene.steps.space.slot(resource)).or_default().push(*at);
                }
            }
        }
    }
    held
}

/// The backups that hold something of `slot`; `None` if they are very many.
fn overlapping(scene: &Scene<'_>, held: &BTreeMap<Slot, Vec<usize>>, slot: Slot) -> Option<Vec<usize>> {
    let space = &scene.steps.space;
    let inside = held.range(slot..space.end(slot)).map(|(_, backups)| backups);
    let outside = space.outwards(slot).skip(1).filter_map(|at| held.get(&at));
    let found: Vec<usize> = inside.chain(outside).flatten().copied().take(DISTINCT + 1).collect();
    (found.len() <= DISTINCT).then_some(found)
}

//! Which backups hold what a step writes, as far as paths are known before the plan runs.

use crate::space::{Slot, is_plain};
use crate::steps::{Steps, Touch};
use runbook_model::{Resource, Role};
use std::collections::{BTreeSet, HashMap};

/// Whether the backups of a plan hold everything that one step writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cover {
    /// The step writes no path.
    NoPath,
    /// These backups come before the step and together hold every path that it writes.
    Held(Vec<usize>),
    /// This backup would hold the rest, but comes after the step.
    TooLate(usize),
    /// No backup holds this.
    Missing(Resource),
}

/// The cover of every step, in the order of the file.
pub(crate) fn covers(steps: &Steps<'_>, position: &[usize]) -> Vec<Cover> {
    let index = Held::new(steps, position);
    (0..steps.count()).map(|at| index.cover(steps, at)).collect()
}

/// The backups that hold each slot, with their positions in the schedule, earliest first.
struct Held<'p> {
    by_slot: HashMap<Slot, Vec<(usize, usize)>>,
    position: &'p [usize],
}

impl<'p> Held<'p> {
    fn new(steps: &Steps<'_>, position: &'p [usize]) -> Self {
        let mut by_slot: HashMap<Slot, Vec<(usize, usize)>> = HashMap::new();
        for (at, _, declaration) in steps.each() {
            for role in &declaration.roles {
                let Role::Backup(resources) = role else { continue };
                for resource in resources {
                    let place = position.get(at).copied().unwrap_or(usize::MAX);
                    by_slot.entry(steps.space.slot(resource)).or_default().push((place, at));
                }
            }
        }
        by_slot.values_mut().for_each(|backups| backups.sort_unstable());
        Self { by_slot, position }
    }

    fn cover(&self, steps: &Steps<'_>, at: usize) -> Cover {
        let here = self.position.get(at).copied().unwrap_or(0);
        let (mut backups, mut too_late) = (BTreeSet::new(), None);
        let mut any = false;
        for touch in steps.written_by(at) {
            if !matches!(touch.resource, Resource::Path(_) | Resource::UnknownPath | Resource::Everything) {
                continue;
            }
            any = true;
            match self.holder(steps, touch, here) {
                Some((true, backup)) => drop(backups.insert(backup)),
                Some((false, backup)) => too_late = too_late.or(Some(backup)),
                None => return Cover::Missing(touch.resource.clone()),
            }
        }
        match (any, too_late) {
            (false, _) => Cover::NoPath,
            (true, Some(backup)) => Cover::TooLate(backup),
            (true, None) => Cover::Held(backups.into_iter().collect()),
        }
    }

    /// The last backup before `here` that holds what `touch` is about; without one, the first after it.
    fn holder(&self, steps: &Steps<'_>, touch: &Touch<'_>, here: usize) -> Option<(bool, usize)> {
        let known = matches!(touch.resource, Resource::Path(path) if is_plain(path));
        let encloses = |at: &Slot| !known || *steps.space.resource(*at) != Resource::UnknownPath;
        let lists: Vec<_> =
            steps.space.outwards(touch.slot).filter(encloses).filter_map(|at| self.by_slot.get(&at)).collect();
        let before = lists.iter().filter_map(|list| {
            let count = list.partition_point(|(place, _)| *place < here);
            list.get(count.checked_sub(1)?)
        });
        if let Some((_, backup)) = before.max() {
            return Some((true, *backup));
        }
        lists.iter().filter_map(|list| list.first()).min().map(|(_, backup)| (false, *backup))
    }
}

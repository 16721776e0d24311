//! The conflicts of a sequence of steps, found through an index of what was last written and read since.
//!
//! Only edges that are not implied by others are kept, so the number of edges stays linear. A step that would have to
//! wait for very many others is made a rallying point: it is treated as a writer of all that they touch, and later
//! steps wait for it alone. That orders a few more steps than necessary, and only in plans with that many side by side.

use crate::edge::{Hazard, Reason};
use crate::space::{Slot, Space};
use crate::steps::Touch;
use runbook_model::Access;
use std::collections::{BTreeMap, HashSet};

/// How many steps may stand side by side before a later one becomes a rallying point.
const ABREAST: usize = 32;

/// What was last written and read since, by slot.
pub(crate) struct Hazards<'a> {
    space: &'a Space<'a>,
    /// The last write of each slot: its time and its step.
    writers: BTreeMap<Slot, (u64, usize)>,
    /// The reads of each slot since it was last written.
    readers: BTreeMap<(Slot, u64), usize>,
    time: u64,
}

/// A step that must come before, and why.
pub(crate) struct Conflict {
    pub(crate) before: usize,
    pub(crate) reason: Reason,
}

struct Hit {
    before: usize,
    slot: Slot,
    hazard: Hazard,
}

impl<'a> Hazards<'a> {
    pub(crate) fn new(space: &'a Space<'a>) -> Self {
        Self { space, writers: BTreeMap::new(), readers: BTreeMap::new(), time: 0 }
    }

    /// The steps that `step` with `effects` must come after; then remembers the effects.
    pub(crate) fn enter(&mut self, step: usize, effects: &[Touch<'_>]) -> Vec<Conflict> {
        let mut seen = HashSet::from([step]);
        let mut conflicts = Vec::new();
        for effect in effects {
            self.time += 1;
            for hit in self.access(step, effect.slot, effect.access) {
                if seen.insert(hit.before) {
                    let resource = self.space.resource(hit.slot).clone();
                    let reason = Reason::FileOrder { resource, hazard: hit.hazard };
                    conflicts.push(Conflict { before: hit.before, reason });
                }
            }
        }
        conflicts
    }

    fn access(&mut self, step: usize, slot: Slot, access: Access) -> Vec<Hit> {
        let hits = self.hits(slot, access);
        if hits.len() <= ABREAST {
            self.remember(step, slot, access);
            return hits;
        }
        let reads = hits.iter().filter(|hit| hit.hazard == Hazard::WriteAfterRead);
        let slot = reads.map(|hit| hit.slot).min().unwrap_or(slot).min(slot);
        let mut hits = self.hits(slot, Access::Write);
        if access == Access::Read {
            let writes = hits.iter_mut().filter(|hit| hit.hazard == Hazard::WriteAfterWrite);
            writes.for_each(|hit| hit.hazard = Hazard::ReadAfterWrite);
        }
        self.remember(step, slot, Access::Write);
        hits
    }

    /// Whom an access must wait for: the newest writer that encloses the slot, what came to the enclosing slots after it,
    /// and everything that is still remembered inside.
    fn hits(&self, slot: Slot, access: Access) -> Vec<Hit> {
        let mut hits = Vec::new();
        let hazard = match access {
            Access::Read => Hazard::ReadAfterWrite,
            Access::Write => Hazard::WriteAfterWrite,
        };
        let newest = self.space.outwards(slot).filter_map(|at| Some((self.writers.get(&at)?, at))).max();
        let since = newest.map_or(0, |((time, _), _)| *time);
        hits.extend(newest.map(|((_, before), at)| Hit { before: *before, slot: at, hazard }));
        let inside = (slot + 1)..self.space.end(slot).max(slot + 1);
        hits.extend(self.writers.range(inside.clone()).map(|(_, (_, before))| Hit { before: *before, slot, hazard }));
        if access == Access::Write {
            let hazard = Hazard::WriteAfterRead;
            for at in self.space.outwards(slot) {
                let reads = self.readers.range((at, since)..=(at, u64::MAX));
                hits.extend(reads.map(|(_, before)| Hit { before: *before, slot: at, hazard }));
            }
            let reads = self.readers.range((inside.start, 0)..(inside.end, 0));
            hits.extend(reads.map(|(_, before)| Hit { before: *before, slot, hazard }));
        }
        hits
    }

    fn remember(&mut self, step: usize, slot: Slot, access: Access) {
        if access == Access::Read {
            self.readers.insert((slot, self.time), step);
            return;
        }
        let end = self.space.end(slot);
        let written: Vec<Slot> = self.writers.range(slot..end).map(|(at, _)| *at).collect();
        for at in written {
            self.writers.remove(&at);
        }
        let read: Vec<(Slot, u64)> = self.readers.range((slot, 0)..(end, 0)).map(|(at, _)| *at).collect();
        for at in read {
            self.readers.remove(&at);
        }
        self.writers.insert(slot, (self.time, step));
    }
}

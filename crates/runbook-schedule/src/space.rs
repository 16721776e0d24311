//! All resources of a plan laid out on one line, so that "contains" is "encloses".
//!
//! `Everything` encloses all, `UnknownPath` and `/` enclose all paths, a directory encloses what is below it. Two
//! resources conflict when one encloses the other. Sorting by path components makes every directory's content contiguous.

use runbook_model::Resource;
use std::collections::HashMap;
use std::path::{Component, Path};

/// The position of a resource on the line.
pub(crate) type Slot = usize;

const EVERYTHING: Slot = 0;
const ALL_PATHS: Slot = 1;

/// The line of resources.
#[derive(Debug)]
pub(crate) struct Space<'a> {
    slots: HashMap<&'a Resource, Slot>,
    places: Vec<Place<'a>>,
}

#[derive(Debug)]
struct Place<'a> {
    resource: &'a Resource,
    parent: Option<Slot>,
    end: Slot,
}

impl<'a> Space<'a> {
    /// Lays out `resources`; repeats are allowed.
    pub(crate) fn new(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let mut distinct: Vec<&Resource> = resources.into_iter().filter(|it| !is_special(it)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let mut space = Self { slots: HashMap::new(), places: Vec::new() };
        space.add(&Resource::Everything, None);
        space.add(&Resource::UnknownPath, Some(EVERYTHING));
        let mut open = vec![ALL_PATHS];
        for resource in &distinct {
            if let Resource::Path(path) = resource {
                while open.last().is_some_and(|slot| !space.holds(*slot, path)) {
                    space.close(open.pop());
                }
                let slot = space.add(resource, open.last().copied());
                open.push(slot);
            }
        }
        open.into_iter().for_each(|slot| space.close(Some(slot)));
        for resource in distinct {
            if !matches!(resource, Resource::Path(_)) {
                space.add(resource, Some(EVERYTHING));
            }
        }
        space.close(Some(EVERYTHING));
        space
    }

    /// Where `resource` lies; `Everything` for one that was not laid out.
    pub(crate) fn slot(&self, resource: &Resource) -> Slot {
        match resource {
            Resource::Path(path) if !is_plain(path) => ALL_PATHS,
            _ => self.slots.get(resource).copied().unwrap_or(EVERYTHING),
        }
    }

    /// The resource that lies at `slot`.
    pub(crate) fn resource(&self, slot: Slot) -> &'a Resource {
        self.places.get(slot).map_or(&Resource::Everything, |place| place.resource)
    }

    /// One past the last slot that `slot` encloses.
    pub(crate) fn end(&self, slot: Slot) -> Slot {
        self.places.get(slot).map_or(slot + 1, |place| place.end)
    }

    /// The slots that enclose `slot`, itself first.
    pub(crate) fn outwards(&self, slot: Slot) -> impl Iterator<Item = Slot> {
        std::iter::successors(Some(slot), |slot| self.places.get(*slot)?.parent)
    }

    fn add(&mut self, resource: &'a Resource, parent: Option<Slot>) -> Slot {
        let slot = self.places.len();
        self.slots.insert(resource, slot);
        self.places.push(Place { resource, parent, end: slot + 1 });
        slot
    }

    fn close(&mut self, slot: Option<Slot>) {
        let end = self.places.len();
        if let Some(place) = slot.and_then(|slot| self.places.get_mut(slot)) {
            place.end = end;
        }
    }

    fn holds(&self, slot: Slot, path: &Path) -> bool {
        match self.resource(slot) {
            Resource::Path(outer) => path.starts_with(outer),
            _ => true,
        }
    }
}

/// Whether `resource` has a slot of its own without being laid out, or can only be placed as an unknown path.
fn is_special(resource: &Resource) -> bool {
    match resource {
        Resource::Everything | Resource::UnknownPath => true,
        Resource::Path(path) => !is_plain(path),
        _ => false,
    }
}

/// Whether the path says where it is. A relative path and one with `..` (a link may stand before it) do not.
pub(crate) fn is_plain(path: &Path) -> bool {
    path.is_absolute() && !path.components().any(|part| part == Component::ParentDir)
}

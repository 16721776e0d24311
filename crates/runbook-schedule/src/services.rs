//! The services of a plan and the windows in which they are down, by the order of the file.
//!
//! A plan may stop and start a service several times and may handle several services one after the other. A rule
//! applies inside one window, so that a plan that is written sensibly stays as it is written.

use crate::space::Slot;
use crate::steps::{Steps, Touch};
use runbook_model::{Access, Resource, Role};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// With how many services a step is related at most; a bound for plans that no person writes.
const NEAREST: usize = 32;

/// A time in which a service is down: from a stop to the start or restart that follows. A restart without a stop and a
/// start without a stop have no opening; a stop that nothing follows has no closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) open: Option<usize>,
    pub(crate) close: Option<usize>,
}

/// Where a step stands relative to a window of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stand {
    pub(crate) window: Window,
    /// The step stands after the closing in the file.
    pub(crate) late: bool,
    /// The step is known to be about this service.
    pub(crate) sure: bool,
}

/// All services of a plan.
#[derive(Debug, Default)]
pub(crate) struct Services {
    windows: Vec<Vec<Window>>,
    named: HashMap<Resource, usize>,
    /// What services execute or listen on, as far as it is known.
    reads: BTreeMap<Slot, BTreeSet<usize>>,
    /// Every window with its end and its service, by end; one that is never closed comes last.
    ends: Vec<(usize, usize, Window)>,
    /// The windows that are open around a step, for the steps that rules place.
    around: HashMap<usize, Vec<Window>>,
}

impl Window {
    /// Whether the service is down at position `step`.
    pub(crate) fn is_around(self, step: usize) -> bool {
        self.open.is_some_and(|open| open < step) && self.close.is_none_or(|close| step < close)
    }

    /// The first step of the window.
    pub(crate) fn first(self) -> Option<usize> {
        self.open.or(self.close)
    }
}

impl Services {
    /// The services that `steps` stop, start and restart.
    pub(crate) fn of(steps: &Steps<'_>) -> Self {
        let mut services = Self::default();
        for (at, _, declaration) in steps.each() {
            for role in &declaration.roles {
                let Some(name) = role.moves() else { continue };
                let service = services.number(name);
                services.record(service, at, matches!(role, Role::Stop(_)));
                for effect in steps.effects.get(at).into_iter().flatten().filter(|effect| tells_program(effect)) {
                    services.reads.entry(effect.slot).or_default().insert(service);
                }
            }
        }
        for (service, windows) in services.windows.iter().enumerate() {
            let ends = windows.iter().map(|window| (window.close.unwrap_or(usize::MAX), service, *window));
            services.ends.extend(ends);
        }
        services.ends.sort_unstable_by_key(|(close, service, _)| (*close, *service));
        services.around = services.sweep(steps);
        services
    }

    /// The windows of the service `name`, in the order of the file.
    pub(crate) fn windows(&self, name: &Resource) -> Option<&[Window]> {
        self.named.get(name).and_then(|service| self.windows.get(*service)).map(Vec::as_slice)
    }

    /// The windows that are open at `step`.
    pub(crate) fn around(&self, step: usize) -> &[Window] {
        self.around.get(&step).map_or(&[], Vec::as_slice)
    }

    /// The steps that bring a service up, in the order of the file.
    pub(crate) fn starts(&self) -> Vec<usize> {
        let mut starts: Vec<usize> = self.ends.iter().filter_map(|(.., window)| window.close).collect();
        starts.dedup();
        starts
    }

    /// The nearest steps behind `step` that begin a window.
    pub(crate) fn next_firsts(&self, step: usize) -> Vec<usize> {
        let next = self.ends.partition_point(|(close, ..)| *close <= step);
        let behind = self.ends.iter().skip(next).take(NEAREST).filter_map(|(_, _, window)| window.first());
        behind.filter(|first| *first > step).collect()
    }

    /// Where `step` stands, if it is about what `resources` names: in the windows of the services that use these; else
    /// in those that are open around it; else in those that come next; else in the last ones.
    pub(crate) fn place<'r>(
        &self,
        steps: &Steps<'_>,
        step: usize,
        resources: impl Iterator<Item = &'r Resource>,
    ) -> Vec<Stand> {
        let related = self.related(steps, resources);
        if !related.is_empty() {
            let stand = |service: usize| self.windows.get(service).and_then(|windows| stand(windows, step, true));
            return related.into_iter().filter_map(stand).collect();
        }
        let only_one = self.windows.len() == 1;
        if !self.around(step).is_empty() {
            let stand = |window: &Window| Stand { window: *window, late: false, sure: only_one };
            return self.around(step).iter().map(stand).collect();
        }
        let next = self.ends.partition_point(|(close, ..)| *close < step);
        let late = next == self.ends.len();
        let nearest: Vec<_> = match late {
            true => self.ends.iter().rev().take(NEAREST).collect(),
            false => self.ends.iter().skip(next).take(NEAREST).collect(),
        };
        let mut seen = BTreeSet::new();
        let each_once = nearest.into_iter().filter(|(_, service, _)| seen.insert(*service));
        each_once.map(|(_, _, window)| Stand { window: *window, late, sure: only_one && !late }).collect()
    }

    /// The same for a step that may name its services by reading them: it is about those, if the plan stops or starts them.
    pub(crate) fn place_named<'r>(
        &self,
        steps: &Steps<'_>,
        step: usize,
        resources: impl Iterator<Item = &'r Resource>,
    ) -> Vec<Stand> {
        let named = steps.read_by(step).filter_map(|touch| self.windows(touch.resource));
        let named: Vec<Stand> = named.filter_map(|windows| stand(windows, step, true)).collect();
        if named.is_empty() { self.place(steps, step, resources) } else { named }
    }

    fn number(&mut self, name: &Resource) -> usize {
        if let Some(service) = self.named.get(name) {
            return *service;
        }
        self.named.insert(name.clone(), self.windows.len());
        self.windows.push(Vec::new());
        self.windows.len() - 1
    }

    fn record(&mut self, service: usize, at: usize, is_stop: bool) {
        let Some(windows) = self.windows.get_mut(service) else { return };
        match windows.last_mut() {
            Some(last) if last.close.is_none() && !is_stop => last.close = Some(at),
            Some(last) if last.close.is_none() => {}
            _ if is_stop => windows.push(Window { open: Some(at), close: None }),
            _ => windows.push(Window { open: None, close: Some(at) }),
        }
    }

    fn related<'r>(&self, steps: &Steps<'_>, resources: impl Iterator<Item = &'r Resource>) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for resource in resources.filter(|resource| tells_place(resource)) {
            let slot = steps.space.slot(resource);
            let inside = self.reads.range(slot..steps.space.end(slot)).map(|(_, services)| services);
            let outside = steps.space.outwards(slot).skip(1).filter_map(|at| self.reads.get(&at));
            found.extend(inside.chain(outside).flatten().take(NEAREST));
        }
        found
    }

    /// For each step that rules place, the windows that are open around it.
    fn sweep(&self, steps: &Steps<'_>) -> HashMap<usize, Vec<Window>> {
        let mut opens: BTreeMap<usize, Vec<Window>> = BTreeMap::new();
        for window in self.windows.iter().flatten() {
            if let Some(open) = window.open {
                opens.entry(open).or_default().push(*window);
            }
        }
        let placed = |role: &Role| {
            let is_placed = matches!(role, Role::Prepare | Role::Replace | Role::ClearCache | Role::FreePort(_));
            is_placed || role.verifies()
        };
        let mut around = HashMap::new();
        let mut open: BTreeMap<(usize, usize), Window> = BTreeMap::new();
        for (at, _, declaration) in steps.each() {
            while open.first_key_value().is_some_and(|((close, _), _)| *close <= at) {
                open.pop_first();
            }
            let concerned = declaration.plays(placed) || steps.is_plain_change(at);
            if concerned && !open.is_empty() {
                around.insert(at, open.values().take(NEAREST).copied().collect());
            }
            for window in opens.remove(&at).unwrap_or_default() {
                open.insert((window.close.unwrap_or(usize::MAX), at), window);
            }
        }
        around
    }
}

/// The window of one service that `step` belongs to: the one that has not ended before it, else the last one.
fn stand(windows: &[Window], step: usize, sure: bool) -> Option<Stand> {
    let next = windows.partition_point(|window| window.close.is_some_and(|close| close < step));
    match windows.get(next) {
        Some(window) => Some(Stand { window: *window, late: false, sure }),
        None => windows.last().map(|window| Stand { window: *window, late: true, sure }),
    }
}

fn tells_program(effect: &Touch<'_>) -> bool {
    tells_place(effect.resource) && (effect.access == Access::Read || matches!(effect.resource, Resource::Port(_)))
}

fn tells_place(resource: &Resource) -> bool {
    matches!(resource, Resource::Path(_) | Resource::Package(_) | Resource::Port(_))
}

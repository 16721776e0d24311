//! Groups and hosts as an inventory of Ansible nests them.

use runbook_model::{Entry, Span};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The group of every host.
pub(super) const ALL: &str = "all";
/// The group of hosts that are in no other.
const UNGROUPED: &str = "ungrouped";

/// Hosts in the order of the file, and groups by name.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) hosts: Vec<Host>,
    pub(super) groups: BTreeMap<String, Group>,
    places: HashMap<String, usize>,
}

pub(super) struct Host {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) vars: Vec<Entry>,
}

/// What a group has itself.
#[derive(Default)]
pub(super) struct Group {
    pub(super) vars: Vec<Entry>,
    hosts: BTreeSet<String>,
    children: BTreeSet<String>,
}

impl Tree {
    /// The group `name`, made if it is new.
    pub(super) fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_default()
    }

    /// Puts a host into a group, with variables.
    pub(super) fn put(&mut self, group: &str, name: &str, span: Span, vars: Vec<Entry>) {
        self.group(group).hosts.insert(name.to_owned());
        let at = *self.places.entry(name.to_owned()).or_insert(self.hosts.len());
        if at == self.hosts.len() {
            self.hosts.push(Host { name: name.to_owned(), span, vars: Vec::new() });
        }
        self.hosts.iter_mut().skip(at).take(1).for_each(|host| host.vars.extend(vars.iter().cloned()));
    }

    /// Puts a group into another one.
    pub(super) fn nest(&mut self, parent: &str, child: &str) {
        self.group(child);
        self.group(parent).children.insert(child.to_owned());
    }

    /// The groups of a host, outermost first and equally deep ones by name: a later one wins.
    pub(super) fn groups_of(&self, host: &str) -> Vec<String> {
        let mut depths: BTreeMap<&str, usize> = BTreeMap::from([(ALL, 0)]);
        let within = |group: &Group| group.hosts.contains(host);
        for (name, _) in self.groups.iter().filter(|(_, group)| within(group)) {
            self.climb(name, &mut Vec::new(), &mut depths);
        }
        let mut found: Vec<(usize, &str)> = depths.into_iter().map(|(name, depth)| (depth, name)).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, name)| name.to_owned()).filter(|name| name != UNGROUPED).collect()
    }

    /// The depth of `name`, and of all groups around it, noted in `depths`. A group that is inside itself counts once.
    fn climb<'t>(&'t self, name: &'t str, path: &mut Vec<&'t str>, depths: &mut BTreeMap<&'t str, usize>) -> usize {
        if let Some(depth) = depths.get(name) {
            return *depth;
        }
        path.push(name);
        let parents = self.groups.iter().filter(|(_, group)| group.children.contains(name)).map(|(parent, _)| parent);
        let around: Vec<&str> = parents.map(String::as_str).filter(|parent| !path.contains(parent)).collect();
        let depth = 1 + around.into_iter().map(|parent| self.climb(parent, path, depths)).max().unwrap_or(0);
        path.pop();
        depths.insert(name, depth);
        depth
    }
}

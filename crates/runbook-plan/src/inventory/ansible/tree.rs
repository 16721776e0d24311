//! Groups and hosts as an inventory of Ansible nests them.

use runbook_model::{Code, Diagnostic, Diagnostics, Entry, SourceId, Span, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The group of every host.
pub(super) const ALL: &str = "all";
/// The group of hosts that are in no other.
pub(super) const UNGROUPED: &str = "ungrouped";
/// How deep groups may be nested.
const DEPTH: usize = 64;
/// How many hosts an inventory may name, each as often as a group does.
const MOST: usize = 1_000_000;

/// Hosts in the order of the file, and groups by name: [`ALL`] and [`UNGROUPED`] are always there.
pub(super) struct Tree {
    pub(super) hosts: Vec<Host>,
    pub(super) groups: BTreeMap<String, Group>,
    places: HashMap<String, usize>,
    named: usize,
}

pub(super) struct Host {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) vars: Vec<Entry>,
    groups: BTreeSet<String>,
}

/// What a group has itself.
pub(super) struct Group {
    pub(super) span: Span,
    pub(super) vars: Vec<Entry>,
    priority: i64,
    parents: BTreeSet<String>,
}

/// Where a group stands in Ansible's order: a later one wins. The last part is its name.
type Rank<'t> = (usize, i64, &'t str);

impl Tree {
    /// The inventory `id` before anything is read of it.
    pub(super) fn new(id: SourceId) -> Self {
        let mut tree = Self { hosts: Vec::new(), groups: BTreeMap::new(), places: HashMap::new(), named: 0 };
        for name in [ALL, UNGROUPED] {
            tree.group(name, Span::new(id, 0, 0));
        }
        tree
    }

    /// The group `name`, made if it is new.
    pub(super) fn group(&mut self, name: &str, span: Span) -> &mut Group {
        let new = || Group { span, vars: Vec::new(), priority: 1, parents: BTreeSet::new() };
        self.groups.entry(name.to_owned()).or_insert_with(new)
    }

    /// Gives a group a variable, or its priority.
    pub(super) fn set(&mut self, group: &str, var: Entry, faults: &mut Diagnostics) {
        let group = self.group(group, var.key_span);
        if var.key != "ansible_group_priority" {
            return group.vars.push(var);
        }
        let number = match &var.value.value {
            Value::Int(number) => Some(*number),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) => group.priority = number,
            None => {
                let message = "`ansible_group_priority` has to be a whole number";
                faults.push(Diagnostic::error(Code::WRONG_TYPE, var.value.span, message));
            }
        }
    }

    /// Puts a host into a group, with variables.
    pub(super) fn put(&mut self, group: &str, name: &str, span: Span, vars: &[Entry], faults: &mut Diagnostics) {
        self.group(group, span);
        self.named += 1;
        if self.named == MOST {
            let message = format!("the inventory names more than {MOST} hosts, counting those of each group");
            faults.push(Diagnostic::error(Code::OUT_OF_RANGE, span, message));
        }
        if self.named >= MOST {
            return;
        }
        let at = *self.places.entry(name.to_owned()).or_insert(self.hosts.len());
        if at == self.hosts.len() {
            self.hosts.push(Host { name: name.to_owned(), span, vars: Vec::new(), groups: BTreeSet::new() });
        }
        if let Some(host) = self.hosts.get_mut(at) {
            host.vars.extend_from_slice(vars);
            host.groups.insert(group.to_owned());
        }
    }

    /// Puts a group into another one.
    pub(super) fn nest(&mut self, parent: &str, child: &str, span: Span) {
        self.group(parent, span);
        let child = self.group(child, span);
        // Every group is inside of `all` already.
        if parent != ALL {
            child.parents.insert(parent.to_owned());
        }
    }

    /// The groups' order. One that is inside of itself, or too deep, is a fault.
    pub(super) fn ranks(&self, faults: &mut Diagnostics) -> BTreeMap<&str, Rank<'_>> {
        let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut waits: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, group) in &self.groups {
            waits.insert(name, group.parents.len());
            group.parents.iter().for_each(|parent| children.entry(parent).or_default().push(name));
        }
        let mut ready: Vec<&str> = waits.iter().filter(|(_, left)| **left == 0).map(|(name, _)| *name).collect();
        let mut depths: HashMap<&str, usize> = ready.iter().map(|name| (*name, usize::from(*name != ALL))).collect();
        while let Some(name) = ready.pop() {
            waits.remove(name);
            let below = depths.get(name).map_or(1, |depth| depth + 1);
            for child in children.get(name).into_iter().flatten() {
                let depth = depths.entry(child).or_default();
                *depth = below.max(*depth);
                if let Some(left) = waits.get_mut(child) {
                    *left -= 1;
                    ready.extend((*left == 0).then_some(*child));
                }
            }
        }
        faults.extend(self.in_a_loop(&waits));
        let deepest = self.groups.iter().find(|(name, _)| depths.get(name.as_str()).is_some_and(|at| *at > DEPTH));
        faults.extend(deepest.map(|(name, group)| {
            let message = format!("the group `{}` is nested deeper than {DEPTH} groups", name.escape_debug());
            Diagnostic::error(Code::OUT_OF_RANGE, group.span, message)
        }));
        let rank = |name, group: &Group| (depths.get(name).copied().unwrap_or(1), group.priority, name);
        self.groups.iter().map(|(name, group)| (name.as_str(), rank(name.as_str(), group))).collect()
    }

    /// A fault if there is a group in `left`, whose groups could not be put in order.
    fn in_a_loop(&self, left: &BTreeMap<&str, usize>) -> Option<Diagnostic> {
        let mut name = *left.keys().next()?;
        // A way upwards with as many turns as there are groups goes round.
        for _ in 0..left.len() {
            let mut parents = self.groups.get(name)?.parents.iter().map(String::as_str);
            name = parents.find(|parent| left.contains_key(parent))?;
        }
        let message = format!("the group `{}` is inside of itself", name.escape_debug());
        Some(Diagnostic::error(Code::NOT_ALLOWED, self.groups.get(name)?.span, message))
    }

    /// The groups of a host in the order of `ranks`: a later one wins.
    pub(super) fn groups_of<'t>(&'t self, host: &'t Host, ranks: &BTreeMap<&str, Rank<'t>>) -> Vec<&'t str> {
        let mut found: BTreeSet<Rank<'_>> = ranks.get(ALL).copied().into_iter().collect();
        let mut next: Vec<&str> = host.groups.iter().map(String::as_str).filter(|name| *name != UNGROUPED).collect();
        while let Some(name) = next.pop() {
            if ranks.get(name).is_some_and(|rank| found.insert(*rank)) {
                next.extend(self.groups.get(name).into_iter().flat_map(|group| &group.parents).map(String::as_str));
            }
        }
        if found.len() == 1 {
            found.extend(ranks.get(UNGROUPED));
        }
        found.into_iter().map(|(.., name)| name).collect()
    }
}

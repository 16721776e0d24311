//! One entry of `hosts:`.

use super::settings::Settings;
use super::{map, name, not_a_name, shown_text, word};
use crate::fields::{Fields, items};
use runbook_model::{Diagnostics, Entry, HostName, Inventory, InventoryHost, Node, Span, Value};
use std::collections::{BTreeMap, BTreeSet};

const FIELDS: &[&str] = &["address", "labels", "exercises", "become", "max_clock_skew", "ssh", "vars"];

/// A host without what it takes from groups and defaults.
pub(super) struct HostEntry {
    pub(super) name: HostName,
    pub(super) span: Span,
    pub(super) labels: BTreeMap<String, String>,
    address: Option<String>,
    exercises: BTreeSet<String>,
    settings: Settings,
}

/// The host at `entry`; one without fields is known by its name.
pub(super) fn entry(entry: &Entry, faults: &mut Diagnostics) -> Option<HostEntry> {
    let name = name(entry, "a host", faults)?;
    let mut host = HostEntry {
        name,
        span: entry.key_span,
        labels: BTreeMap::new(),
        address: None,
        exercises: BTreeSet::new(),
        settings: Settings::default(),
    };
    if entry.value.value == Value::Null {
        return Some(host);
    }
    let fields = Fields::open(&entry.value, "a host", FIELDS, faults)?;
    host.address = fields.get("address").and_then(|node| word(node, "address", faults));
    host.labels = fields.get("labels").map_or_else(BTreeMap::new, |node| labels(node, faults));
    host.exercises = fields.get("exercises").map_or_else(BTreeSet::new, |node| exercises(node, faults));
    host.settings = Settings::read(&fields, faults);
    Some(host)
}

impl HostEntry {
    /// The host with what `shared` gives it.
    pub(super) fn finish(self, shared: Settings, groups: BTreeSet<String>) -> InventoryHost {
        let settings = self.settings.over(shared);
        InventoryHost {
            address: self.address.unwrap_or_else(|| self.name.as_str().to_owned()),
            name: self.name,
            span: self.span,
            labels: self.labels,
            groups,
            exercises: self.exercises,
            escalation: settings.escalation.unwrap_or_default(),
            max_clock_skew: settings.max_clock_skew.unwrap_or(Inventory::MAX_CLOCK_SKEW),
            ssh: settings.ssh,
            vars: settings.vars,
            shared_vars: false,
        }
    }
}

/// A map of labels.
pub(crate) fn labels(node: &Node, faults: &mut Diagnostics) -> BTreeMap<String, String> {
    let label = |entry: &Entry, faults: &mut Diagnostics| match HostName::new(&entry.key) {
        Some(_) => shown_text(&entry.value, "labels", faults).map(|value| (entry.key.clone(), value.to_owned())),
        None => {
            faults.push(not_a_name(entry, "a label"));
            None
        }
    };
    map(node, "labels", faults).iter().filter_map(|entry| label(entry, faults)).collect()
}

fn exercises(node: &Node, faults: &mut Diagnostics) -> BTreeSet<String> {
    let found = items(node, "exercises", faults).iter().filter_map(|item| shown_text(item, "exercises", faults));
    found.map(str::to_owned).collect()
}

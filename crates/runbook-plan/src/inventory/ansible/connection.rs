//! What Ansible's variables say about a connection, and about the host itself.

use super::arguments;
use super::tree::{ALL, UNGROUPED};
use super::value::{flag, only, plain, port, word};
use crate::fields::wrong_type;
use runbook_model::{
    Code, Diagnostic, Diagnostics, Entry, Escalation, HostName, Inventory, InventoryHost, Node, Span, SshSettings,
    Value, parse_duration,
};
use std::collections::{BTreeMap, BTreeSet};

/// Passwords: nobody is asked for one here.
const PASSWORDS: [&str; 6] = [
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_become_password",
    "ansible_become_pass",
    "ansible_sudo_pass",
];

/// The host, with what its variables say; none if Ansible reaches it without a connection, for here is no such way.
pub(super) fn host(
    name: HostName,
    span: Span,
    groups: &[&str],
    vars: Vec<&Entry>,
    faults: &mut Diagnostics,
) -> Option<InventoryHost> {
    if vars
        .iter()
        .any(|entry| entry.key == "ansible_connection" && entry.value.value == Value::String("local".to_owned()))
    {
        let message = format!("`{name}` is left out: `ansible_connection` is `local`, and it is this machine");
        let help = "apply a plan here without an inventory";
        faults.push(Diagnostic::warning(Code::NOT_ALLOWED, span, message).help(help));
        return None;
    }
    let mut host = InventoryHost {
        address: name.as_str().to_owned(),
        name,
        span,
        labels: BTreeMap::new(),
        groups: groups
            .iter()
            .filter(|group| ![ALL, UNGROUPED].contains(*group))
            .map(|group| (*group).to_owned())
            .collect(),
        exercises: BTreeSet::new(),
        escalation: Escalation::None,
        max_clock_skew: Inventory::MAX_CLOCK_SKEW,
        ssh: SshSettings::default(),
        vars: Vec::new(),
        shared_vars: true,
    };
    host.ssh.options = arguments::options(&vars, faults);
    for entry in vars {
        if entry.key.starts_with("ansible_") || entry.key.starts_with("runbook_") {
            take(&mut host, entry, faults);
        } else {
            host.vars.push(entry.clone());
        }
    }
    Some(host)
}

fn take(host: &mut InventoryHost, entry: &Entry, faults: &mut Diagnostics) {
    let node = &entry.value;
    let name = entry.key.as_str();
    if PASSWORDS.contains(&name) {
        let message = format!("`{name}` is not used");
        let help = "log in with a key, and let sudo ask for no password";
        faults.push(Diagnostic::warning(Code::NOT_ALLOWED, entry.key_span, message).help(help));
        return;
    }
    match name {
        "ansible_host" | "ansible_ssh_host" => set(&mut host.address, word(name, node, faults)),
        "ansible_user" | "ansible_ssh_user" => host.ssh.user = word(name, node, faults),
        "ansible_port" | "ansible_ssh_port" => host.ssh.port = port(name, node, faults),
        "ansible_become" => {
            let sudo = flag(name, node, faults);
            host.escalation = if sudo { Escalation::Sudo } else { Escalation::None };
        }
        "ansible_become_method" => only(name, node, &["sudo"], faults),
        "ansible_become_user" => only(name, node, &["root"], faults),
        "ansible_connection" => only(name, node, &["ssh", "smart", "openssh"], faults),
        "runbook_labels" => host.labels = labels(node, faults),
        "runbook_exercises" => host.exercises = words(name, node, faults),
        "runbook_max_clock_skew" => match plain(name, node, faults).as_deref().and_then(parse_duration) {
            Some(skew) => host.max_clock_skew = skew,
            None => wrong_type(node, name, "a duration such as `30s`", faults),
        },
        "ansible_group_priority" => {
            let message = "`ansible_group_priority` has no effect here";
            let help = "Ansible reads it among the variables of a group in the inventory itself";
            faults.push(Diagnostic::warning(Code::NOT_ALLOWED, entry.key_span, message).help(help));
        }
        // Interpreters, facts and the like are about Ansible's own way of working.
        _ => {}
    }
}

fn set(place: &mut String, value: Option<String>) {
    *place = value.unwrap_or_else(|| std::mem::take(place));
}

/// Labels: a map, or `name=value,name=value` where the format knows no maps.
fn labels(node: &Node, faults: &mut Diagnostics) -> BTreeMap<String, String> {
    if let Value::Map(_) = node.value {
        return crate::inventory::host::labels(node, faults);
    }
    let text = plain("runbook_labels", node, faults).unwrap_or_default();
    let mut labels = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=').filter(|(name, value)| HostName::new(name).is_some() && !value.trim().is_empty()) {
            Some((name, value)) => drop(labels.insert(name.to_owned(), value.to_owned())),
            None => {
                let message = format!("`{part}` of `runbook_labels` is no label");
                let help = "write `layout=npm,role=canary`; a name is a letter or digit, then letters, digits, `.`, `_` and `-`";
                faults.push(Diagnostic::error(Code::NOT_ALLOWED, node.span, message).help(help));
            }
        }
    }
    labels
}

fn words(name: &str, node: &Node, faults: &mut Diagnostics) -> BTreeSet<String> {
    if let Value::List(items) = &node.value {
        return items.iter().filter_map(|item| plain(name, item, faults)).collect();
    }
    let text = plain(name, node, faults).unwrap_or_default();
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

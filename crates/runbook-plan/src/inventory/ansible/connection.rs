//! What Ansible's variables say about a connection, and about the host itself.

use super::VAULT;
use super::tree::ALL;
use crate::fields::wrong_type;
use crate::inventory::settings::is_ours;
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

/// The host, with what its variables say.
pub(super) fn host(
    name: HostName,
    span: Span,
    groups: Vec<String>,
    vars: Vec<Entry>,
    faults: &mut Diagnostics,
) -> InventoryHost {
    let mut host = InventoryHost {
        address: name.as_str().to_owned(),
        name,
        span,
        labels: BTreeMap::new(),
        groups: groups.into_iter().filter(|group| group != ALL).collect(),
        exercises: BTreeSet::new(),
        escalation: Escalation::None,
        max_clock_skew: Inventory::MAX_CLOCK_SKEW,
        ssh: SshSettings::default(),
        vars: Vec::new(),
        shared_vars: true,
    };
    for entry in vars {
        if entry.key.starts_with("ansible_") || entry.key.starts_with("runbook_") {
            take(&mut host, &entry, faults);
        } else {
            host.vars.push(entry);
        }
    }
    host
}

fn take(host: &mut InventoryHost, entry: &Entry, faults: &mut Diagnostics) {
    let node = &entry.value;
    let name = entry.key.as_str();
    if PASSWORDS.contains(&name) {
        let message = format!("`{name}` of `{}` is not used", host.name);
        let help = "log in with a key, and let sudo ask for no password";
        faults.push(Diagnostic::warning(Code::NOT_ALLOWED, entry.key_span, message).help(help));
        return;
    }
    match name {
        "ansible_host" | "ansible_ssh_host" => set(&mut host.address, word(name, node, faults)),
        "ansible_user" | "ansible_ssh_user" => host.ssh.user = word(name, node, faults),
        "ansible_port" | "ansible_ssh_port" => host.ssh.port = port(name, node, faults),
        "ansible_ssh_private_key_file" | "ansible_private_key_file" => {
            let file = plain(name, node, faults);
            host.ssh.options.extend(file.map(|file| ("IdentityFile".to_owned(), file)));
        }
        "ansible_ssh_common_args" | "ansible_ssh_extra_args" => {
            let text = plain(name, node, faults).unwrap_or_default();
            host.ssh.options.extend(options(name, &text, node.span, faults));
        }
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
        // Interpreters, facts and the like are about Ansible's own way of working.
        _ => {}
    }
}

fn set(place: &mut String, value: Option<String>) {
    *place = value.unwrap_or_else(|| std::mem::take(place));
}

/// A plain value as text. What is encrypted or a template of Ansible is refused by name.
fn plain(name: &str, node: &Node, faults: &mut Diagnostics) -> Option<String> {
    let text = match &node.value {
        Value::String(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => {
            wrong_type(node, name, "text", faults);
            return None;
        }
    };
    if text.starts_with(VAULT) {
        let message = format!("`{name}` is encrypted by Ansible's vault");
        let help = "runbook opens no vault; write it where ssh reads it, in ssh_config(5)";
        faults.push(Diagnostic::error(Code::VAULT_VALUE, node.span, message).help(help));
        return None;
    }
    if text.contains("{{") {
        let message = format!("`{name}` is a template of Ansible");
        let help = "write the value itself";
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, node.span, message).help(help));
        return None;
    }
    Some(text)
}

fn word(name: &str, node: &Node, faults: &mut Diagnostics) -> Option<String> {
    let text = plain(name, node, faults)?;
    crate::inventory::word(&Node::new(node.span, Value::String(text)), name, faults)
}

fn port(name: &str, node: &Node, faults: &mut Diagnostics) -> Option<u16> {
    let text = plain(name, node, faults)?;
    let port = text.trim().parse().ok().filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("`{name}` is `{text}`; it has to be from 1 to 65535");
        faults.push(Diagnostic::error(Code::OUT_OF_RANGE, node.span, message));
    }
    port
}

/// Ansible's booleans.
fn flag(name: &str, node: &Node, faults: &mut Diagnostics) -> bool {
    let text = plain(name, node, faults).unwrap_or_default().to_lowercase();
    match text.as_str() {
        "true" | "yes" | "on" | "1" | "y" | "t" => true,
        "" | "false" | "no" | "off" | "0" | "n" | "f" => false,
        _ => {
            wrong_type(node, name, "a boolean", faults);
            false
        }
    }
}

/// A value for which there is one way here.
fn only(name: &str, node: &Node, known: &[&str], faults: &mut Diagnostics) {
    let Some(text) = plain(name, node, faults) else { return };
    if !known.contains(&text.as_str()) {
        let message = format!("`{name}` is `{text}`, and only `{}` is known here", known.first().unwrap_or(&""));
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, node.span, message));
    }
}

/// `-o Keyword=value`, `-o "Keyword value"` and `-J host` of Ansible's arguments for ssh.
fn options(name: &str, text: &str, span: Span, faults: &mut Diagnostics) -> Vec<(String, String)> {
    let words = super::ini::shell_words(text).unwrap_or_default();
    let mut found = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let option = match (word, word.strip_prefix("-o"), word.strip_prefix("-J")) {
            ("-o", ..) => words.next().and_then(keyword),
            ("-J", ..) => words.next().map(|jump| ("ProxyJump".to_owned(), jump.to_owned())),
            (_, Some(option), _) => keyword(option),
            (_, _, Some(jump)) => Some(("ProxyJump".to_owned(), jump.to_owned())),
            _ => None,
        };
        match option.filter(|(keyword, _)| !is_ours(keyword)) {
            Some(option) => found.push(option),
            None => {
                let message = format!("`{word}` of `{name}` cannot be taken over");
                let help = "only `-o Keyword=value` and `-J host` are; the rest belongs into ssh_config(5)";
                faults.push(Diagnostic::error(Code::NOT_ALLOWED, span, message).help(help));
            }
        }
    }
    found
}

fn keyword(option: &str) -> Option<(String, String)> {
    let (keyword, value) = option.split_once(['=', ' '])?;
    let sound = !keyword.is_empty() && keyword.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !value.is_empty();
    sound.then(|| (keyword.to_owned(), value.to_owned()))
}

/// Labels: a map, or `name=value,name=value` where the format knows no maps.
fn labels(node: &Node, faults: &mut Diagnostics) -> BTreeMap<String, String> {
    if let Value::Map(_) = node.value {
        return crate::inventory::host::labels(node, faults);
    }
    let text = plain("runbook_labels", node, faults).unwrap_or_default();
    let label = |part: &str| part.trim().split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split(',').filter_map(label).collect()
}

fn words(name: &str, node: &Node, faults: &mut Diagnostics) -> BTreeSet<String> {
    if let Value::List(items) = &node.value {
        return items.iter().filter_map(|item| plain(name, item, faults)).collect();
    }
    let text = plain(name, node, faults).unwrap_or_default();
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

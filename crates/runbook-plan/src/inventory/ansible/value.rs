//! Values of Ansible's variables as what the connection needs. Each reading reports its own fault.

use super::VAULT;
use crate::fields::wrong_type;
use crate::inventory::unseen;
use runbook_model::{Code, Diagnostic, Diagnostics, Node, Value};

/// A plain value as text. What is encrypted, a template of Ansible, or cannot be shown is refused by name.
pub(super) fn plain(name: &str, node: &Node, faults: &mut Diagnostics) -> Option<String> {
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
    if unseen(&text) {
        let message = format!("`{name}` has a control character");
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, node.span, message).help("remove it"));
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

/// One word for `ssh`.
pub(super) fn word(name: &str, node: &Node, faults: &mut Diagnostics) -> Option<String> {
    let text = plain(name, node, faults)?;
    crate::inventory::word(&Node::new(node.span, Value::String(text)), name, faults)
}

/// A port, also where it is written as text.
pub(super) fn port(name: &str, node: &Node, faults: &mut Diagnostics) -> Option<u16> {
    let text = plain(name, node, faults)?;
    let port = text.trim().parse().ok().filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("`{name}` is `{text}`; it has to be from 1 to 65535");
        faults.push(Diagnostic::error(Code::OUT_OF_RANGE, node.span, message));
    }
    port
}

/// Ansible's booleans.
pub(super) fn flag(name: &str, node: &Node, faults: &mut Diagnostics) -> bool {
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
pub(super) fn only(name: &str, node: &Node, known: &[&str], faults: &mut Diagnostics) {
    let Some(text) = plain(name, node, faults) else { return };
    if !known.contains(&text.as_str()) {
        let message = format!("`{name}` is `{text}`, and only `{}` is known here", known.first().unwrap_or(&""));
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, node.span, message));
    }
}

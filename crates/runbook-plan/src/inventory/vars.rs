//! `vars:` of inventories and rollouts: values of variables of plans.

use super::map;
use crate::declare::is_name;
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Node, Value};

/// The variables at `node`, those with a fault among them. A plan says later of which type each has to be.
pub(crate) fn read(node: &Node, faults: &mut Diagnostics) -> Vec<Entry> {
    let entries = map(node, "vars", faults);
    entries.iter().for_each(|entry| check(entry, faults));
    entries.to_vec()
}

fn check(entry: &Entry, faults: &mut Diagnostics) {
    let name = entry.key.escape_debug();
    if !is_name(&entry.key) {
        let message = format!("`{name}` cannot be the name of a variable");
        let help = "a name is a letter or `_`, then letters, digits and `_`";
        faults.push(Diagnostic::error(Code::BAD_ID, entry.key_span, message).help(help));
    }
    let fits = match &entry.value.value {
        Value::List(items) => items.iter().all(is_plain),
        // What waits was told when it was read.
        Value::Later(_) => true,
        _ => is_plain(&entry.value),
    };
    if !fits {
        let message = format!("`{name}` has to be text, a whole number, a boolean or a list of them");
        let help = match &entry.value.value {
            Value::Null => "leave it out, or write `''` for an empty text",
            _ => "no variable of a plan has another type",
        };
        faults.push(Diagnostic::error(Code::WRONG_TYPE, entry.value.span, message).help(help));
    }
}

fn is_plain(node: &Node) -> bool {
    matches!(&node.value, Value::Int(_) | Value::Bool(_) | Value::String(_))
}

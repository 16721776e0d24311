//! `hosts:` of a stage: labels that all have to fit, a list of names and groups, or a selector as `--hosts` takes it.

use crate::fields::{some_text, wrong_type};
use crate::inventory::host::labels;
use crate::inventory::{Selector, SelectorError};
use runbook_model::{Code, Diagnostic, Diagnostics, HostName, Inventory, Node, Span, StageHosts, Value};

/// The hosts that are meant; none where a fault was told, or the inventory could not be read.
pub(super) fn read(node: &Node, inventory: Option<&Inventory>, faults: &mut Diagnostics) -> StageHosts {
    let mut names: Vec<HostName> = Vec::new();
    match &node.value {
        Value::Map(entries) if entries.is_empty() => empty(node, faults),
        Value::List(items) if items.is_empty() => empty(node, faults),
        Value::Map(_) => {
            let before = faults.has_errors();
            let labels = labels(node, faults);
            if before || !faults.has_errors() {
                names.extend(select(Ok(Selector::of_labels(&labels)), node.span, Code::NO_HOST, inventory, faults));
            }
        }
        Value::List(items) => {
            let terms = items.iter().filter_map(|item| Some((some_text(item, "hosts", faults)?, item.span)));
            let terms: Vec<(&str, Span)> = terms.collect();
            for (term, span) in terms {
                names.extend(select(Selector::parse(term), span, Code::UNKNOWN_HOST, inventory, faults));
            }
        }
        Value::String(text) => {
            names.extend(select(Selector::parse(text), node.span, Code::UNKNOWN_HOST, inventory, faults));
        }
        _ => wrong_type(node, "hosts", "labels, a list of names or a selector", faults),
    }
    let hosts = inventory.map_or(&[][..], |inventory| inventory.hosts.as_slice());
    let names = hosts.iter().map(|host| &host.name).filter(|name| names.contains(name)).cloned().collect();
    StageHosts { names, span: node.span }
}

/// No hosts, for a stage that does not say which.
pub(super) fn none(span: Span) -> StageHosts {
    StageHosts { names: Vec::new(), span }
}

fn empty(node: &Node, faults: &mut Diagnostics) {
    let help = "write labels, as in `hosts: { layout: npm }`, names, or `all`";
    faults.push(Diagnostic::error(Code::NO_HOST, node.span, "the stage names no host").help(help));
}

fn select(
    selector: Result<Selector, SelectorError>,
    span: Span,
    code: Code,
    inventory: Option<&Inventory>,
    faults: &mut Diagnostics,
) -> Vec<HostName> {
    let Some(inventory) = inventory else { return Vec::new() };
    match selector.and_then(|selector| selector.select(inventory).map(|hosts| names(&hosts))) {
        Ok(names) => names,
        Err(error) => {
            let code = if matches!(error, SelectorError::NoneLeft { .. }) { Code::NO_HOST } else { code };
            faults.push(Diagnostic::error(code, span, error.to_string()).help("`runbook hosts` lists them"));
            Vec::new()
        }
    }
}

fn names(hosts: &[&runbook_model::InventoryHost]) -> Vec<HostName> {
    hosts.iter().map(|host| host.name.clone()).collect()
}

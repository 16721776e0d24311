//! Inventories and variables of Ansible in YAML.

use super::pattern;
use super::tree::Tree;
use crate::reader::read;
use crate::request::Document;
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Node, SourceId, Value};

/// Tags of Ansible. What stands behind one is text.
const TAGS: [&str; 2] = ["!vault", "!unsafe"];

/// Whether the file is YAML: by its name, by its first line, or, if its name has no ending, because it is a map of maps.
pub(super) fn is_yaml(document: Document<'_>) -> bool {
    let file = document.name.rsplit('/').next().unwrap_or_default();
    match file.rsplit_once('.') {
        Some((_, "yaml" | "yml" | "json")) => true,
        _ if document.text.starts_with("---") => true,
        Some(_) => false,
        None => is_groups(document.text),
    }
}

fn is_groups(text: &str) -> bool {
    let (root, faults) = read(SourceId::default(), &without_tags(text));
    let is_group = |entry: &Entry| matches!(entry.value.value, Value::Map(_) | Value::Null);
    let entries = root.as_ref().map_or(&[][..], Node::entries);
    faults.is_empty() && !entries.is_empty() && entries.iter().all(is_group)
}

/// The groups at the root of the file.
pub(super) fn read_tree(id: SourceId, text: &str, faults: &mut Diagnostics) -> Tree {
    let mut tree = Tree::new(id);
    for entry in &map(id, text, "an inventory of Ansible", faults) {
        group(&mut tree, entry, faults);
    }
    tree
}

/// The variables of a file of `group_vars` or `host_vars`.
pub(super) fn read_variables(id: SourceId, text: &str, faults: &mut Diagnostics) -> Vec<Entry> {
    map(id, text, "a file of variables", faults)
}

fn map(id: SourceId, text: &str, what: &str, faults: &mut Diagnostics) -> Vec<Entry> {
    let (root, found) = read(id, &without_tags(text));
    faults.extend(found);
    match root {
        None | Some(Node { value: Value::Null, .. }) => Vec::new(),
        Some(Node { value: Value::Map(entries), .. }) => entries,
        Some(node) => {
            let message = format!("{what} has to be a map, and this is {}", node.type_name());
            faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message));
            Vec::new()
        }
    }
}

/// The text with blanks in place of tags, so that every place in it stays where it is.
fn without_tags(text: &str) -> String {
    TAGS.iter().fold(text.to_owned(), |text, tag| {
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(tag) {
            out.push_str(before);
            let is_tag = stands_before_a_value(&out) && after.starts_with([' ', '\t', '\r', '\n']);
            out.push_str(if is_tag { "        ".get(..tag.len()).unwrap_or(tag) } else { tag });
            rest = after;
        }
        out + rest
    })
}

/// Whether a value begins behind `before`: after the colon of a key or the dash of an item, and blanks.
fn stands_before_a_value(before: &str) -> bool {
    let trimmed = before.trim_end_matches([' ', '\t']);
    trimmed.len() < before.len() && trimmed.ends_with([':', '-'])
}

fn group(tree: &mut Tree, entry: &Entry, faults: &mut Diagnostics) {
    let (name, span) = (entry.key.as_str(), entry.key_span);
    tree.group(name, span);
    for entry in entries(&entry.value, name, faults) {
        match entry.key.as_str() {
            "hosts" => {
                for host in entries(&entry.value, "hosts", faults) {
                    let vars = entries(&host.value, &host.key, faults).to_vec();
                    pattern::put(tree, name, (&host.key, host.key_span), vars, faults);
                }
            }
            "vars" => {
                for var in entries(&entry.value, "vars", faults) {
                    tree.set(name, var.clone(), faults);
                }
            }
            "children" => {
                for child in entries(&entry.value, "children", faults) {
                    tree.nest(name, &child.key, child.key_span);
                    group(tree, child, faults);
                }
            }
            other => {
                let message = format!("a group of Ansible has no field `{other}`");
                let help = "its fields are `hosts`, `children` and `vars`";
                faults.push(Diagnostic::error(Code::UNKNOWN_FIELD, entry.key_span, message).help(help));
            }
        }
    }
}

fn entries<'n>(node: &'n Node, name: &str, faults: &mut Diagnostics) -> &'n [Entry] {
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        let message = format!("`{name}` has to be a map, and this is {}", node.type_name());
        faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message));
    }
    node.entries()
}

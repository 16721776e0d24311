//! Inventories and variables of Ansible in YAML.

use super::tree::{ALL, Tree};
use crate::reader::read;
use crate::request::Document;
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Node, SourceId, Value};

/// Tags of Ansible. What stands behind one is text.
const TAGS: [&str; 2] = ["!vault", "!unsafe"];

/// Whether the file is YAML by its name, or by its first line.
pub(super) fn is_yaml(document: Document<'_>) -> bool {
    let named = [".yaml", ".yml", ".json"].iter().any(|end| document.name.ends_with(end));
    named || document.text.starts_with("---")
}

/// The groups at the root of the file.
pub(super) fn read_tree(id: SourceId, text: &str, faults: &mut Diagnostics) -> Tree {
    let mut tree = Tree::default();
    for entry in map(id, text, "an inventory of Ansible", faults) {
        group(&mut tree, &entry.key, &entry.value, faults);
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
        let blank = " ".repeat(tag.len());
        [": ", "- "]
            .iter()
            .fold(text, |text, before| text.replace(&format!("{before}{tag}"), &format!("{before}{blank}")))
    })
}

fn group(tree: &mut Tree, name: &str, node: &Node, faults: &mut Diagnostics) {
    tree.group(name);
    for entry in entries(node, name, faults) {
        match entry.key.as_str() {
            "hosts" => {
                for host in entries(&entry.value, "hosts", faults) {
                    let vars = entries(&host.value, &host.key, faults).to_vec();
                    super::ini::expanded(&host.key)
                        .into_iter()
                        .for_each(|host_name| tree.put(name, &host_name, host.key_span, vars.clone()));
                }
            }
            "vars" => {
                let vars = entries(&entry.value, "vars", faults).to_vec();
                tree.group(name).vars.extend(vars);
            }
            "children" => {
                for child in entries(&entry.value, "children", faults) {
                    // Every group is inside of `all` already.
                    if name != ALL {
                        tree.nest(name, &child.key);
                    }
                    group(tree, &child.key, &child.value, faults);
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

//! `kind: Inventory`: hosts, and what defaults and groups give them. Inventories of Ansible are read by `ansible`.
//!
//! A host takes each setting from the last of: `defaults`, its groups in the order of the file, its own entry.

mod ansible;
pub(crate) mod host;
mod schema;
mod select;
mod settings;
pub(crate) mod vars;

pub(crate) use ansible::VAULT;
pub use ansible::{AnsibleInventory, VariableFiles, read_ansible_inventory};
pub use schema::inventory_schema;
pub use select::{Selector, SelectorError};

use crate::fields::{Fields, items, some_text, text};
use crate::header::{document_kind, is_another_document};
use crate::reader::read;
use crate::request::Document;
use host::{HostEntry, labels};
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, HostName, Inventory, Node, SourceMap, Value, did_you_mean};
use settings::Settings;
use std::collections::BTreeMap;

const FIELDS: &[&str] = &["kind", "version", "name", "defaults", "groups", "hosts"];
const GROUP: &[&str] = &["hosts", "become", "max_clock_skew", "ssh", "vars"];

/// What came of reading an inventory.
#[derive(Debug)]
pub struct LoadedInventory {
    /// The inventory; `None` if there is any error.
    pub inventory: Option<Inventory>,
    /// All texts that spans point into.
    pub sources: SourceMap,
    /// All faults, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks an inventory. Everything that is wrong with it is reported at once. Texts are added to `sources`.
pub fn load_inventory(document: Document<'_>, mut sources: SourceMap) -> LoadedInventory {
    let mut faults = Diagnostics::default();
    let id = sources.add(document.name, document.text);
    let (root, found) = read(id, document.text);
    faults.extend(found);
    let inventory = root.as_ref().and_then(|root| inventory(root, &mut faults));
    let inventory = inventory.filter(|_| !faults.has_errors());
    LoadedInventory { inventory, sources, diagnostics: faults.into_sorted() }
}

fn inventory(root: &Node, faults: &mut Diagnostics) -> Option<Inventory> {
    if is_another_document(root, "Inventory", "an inventory", faults) {
        return None;
    }
    let fields = Fields::open(root, "an inventory", FIELDS, faults)?;
    document_kind(&fields, "Inventory", faults);
    let name = fields.required("name", faults).and_then(|node| crate::header::name(node, faults));
    let defaults = fields.get("defaults").map_or_else(Settings::default, |node| settings::defaults(node, faults));
    let written = fields.required("hosts", faults).map_or(&[][..], |node| map(node, "hosts", faults));
    let entries: Vec<HostEntry> = written.iter().filter_map(|entry| host::entry(entry, faults)).collect();
    if written.is_empty() && fields.get("hosts").is_some_and(|node| matches!(node.value, Value::Map(_))) {
        let message = "the inventory names no host";
        faults.push(Diagnostic::error(Code::MISSING_FIELD, fields.head(), message));
    }
    let groups = fields.get("groups").map_or(&[][..], |node| map(node, "groups", faults));
    let groups: Vec<Group> = groups.iter().filter_map(|entry| group(entry, &entries, faults)).collect();
    let hosts = entries.into_iter().map(|entry| {
        let mine: Vec<&Group> = groups.iter().filter(|group| group.members.contains(&entry.name)).collect();
        let shared = mine.iter().fold(defaults.clone(), |lower, group| group.settings.clone().over(lower));
        entry.finish(shared, mine.iter().map(|group| group.name.clone()).collect())
    });
    Some(Inventory { name: name.unwrap_or_default(), hosts: hosts.collect() })
}

/// The entries of the map at `node`.
pub(crate) fn map<'n>(node: &'n Node, name: &'static str, faults: &mut Diagnostics) -> &'n [Entry] {
    if !matches!(node.value, Value::Map(_)) {
        crate::fields::wrong_type(node, name, "a map of names", faults);
    }
    node.entries()
}

struct Group {
    name: String,
    members: Vec<HostName>,
    settings: Settings,
}

fn group(entry: &Entry, hosts: &[HostEntry], faults: &mut Diagnostics) -> Option<Group> {
    let name = name(entry, "a group", faults)?;
    if let Some(host) = hosts.iter().find(|host| host.name == name) {
        let message = format!("`{name}` is a group and a host");
        let fault = Diagnostic::error(Code::DUPLICATE_ID, entry.key_span, message).related(host.span, "the host");
        faults.push(fault.help("a selector could not tell them apart; rename one"));
    }
    let fields = Fields::open(&entry.value, "a group", GROUP, faults)?;
    let settings = Settings::read(&fields, faults);
    let members = fields.required("hosts", faults).map_or(Vec::new(), |node| members(node, hosts, faults));
    Some(Group { name: name.as_str().to_owned(), members, settings })
}

/// `hosts` of a group: names, or labels that all have to fit.
fn members(node: &Node, hosts: &[HostEntry], faults: &mut Diagnostics) -> Vec<HostName> {
    if let Value::Map(_) = node.value {
        let wanted: BTreeMap<String, String> = labels(node, faults);
        let fits = |host: &&HostEntry| wanted.iter().all(|(label, value)| host.labels.get(label) == Some(value));
        let found: Vec<HostName> = hosts.iter().filter(fits).map(|host| host.name.clone()).collect();
        if found.is_empty() && !faults.has_errors() {
            let message = "no host has these labels";
            faults.push(Diagnostic::warning(Code::NOT_ALLOWED, node.span, message));
        }
        return found;
    }
    items(node, "hosts", faults).iter().filter_map(|item| member(item, hosts, faults)).collect()
}

fn member(node: &Node, hosts: &[HostEntry], faults: &mut Diagnostics) -> Option<HostName> {
    let written = some_text(node, "hosts", faults)?;
    let found = hosts.iter().find(|host| host.name.as_str() == written).map(|host| host.name.clone());
    if found.is_none() {
        let near = did_you_mean(written, hosts.iter().map(|host| host.name.as_str()));
        let message = format!("the inventory has no host `{written}`");
        let help = near.map(|near| format!("did you mean `{near}`?"));
        faults.push(Diagnostic::error(Code::UNKNOWN_HOST, node.span, message).maybe_help(help));
    }
    found
}

/// Whether a selector or Ansible means a group by this name that is always there.
fn is_taken(name: &HostName) -> bool {
    matches!(name.as_str(), "all" | "ungrouped")
}

/// The key of `entry` as the name of `what`.
fn name(entry: &Entry, what: &str, faults: &mut Diagnostics) -> Option<HostName> {
    let Some(name) = HostName::new(&entry.key) else {
        faults.push(not_a_name(entry, what));
        return None;
    };
    if is_taken(&name) {
        let message = format!("`{name}` cannot be the name of {what}");
        let help = "`all` is every host, and `ungrouped` each that is in no group";
        faults.push(Diagnostic::error(Code::BAD_ID, entry.key_span, message).help(help));
        return None;
    }
    Some(name)
}

/// Whether `text` has characters that would act on a terminal instead of being shown.
fn unseen(text: &str) -> bool {
    text.contains(char::is_control)
}

/// A text that is not empty and can be shown on a line.
fn shown_text<'n>(node: &'n Node, name: &str, faults: &mut Diagnostics) -> Option<&'n str> {
    let text = some_text(node, name, faults)?;
    if unseen(text) {
        let message = format!("`{name}` cannot be `{}`", text.escape_debug());
        let help = "it is shown on one line; remove its control characters";
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, node.span, message).help(help));
        return None;
    }
    Some(text)
}

fn not_a_name(entry: &Entry, what: &str) -> Diagnostic {
    let message = format!("`{}` cannot be the name of {what}", entry.key.escape_debug());
    let help = "a name is a letter or digit, then letters, digits, `.`, `_` and `-`";
    Diagnostic::error(Code::BAD_ID, entry.key_span, message).help(help)
}

/// A text that becomes an argument of `ssh`: one word, which no program takes for an option.
fn word(node: &Node, name: &str, faults: &mut Diagnostics) -> Option<String> {
    let word = text(node, name, faults)?;
    if word.is_empty() || word.starts_with('-') || word.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let message = format!("`{name}` cannot be `{}`", word.escape_debug());
        let help = "it is one word for `ssh`, and does not begin with `-`";
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, node.span, message).help(help));
        return None;
    }
    Some(word.to_owned())
}

//! Inventories of Ansible, as they are: INI or YAML, with `group_vars` and `host_vars` beside them.
//!
//! What Ansible tells its connection becomes the connection here, groups are groups, and every other variable is there for
//! plans that declare it. Precedence is Ansible's: groups of the inventory, `group_vars`, hosts of the inventory, `host_vars`;
//! among groups the deeper one wins, and of equally deep ones the later name.

mod connection;
mod ini;
mod tree;
mod yaml;

use super::LoadedInventory;
use crate::request::Document;
use connection::host;
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, HostName, Inventory, SourceId, SourceMap, Span};
use std::collections::BTreeMap;
use tree::Tree;

/// What Ansible's encrypted texts begin with.
pub(crate) const VAULT: &str = "$ANSIBLE_VAULT;";

/// An inventory of Ansible with the files beside it.
pub struct AnsibleInventory<'a> {
    /// The inventory.
    pub inventory: Document<'a>,
    /// The files of `group_vars`, each with the name of its group, in the order in which Ansible reads them.
    pub group_vars: Vec<(String, Document<'a>)>,
    /// The files of `host_vars`, each with the name of its host.
    pub host_vars: Vec<(String, Document<'a>)>,
}

/// Reads an inventory of Ansible. Texts are added to `sources`.
pub fn load_ansible_inventory(given: &AnsibleInventory<'_>, mut sources: SourceMap) -> LoadedInventory {
    let mut faults = Diagnostics::default();
    let document = given.inventory;
    let id = sources.add(document.name, document.text);
    let tree = match yaml::is_yaml(document) {
        true => yaml::read_tree(id, document.text, &mut faults),
        false => ini::read_tree(id, document.text, &mut faults),
    };
    let mut files = |files: &[(String, Document<'_>)]| {
        let mut vars: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for (name, document) in files {
            let id = sources.add(document.name, document.text);
            vars.entry(name.clone()).or_default().extend(variables(id, *document, &mut faults));
        }
        vars
    };
    let (group_vars, host_vars) = (files(&given.group_vars), files(&given.host_vars));
    let inventory = inventory(document.name, &tree, &group_vars, &host_vars, &mut faults);
    let inventory = (!faults.has_errors()).then_some(inventory);
    LoadedInventory { inventory, sources, diagnostics: faults.into_sorted() }
}

/// The variables of one file. One that is encrypted as a whole gives none, and says so.
fn variables(id: SourceId, document: Document<'_>, faults: &mut Diagnostics) -> Vec<Entry> {
    if document.text.starts_with(VAULT) {
        let message = format!("`{}` is encrypted, and its variables are not read", document.name);
        let help = "declare what a plan needs of it as a secret: `from: { command: [ansible-vault, view, …] }`";
        faults.push(Diagnostic::warning(Code::VAULT_VALUE, Span::new(id, 0, VAULT.len()), message).help(help));
        return Vec::new();
    }
    yaml::read_variables(id, document.text, faults)
}

fn inventory(
    name: &str,
    tree: &Tree,
    group_vars: &BTreeMap<String, Vec<Entry>>,
    host_vars: &BTreeMap<String, Vec<Entry>>,
    faults: &mut Diagnostics,
) -> Inventory {
    let mut hosts = Vec::with_capacity(tree.hosts.len());
    for found in &tree.hosts {
        let Some(name) = HostName::new(&found.name) else {
            let message = format!("`{}` cannot be the name of a host", found.name);
            let help = "give it a name of letters, digits, `.`, `_` and `-`, and its address as `ansible_host`";
            faults.push(Diagnostic::error(Code::BAD_ID, found.span, message).help(help));
            continue;
        };
        let groups = tree.groups_of(&found.name);
        let written = groups.iter().filter_map(|group| tree.groups.get(group)).map(|group| &group.vars);
        let beside = groups.iter().filter_map(|group| group_vars.get(group));
        let own = [Some(&found.vars), host_vars.get(&found.name)].into_iter().flatten();
        let mut vars: Vec<Entry> = Vec::new();
        for entry in written.chain(beside).chain(own).flatten() {
            vars.retain(|earlier| earlier.key != entry.key);
            vars.push(entry.clone());
        }
        hosts.push(host(name, found.span, groups, vars, faults));
    }
    Inventory { name: name.to_owned(), hosts }
}

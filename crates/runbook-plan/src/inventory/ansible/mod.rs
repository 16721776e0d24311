//! Inventories of Ansible, as they are: INI or YAML, with `group_vars` and `host_vars` beside them.
//!
//! What Ansible tells its connection becomes the connection here, groups are groups, and every other variable is there for
//! plans that declare it. Precedence is Ansible's: groups of the inventory, `group_vars`, hosts of the inventory, `host_vars`;
//! among groups the deeper one wins, of equally deep ones that of the higher `ansible_group_priority`, and then the later name.

mod arguments;
mod connection;
mod ini;
mod pattern;
mod tree;
mod value;
mod yaml;

use super::{LoadedInventory, is_taken, unseen};
use crate::request::Document;
use connection::host;
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, HostName, Inventory, SourceId, SourceMap, Span};
use std::collections::{BTreeMap, HashSet};
use tree::Tree;

/// What Ansible's encrypted texts begin with.
pub(crate) const VAULT: &str = "$ANSIBLE_VAULT;";

/// An inventory of Ansible without the files beside it, whose names are those of its groups and hosts.
pub struct AnsibleInventory {
    name: String,
    tree: Tree,
    sources: SourceMap,
    faults: Diagnostics,
}

/// The files of `group_vars` or `host_vars`, each with the name of its group or host, in the order in which Ansible reads them.
pub type VariableFiles<'a> = [(String, Document<'a>)];

/// Reads an inventory of Ansible. Its text is added to `sources`.
pub fn read_ansible_inventory(document: Document<'_>, mut sources: SourceMap) -> AnsibleInventory {
    let mut faults = Diagnostics::default();
    let id = sources.add(document.name, document.text);
    let tree = match yaml::is_yaml(document) {
        true => yaml::read_tree(id, document.text, &mut faults),
        false => ini::read_tree(id, document.text, &mut faults),
    };
    AnsibleInventory { name: document.name.to_owned(), tree, sources, faults }
}

impl AnsibleInventory {
    /// The names of its groups, `all` and `ungrouped` among them.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.tree.groups.keys().map(String::as_str)
    }

    /// The names of its hosts, unchecked.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.tree.hosts.iter().map(|host| host.name.as_str())
    }

    /// The inventory with the variables of the files beside it; files of other names have no effect.
    pub fn with_vars(mut self, group_vars: &VariableFiles<'_>, host_vars: &VariableFiles<'_>) -> LoadedInventory {
        let (groups, hosts) = (self.variables(group_vars), self.variables(host_vars));
        let Self { name, tree, sources, mut faults } = self;
        let inventory = inventory(name, &tree, &groups, &hosts, &mut faults);
        let inventory = inventory.filter(|_| !faults.has_errors());
        LoadedInventory { inventory, sources, diagnostics: faults.into_sorted() }
    }

    fn variables(&mut self, files: &VariableFiles<'_>) -> BTreeMap<String, Vec<Entry>> {
        let mut vars: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for (name, document) in files {
            let id = self.sources.add(document.name, document.text);
            vars.entry(name.clone()).or_default().extend(variables(id, *document, &mut self.faults));
        }
        vars
    }
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

/// The hosts; none if the groups have no order.
fn inventory(
    name: String,
    tree: &Tree,
    group_vars: &BTreeMap<String, Vec<Entry>>,
    host_vars: &BTreeMap<String, Vec<Entry>>,
    faults: &mut Diagnostics,
) -> Option<Inventory> {
    let ranks = tree.ranks(faults);
    for (name, group) in tree.groups.iter().filter(|(name, _)| unseen(name)) {
        let message = format!("`{}` cannot be the name of a group", name.escape_debug());
        faults.push(Diagnostic::error(Code::BAD_ID, group.span, message));
    }
    if faults.has_errors() {
        return None;
    }
    let mut hosts = Vec::with_capacity(tree.hosts.len());
    for found in &tree.hosts {
        let Some(name) = HostName::new(&found.name).filter(|name| !is_taken(name)) else {
            let message = format!("`{}` cannot be the name of a host", found.name.escape_debug());
            let help = "give it a name of letters, digits, `.`, `_` and `-`, not `all` or `ungrouped`, and its address as `ansible_host`";
            faults.push(Diagnostic::error(Code::BAD_ID, found.span, message).help(help));
            continue;
        };
        let groups = tree.groups_of(found, &ranks);
        let written = groups.iter().filter_map(|group| tree.groups.get(*group)).map(|group| &group.vars);
        let beside = groups.iter().filter_map(|group| group_vars.get(*group));
        let own = [Some(&found.vars), host_vars.get(&found.name)].into_iter().flatten();
        let mut seen = HashSet::new();
        let latest_first = written.chain(beside).chain(own).flatten().rev();
        let mut vars: Vec<&Entry> = latest_first.filter(|entry| seen.insert(&entry.key)).collect();
        vars.reverse();
        hosts.extend(host(name, found.span, &groups, vars, faults));
    }
    Some(Inventory { name, hosts })
}

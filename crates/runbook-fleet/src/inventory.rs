//! From an inventory's file to its hosts: reads it, and for one of Ansible what lies beside it.

use runbook_model::{SourceId, SourceMap, Value};
use runbook_plan::{Document, LoadedInventory, load_inventory, read_ansible_inventory};
use runbook_session::{Error, read_text};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What an inventory is called where none is named.
pub const FILE: &str = "inventory.yaml";

/// What the names of files of variables may end in, in Ansible's order.
const ENDS: [&str; 4] = ["", ".yml", ".yaml", ".json"];

/// How deep Ansible's directories of variables may be: it nests them once.
const DEPTH: usize = 8;

/// Why no inventory could be read.
#[derive(Debug, Error)]
pub enum InventoryError {
    /// A text cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Error),
    /// A directory of variables cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// `inventory.yaml` in `dir` or a directory above it; the nearest one.
pub fn find_inventory(dir: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(dir).ok()?;
    whole.ancestors().map(|dir| dir.join(FILE)).find(|file| file.is_file())
}

/// Reads the inventory at `path`. What is wrong with it is a diagnostic; an error is what kept it from being read.
pub fn read_inventory(path: &Path) -> Result<LoadedInventory, InventoryError> {
    read_inventory_beside(path, SourceMap::default())
}

/// The same, where other texts were read before: those of the inventory are added to them.
pub fn read_inventory_beside(path: &Path, sources: SourceMap) -> Result<LoadedInventory, InventoryError> {
    let text = read_text(path)?;
    let name = path.to_string_lossy();
    let document = Document { name: &name, text: &text };
    if is_own(&text) {
        return Ok(load_inventory(document, sources));
    }
    let inventory = read_ansible_inventory(document, sources);
    let beside = path.parent().unwrap_or(Path::new("."));
    let groups = texts(&beside.join("group_vars"), inventory.groups())?;
    let hosts = texts(&beside.join("host_vars"), inventory.hosts())?;
    Ok(inventory.with_vars(&documents(&groups), &documents(&hosts)))
}

/// Whether the text is of the own format. One that is empty, or says so and cannot be read, is told so by the reader of that.
fn is_own(text: &str) -> bool {
    let root = runbook_plan::read(SourceId::default(), text).0;
    match root.as_ref().map(|root| (&root.value, root.entries())) {
        Some((Value::Map(_), entries)) => {
            let has = |name: &str| entries.iter().any(|entry| entry.key == name);
            has("kind") || has("hosts") && has("version")
        }
        Some((Value::Null, _)) => text.trim().is_empty(),
        Some(_) => false,
        None => text.trim().is_empty() || text.lines().any(|line| line.starts_with("kind:")),
    }
}

/// A text with the name of the group or host that it is about, and of its file.
struct Beside {
    of: String,
    name: String,
    text: String,
}

fn documents(texts: &[Beside]) -> Vec<(String, Document<'_>)> {
    texts.iter().map(|one| (one.of.clone(), Document { name: &one.name, text: &one.text })).collect()
}

/// For each of `names` the first there is in `dir` of `NAME` (a file, or every file below it), `NAME.yml`, `NAME.yaml` and
/// `NAME.json`. Names are looked up in what the directory lists, so that none leads elsewhere.
fn texts<'n>(dir: &Path, names: impl Iterator<Item = &'n str>) -> Result<Vec<Beside>, InventoryError> {
    let listed = entries(dir)?;
    let mut found = Vec::new();
    for name in names {
        if let Some(path) = ENDS.iter().find_map(|end| listed.get(&format!("{name}{end}"))) {
            read_below(name, path, DEPTH, &mut found)?;
        }
    }
    Ok(found)
}

fn read_below(of: &str, path: &Path, depth: usize, found: &mut Vec<Beside>) -> Result<(), InventoryError> {
    if !path.is_dir() {
        let text = read_text(path)?;
        found.push(Beside { of: of.to_owned(), name: path.to_string_lossy().into_owned(), text });
        return Ok(());
    }
    // A link that leads upwards ends here.
    let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
    let counts = |(name, path): &(String, PathBuf)| match name.rfind('.').and_then(|at| name.get(at..)) {
        Some(end) => ENDS.contains(&end) && !path.is_dir(),
        None => true,
    };
    entries(path)?.into_iter().filter(counts).try_for_each(|(_, path)| read_below(of, &path, depth, found))
}

/// What is in `dir` by name, without what Ansible passes over; nothing if there is no such directory.
fn entries(dir: &Path) -> Result<BTreeMap<String, PathBuf>, InventoryError> {
    let failed = |source| InventoryError::Directory { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.starts_with('.') && !name.ends_with('~') {
            found.insert(name.to_owned(), path.clone());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(dir: &Path, name: &str, text: &str) {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn variables_beside_an_inventory_are_read_as_ansible_names_them() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        put(dir, "hosts", "lonely\n[web]\na\nb.example.com\n[db]\nc\n");
        put(dir, "group_vars/all", "one: 1\n");
        put(dir, "group_vars/web.yml", "two: 2\nlast: file\n");
        put(dir, "group_vars/db.yaml", "last: db\n");
        put(dir, "group_vars/db.json", "{\"last\": \"passed over\"}");
        put(dir, "group_vars/web/10-first.yml", "three: 3\nlast: first\n");
        put(dir, "group_vars/web/20-last.yml", "last: last\n");
        put(dir, "group_vars/web/.hidden.yml", "last: hidden\n");
        put(dir, "group_vars/web.yml~", "last: backup\n");
        put(dir, "group_vars/web/README.md", "Not: [variables");
        put(dir, "group_vars/web/old.d/x.yml", "last: passed over\n");
        put(dir, "group_vars/README.md", "Not: [variables");
        put(dir, "group_vars/elsewhere.yml", "Not: [variables");
        put(dir, "group_vars/ungrouped.yml", "five: 5\n");
        put(dir, "host_vars/nobody", "Not: [variables");
        put(dir, "host_vars/b.example.com/x.json", "{\"four\": 4}");
        let loaded = read_inventory(&dir.join("hosts")).unwrap();
        let inventory = loaded.inventory.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let vars = |name: &str| {
            let entries = &inventory.host(name).unwrap().vars;
            entries.iter().map(|entry| format!("{}={}", entry.key, entry.value.to_json())).collect::<Vec<_>>()
        };
        assert_eq!(vars("a"), ["one=1", "three=3", "last=\"last\""]);
        assert_eq!(vars("lonely"), ["one=1", "five=5"]);
        assert_eq!(vars("c"), ["one=1", "last=\"db\""]);
        assert_eq!(vars("b.example.com"), ["one=1", "three=3", "last=\"last\"", "four=4"]);
    }

    #[test]
    fn a_name_of_a_group_leads_to_no_other_directory() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "estate/hosts.yml", "all: { hosts: { a: } }\n../../secret: { hosts: { a: } }\n");
        put(dir.path(), "estate/group_vars/all.yml", "one: 1\n");
        put(dir.path(), "secret.yml", "two: 2\n");
        let inventory = read_inventory(&dir.path().join("estate/hosts.yml")).unwrap().inventory.unwrap();
        assert_eq!(inventory.host("a").unwrap().vars.len(), 1);
    }

    #[test]
    fn the_own_format_is_known_however_it_is_written() {
        for (text, own) in [
            ("{kind: Inventory, version: 1, name: e, hosts: {a: }}", true),
            ("{\"kind\": \"Inventory\", \"hosts\": {}}", true),
            ("hosts: { a: }\nversion: 1\n", true),
            ("  kind: Inventory\n", true),
            ("", true),
            ("kind: Inventory\nhosts: [\n", true),
            ("all:\n  hosts:\n    kind:\n", false),
            ("hosts: { hosts: { a: } }\n", false),
            ("[kind]\na\n", false),
            ("a\n", false),
            ("# nothing\n", false),
        ] {
            assert_eq!(is_own(text), own, "{text}");
        }
    }

    #[test]
    fn a_link_to_a_directory_above_ends() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "hosts", "a\n");
        put(dir.path(), "group_vars/all/x.yml", "one: 1\n");
        std::os::unix::fs::symlink("..", dir.path().join("group_vars/all/up")).unwrap();
        assert!(read_inventory(&dir.path().join("hosts")).unwrap().inventory.is_some());
    }

    #[test]
    fn the_nearest_inventory_counts() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "a/b/plan.yaml", "");
        put(dir.path(), FILE, "");
        assert_eq!(find_inventory(&dir.path().join("a/b")), Some(dir.path().join(FILE)));
        put(dir.path(), "a/inventory.yaml", "");
        assert_eq!(find_inventory(&dir.path().join("a/b")), Some(dir.path().join("a").join(FILE)));
    }
}

//! From an inventory's file to its hosts: reads it, and for one of Ansible what lies beside it.

use runbook_plan::{AnsibleInventory, Document, LoadedInventory, load_ansible_inventory, load_inventory};
use runbook_session::{Error, read_text};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What an inventory is called where none is named.
pub const FILE: &str = "inventory.yaml";

/// What files of variables may end in, in Ansible's order.
const ENDS: [&str; 3] = [".yml", ".yaml", ".json"];

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
    let text = read_text(path)?;
    let name = path.to_string_lossy();
    let document = Document { name: &name, text: &text };
    if is_own(&text) {
        return Ok(load_inventory(document, Default::default()));
    }
    let beside = path.parent().unwrap_or(Path::new("."));
    let (groups, hosts) = (texts(&beside.join("group_vars"))?, texts(&beside.join("host_vars"))?);
    let ansible =
        AnsibleInventory { inventory: document, group_vars: documents(&groups), host_vars: documents(&hosts) };
    Ok(load_ansible_inventory(&ansible, Default::default()))
}

/// Whether the text says what it is. An empty one is told so by the reader of the own format.
fn is_own(text: &str) -> bool {
    text.trim().is_empty() || text.lines().any(|line| line.starts_with("kind:"))
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

/// The first there is of `NAME` (a file, or every file below it), `NAME.yml`, `NAME.yaml` and `NAME.json`, for each name.
fn texts(dir: &Path) -> Result<Vec<Beside>, InventoryError> {
    let mut first: BTreeMap<String, (usize, PathBuf)> = BTreeMap::new();
    for (name, path) in entries(dir)? {
        let end = ENDS.iter().position(|end| name.ends_with(end) && !path.is_dir());
        let of = end.and_then(|at| name.strip_suffix(ENDS.get(at)?)).unwrap_or(&name).to_owned();
        let rank = end.map_or(0, |at| at + 1);
        if first.get(&of).is_none_or(|(earlier, _)| rank < *earlier) {
            first.insert(of, (rank, path));
        }
    }
    let mut found = Vec::new();
    first.iter().try_for_each(|(of, (_, path))| read_below(of, path, DEPTH, &mut found))?;
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
    entries(path)?.into_values().try_for_each(|path| read_below(of, &path, depth, found))
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
        put(dir, "hosts", "[web]\na\nb.example.com\n[db]\nc\n");
        put(dir, "group_vars/all", "one: 1\n");
        put(dir, "group_vars/web.yml", "two: 2\nlast: file\n");
        put(dir, "group_vars/db.yaml", "last: db\n");
        put(dir, "group_vars/db.json", "{\"last\": \"passed over\"}");
        put(dir, "group_vars/web/10-first.yml", "three: 3\nlast: first\n");
        put(dir, "group_vars/web/20-last.yml", "last: last\n");
        put(dir, "group_vars/web/.hidden.yml", "last: hidden\n");
        put(dir, "group_vars/web.yml~", "last: backup\n");
        put(dir, "host_vars/b.example.com/x.json", "{\"four\": 4}");
        let loaded = read_inventory(&dir.join("hosts")).unwrap();
        let inventory = loaded.inventory.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let vars = |name: &str| {
            let entries = &inventory.host(name).unwrap().vars;
            entries.iter().map(|entry| format!("{}={}", entry.key, entry.value.to_json())).collect::<Vec<_>>()
        };
        assert_eq!(vars("a"), ["one=1", "three=3", "last=\"last\""]);
        assert_eq!(vars("c"), ["one=1", "last=\"db\""]);
        assert_eq!(vars("b.example.com"), ["one=1", "three=3", "last=\"last\"", "four=4"]);
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

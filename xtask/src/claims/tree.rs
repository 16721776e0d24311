//! What is on the scratch host: every path with all that an operator would call a change.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Each path with a text of its type, mode, owner, time and content. Times of directories are left out: a rename inside changes
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<PathBuf, String>);

impl Tree {
    pub(super) fn of(top: &Path) -> Self {
        let mut found = BTreeMap::new();
        look(top, &mut found);
        Self(found)
    }

    /// The paths that are not as in `before`.
    pub(super) fn differs(&self, before: &Self) -> Vec<PathBuf> {
        let gone = before.0.keys().filter(|path| !self.0.contains_key(*path));
        let new = self.0.iter().filter(|(path, facts)| before.0.get(*path) != Some(*facts)).map(|(path, _)| path);
        let mut all: Vec<PathBuf> = gone.chain(new).cloned().collect();
        all.sort();
        // What came or went as a whole is one thing.
        let whole = |path: &Path| self.0.contains_key(path) != before.0.contains_key(path);
        let tops: Vec<PathBuf> = all.iter().filter(|path| whole(path)).cloned().collect();
        all.retain(|path| !path.ancestors().skip(1).any(|above| tops.iter().any(|top| top == above)));
        all
    }
}

fn look(path: &Path, found: &mut BTreeMap<PathBuf, String>) {
    let Ok(meta) = fs::symlink_metadata(path) else { return };
    let owner = (meta.uid(), meta.gid(), meta.mode());
    let facts = if meta.is_dir() {
        format!("directory {owner:?}")
    } else if meta.is_symlink() {
        format!("link to {}", fs::read_link(path).unwrap_or_default().display())
    } else {
        let content = fs::read(path).unwrap_or_default();
        format!("file {owner:?} {}.{} {}", meta.mtime(), meta.mtime_nsec(), String::from_utf8_lossy(&content))
    };
    found.insert(path.to_owned(), facts);
    if meta.is_dir() {
        let mut inside: Vec<PathBuf> =
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        inside.sort();
        inside.iter().for_each(|path| look(path, found));
    }
}

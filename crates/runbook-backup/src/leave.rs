//! What a second pass must leave as the first one found it: what was changed on purpose since then.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::manifest::{EntryKind, Manifest, Root};
use crate::spot::real;

/// Names in a manifest, each left with everything below it.
#[derive(Debug, Default)]
pub(crate) struct Leave(Vec<PathBuf>);

impl Leave {
    /// What the manifest holds of `changed`, by its names and by where they lead.
    pub(crate) fn new(manifest: &Manifest, changed: &[PathBuf]) -> Result<Self, Error> {
        let mut left = Vec::new();
        for root in &manifest.roots {
            if real(&root.path)? != root.real {
                left.push(root.path.clone());
                continue;
            }
            for path in changed {
                let named = (path.as_path(), root.path.as_path());
                let found = real(path)?;
                left.extend([named, (&found, &root.real)].into_iter().filter_map(|(path, base)| {
                    if base.starts_with(path) {
                        return Some(root.path.clone());
                    }
                    let rest = path.strip_prefix(base).ok()?;
                    Some(first_unsure(manifest, root, &root.path.join(rest)))
                }));
            }
        }
        let mut leave = Self(left);
        // The content of a file with several names is with the first of them.
        let linked = manifest.entries.iter().filter(|entry| leave.has(&entry.path));
        let firsts: Vec<PathBuf> = linked.filter_map(|entry| entry.hard_link_to.clone()).collect();
        leave.0.extend(firsts);
        leave.0.sort_unstable();
        leave.0.dedup_by(|path, above| path.starts_with(above));
        Ok(leave)
    }

    /// Whether nothing is told about the path but what the first pass told.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.0.iter().any(|left| path.starts_with(left))
    }

    /// The same, or that something below the path is left, which needs it as it was.
    pub(crate) fn keeps(&self, path: &Path) -> bool {
        self.0.iter().any(|left| path.starts_with(left) || left.starts_with(path))
    }

    pub(crate) fn into_paths(self) -> Vec<PathBuf> {
        self.0
    }
}

/// The path, or the first thing above it that the change may have made. Below a link it is not known what was meant.
fn first_unsure(manifest: &Manifest, root: &Root, path: &Path) -> PathBuf {
    let mut between: Vec<&Path> = path.ancestors().take_while(|above| above.starts_with(&root.path)).collect();
    between.reverse();
    for above in between.into_iter().take_while(|above| *above != path) {
        match manifest.entry(above).map(|entry| &entry.kind) {
            Some(EntryKind::Directory) => {}
            Some(_) => return root.path.clone(),
            None => return above.to_path_buf(),
        }
    }
    path.components().collect()
}

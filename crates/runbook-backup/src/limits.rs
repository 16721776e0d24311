//! What a backup of a tree cannot bring back, found by looking at the tree or at a manifest: told before and after.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::descent::Id;
use crate::error::Error;
use crate::inode::Inode;
use crate::limit::{Limit, LimitKind};
use crate::manifest::{EntryKind, Manifest, SkipReason};
use crate::mounts::Mounts;
use crate::spot::{Spot, leads_to};
use crate::tree::{Found, Visit, walk};

/// What a backup of these paths, taken now, could not bring back. Reads no content.
pub fn limits(paths: &[PathBuf]) -> Result<Vec<Limit>, Error> {
    let mounts = Mounts::read()?;
    let mut look = Look::default();
    let mut roots = Vec::new();
    for path in paths {
        if let Some(spot) = Spot::find(path)? {
            walk(&spot, &mounts, &mut look)?;
            roots.push(spot.real().to_path_buf());
        }
    }
    Ok(look.finish(&roots))
}

impl Manifest {
    /// What of a path and of everything below it a restore cannot bring back.
    pub(crate) fn limits_below(&self, path: &Path) -> Vec<Limit> {
        let within = |at: &Path| at.starts_with(path);
        let sockets = self.skipped.iter().filter(|one| one.why == SkipReason::Socket && within(&one.path));
        let mut limits: Vec<Limit> =
            sockets.map(|one| Limit { path: one.path.clone(), what: LimitKind::Socket }).collect();
        limits.extend(self.limits.iter().filter(|one| within(&one.path)).cloned());
        limits
    }

    /// Looks at what was just recorded.
    pub(crate) fn find_limits(&mut self, links: &HashMap<Id, u64>) {
        let mut names: HashMap<Id, (u64, &Path)> = HashMap::new();
        let files = self.entries.iter().filter(|entry| entry.kind != EntryKind::Directory);
        for entry in files.clone() {
            names.entry((entry.seen.dev, entry.seen.ino)).or_insert((0, &entry.path)).0 += 1;
        }
        let mut limits = other_names(links, &names);
        let roots: Vec<PathBuf> = self.roots.iter().map(|root| root.real.clone()).collect();
        let links = files.filter(|entry| matches!(entry.kind, EntryKind::Symlink { .. }));
        limits.extend(links.filter_map(|entry| leads_out(&entry.path, &roots)));
        limits.sort_by(|a, b| a.path.cmp(&b.path));
        self.limits = limits;
    }
}

#[derive(Default)]
struct Look {
    limits: Vec<Limit>,
    seen: HashSet<PathBuf>,
    links: HashMap<Id, u64>,
    names: HashMap<Id, (u64, PathBuf)>,
    symlinks: Vec<PathBuf>,
}

impl Look {
    fn finish(mut self, roots: &[PathBuf]) -> Vec<Limit> {
        let names = self.names.iter().map(|(id, (count, path))| (*id, (*count, path.as_path()))).collect();
        self.limits.extend(other_names(&self.links, &names));
        self.limits.extend(self.symlinks.iter().filter_map(|link| leads_out(link, roots)));
        self.limits.sort_by(|a, b| a.path.cmp(&b.path));
        self.limits
    }
}

impl Visit for Look {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error> {
        let Inode { kind, links, seen, .. } = found.inode;
        if kind == FileType::Directory || (kind != FileType::Symlink && links < 2) {
            return Ok(());
        }
        // Paths may be one inside the other.
        if !self.seen.insert(found.path.to_path_buf()) {
            return Ok(());
        }
        if kind == FileType::Symlink {
            self.symlinks.push(found.path.to_path_buf());
        }
        if links > 1 {
            let id = (seen.dev, seen.ino);
            self.links.insert(id, links);
            self.names.entry(id).or_insert_with(|| (0, found.path.to_path_buf())).0 += 1;
        }
        Ok(())
    }

    fn skipped(&mut self, path: &Path, why: SkipReason) -> Result<(), Error> {
        if why == SkipReason::Socket && self.seen.insert(path.to_path_buf()) {
            self.limits.push(Limit { path: path.to_path_buf(), what: LimitKind::Socket });
        }
        Ok(())
    }
}

/// Files that have more names than were found.
fn other_names(links: &HashMap<Id, u64>, names: &HashMap<Id, (u64, &Path)>) -> Vec<Limit> {
    let more = |(id, (count, path)): (&Id, &(u64, &Path))| {
        let count = links.get(id)?.checked_sub(*count).filter(|more| *more > 0)?;
        Some(Limit { path: path.to_path_buf(), what: LimitKind::OtherNames { count } })
    };
    names.iter().filter_map(more).collect()
}

/// A link that leads to something that is there and that no root holds. What cannot be followed leads nowhere.
fn leads_out(link: &Path, roots: &[PathBuf]) -> Option<Limit> {
    let to = leads_to(link).ok()?.pop()?;
    let inside = roots.iter().any(|root| to.starts_with(root));
    (!inside && to.symlink_metadata().is_ok())
        .then(|| Limit { path: link.to_path_buf(), what: LimitKind::LeadsOut { to } })
}

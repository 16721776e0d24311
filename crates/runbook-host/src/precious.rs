//! Paths that no step may remove, whatever a plan says.

use crate::places::{place_failure, place_if_any};
use crate::{Reader, backup_failure};
use runbook_backup::Mounts;
use runbook_model::Failure;
use std::path::{Path, PathBuf};

impl Reader {
    /// A refusal if removing `path` would take away the root, the home directory or one above it, `runbook`'s own
    /// files, or a mounted file system.
    pub fn expendable(&self, path: &Path) -> Result<(), Failure> {
        let refused = |what: &str| {
            Err(Failure::refused(format!("{} is {what}, which no step removes", path.display()))
                .hint("name the file or directory inside it that is meant"))
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return refused("the root of the file system");
        };
        // The same place can have several names; what a link at `path` itself leads to stays.
        let real = self.canonical(parent)?.map_or_else(|| path.to_path_buf(), |parent| parent.join(name));
        let names = |path: &Path| -> Result<[PathBuf; 2], Failure> {
            Ok([path.to_path_buf(), self.canonical(path)?.unwrap_or_else(|| path.to_path_buf())])
        };
        // By what they are: a bind mount or another spelling is the same directory under another name.
        let place = place_if_any(path)?;
        let holds = |own: &Path| -> Result<bool, Failure> {
            let held = place.as_ref().map_or(Ok(false), |place| place.holds(own));
            held.map_err(|error| place_failure(path, &error))
        };
        let is_below_own = || -> Result<bool, Failure> {
            let own = place_if_any(self.state_dir())?.filter(|own| own.stat().is_ok_and(|found| found.is_some()));
            let below = own.map_or(Ok(false), |own| own.holds(path));
            below.map_err(|error| place_failure(path, &error))
        };
        for own in names(self.home())? {
            if own.starts_with(path) || own.starts_with(&real) || holds(&own)? {
                return refused("the home directory or above it");
            }
        }
        for own in names(self.state_dir())? {
            if [path, &real].iter().any(|path| own.starts_with(path) || path.starts_with(&own)) || holds(&own)? {
                return refused("where runbook keeps its own files");
            }
        }
        if is_below_own()? {
            return refused("where runbook keeps its own files");
        }
        let mounts = Mounts::read().map_err(|error| backup_failure("cannot tell what is mounted", &error))?;
        match mounts.at_or_below(&real) {
            Some(point) if point == real => refused("a mount point"),
            Some(point) => Err(Failure::refused(format!(
                "{} holds the mounted file system {}, which no step removes",
                path.display(),
                point.display()
            ))
            .hint(format!("unmount {} first", point.display()))),
            None => Ok(()),
        }
    }

    /// A refusal if a directory on the way to `path` is a symlink that somebody else than root or the caller can let lead
    /// elsewhere.
    pub fn own_way_to(&self, path: &Path) -> Result<(), Failure> {
        place_if_any(path).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precious_paths_are_refused() {
        let reader = Reader::new("/var/lib/runbook", "/home/ops");
        for path in ["/", "/home", "/home/ops", "/var/lib", "/var/lib/runbook/backups", "/proc"] {
            assert!(reader.expendable(Path::new(path)).is_err(), "{path}");
        }
        for path in ["/home/ops/app", "/var/lib/runbook2", "/home/opsy"] {
            assert!(reader.expendable(Path::new(path)).is_ok(), "{path}");
        }
    }
}

//! The `/tmp` that a unit has to itself: systemd.exec(5), `PrivateTmp=`.
//!
//! On the host it is `/tmp/systemd-private-BOOT-UNIT-RANDOM/tmp`, named after the unit that made it. It is removed when
//! the last of the units that share it stops.

use super::{Unit, UnitState};
use runbook_host::Reader;
use runbook_model::Failure;
use std::path::{Path, PathBuf};

impl Unit {
    /// Where a directory of temporary files that its processes call `dir` is on the host; none if it is not there now.
    /// Where units share what is private, it may have been made by any of them.
    pub(super) fn temp_dirs_of(&self, host: &Reader, state: &UnitState, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
        let root = Path::new(state.get("RootDirectory"));
        let inside = |dir: &Path| if root.as_os_str().is_empty() { dir.to_owned() } else { root.join(relative(dir)) };
        let shared = [Path::new("/tmp"), Path::new("/var/tmp")].into_iter().find(|shared| dir.starts_with(shared));
        let Some(shared) = shared.filter(|_| state.private_tmp) else { return Ok(vec![inside(dir)]) };
        let rest = dir.strip_prefix(shared).unwrap_or(Path::new(""));
        let mut found = Vec::new();
        for of in std::iter::once(self.name.as_str()).chain(state.get("JoinsNamespaceOf").split_whitespace()) {
            let name = format!("systemd-private-{}-{of}-", host.boot()?.replace('-', ""));
            let made = host.list(shared)?.unwrap_or_default();
            let made = made.into_iter().filter(|entry| entry.to_string_lossy().starts_with(&name));
            found.extend(made.map(|entry| shared.join(entry).join("tmp").join(rest)));
        }
        Ok(found)
    }
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

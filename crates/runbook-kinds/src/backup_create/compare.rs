//! How a path that a rollback kept differs from its backup, in one clause.

use runbook_backup::{Backup, Change, Difference, EntryKind};
use runbook_model::{Remains, RemainsKind};
use std::collections::BTreeSet;
use std::path::Path;

/// What there is to say of `path`; `None` if it is as it was. Times of directories do not count: whatever is put back
/// inside changes them.
pub(super) fn compared(backup: &Backup, path: &Path) -> Option<Remains> {
    let name = path.display().to_string();
    let mut differences = match backup.compare(path) {
        Ok(differences) => differences,
        Err(error) => return Some(Remains::new(RemainsKind::NotCompared, name, error.to_string())),
    };
    let is_directory =
        |path: &Path| backup.manifest().entry(path).is_some_and(|entry| matches!(entry.kind, EntryKind::Directory));
    differences.retain(|one| !(matches!(one.what, Change::Mtime(_)) && is_directory(&one.path)));
    (!differences.is_empty()).then(|| Remains::new(RemainsKind::Kept, name, clause(&differences)))
}

/// `3 files differ (1 new, 1 gone)`
fn clause(differences: &[Difference]) -> String {
    let count = |wanted: fn(&Change) -> bool| {
        let paths: BTreeSet<_> = differences.iter().filter(|one| wanted(&one.what)).map(|one| &one.path).collect();
        paths.len()
    };
    let all = match count(|_| true) {
        1 => "1 file differs".to_owned(),
        many => format!("{many} files differ"),
    };
    let (new, gone) = (count(|what| *what == Change::Added), count(|what| *what == Change::Missing));
    match (new, gone) {
        (0, 0) => all,
        (new, 0) => format!("{all} ({new} new)"),
        (0, gone) => format!("{all} ({gone} gone)"),
        (new, gone) => format!("{all} ({new} new, {gone} gone)"),
    }
}

//! Whether there is a way back for a path, as far as reading can tell.

use crate::{Reader, backup_failure};
use runbook_model::Failure;
use std::path::Path;

impl Reader {
    /// Whether this user could put `path` back as it is now, after a step changed it: as far as that can be read without
    /// writing, so for dry runs. `prepare` proves it with the backup itself.
    pub fn can_restore(&self, path: &Path) -> Result<(), Failure> {
        runbook_backup::provable(path).map_err(|error| backup_failure("there would be no way back", &error))
    }
}

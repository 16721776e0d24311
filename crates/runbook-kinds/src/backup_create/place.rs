//! The places that a backup holds, and what a rollback does with each.

use super::read::Restore;
use runbook_model::BackupMade;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A place that is backed up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) restore: Restore,
    /// Whether the plan names it only by a link.
    pub(super) is_led_to: bool,
}

pub(super) fn paths_of(places: &[Place]) -> Vec<PathBuf> {
    places.iter().map(|place| place.path.clone()).collect()
}

/// The paths that a rollback may put back.
pub(super) fn insured(places: &[Place]) -> impl Iterator<Item = &PathBuf> {
    places.iter().filter(|place| place.restore > Restore::Never).map(|place| &place.path)
}

/// The backup of `places` in `dir`.
pub(super) fn made(dir: PathBuf, places: &[Place]) -> BackupMade {
    let with = |policy| places.iter().filter(|place| place.restore == policy).map(|place| place.path.clone()).collect();
    BackupMade { dir, always: with(Restore::Always), if_needed: with(Restore::IfNeeded), never: with(Restore::Never) }
}

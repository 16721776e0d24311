//! Places of paths, with the failures that steps have where one cannot be used.

use crate::{backup_failure, io_failure};
use runbook_backup::Spot;
use runbook_model::Failure;
use rustix::fs::Stat;
use std::path::Path;

/// The place of a path, whose directory must be there. Everything that is done there is done in the directory that is
/// held from now on, whatever its name leads to by then.
pub(crate) fn place_of(path: &Path) -> Result<Spot, Failure> {
    Spot::known(path).map_err(|error| place_failure(path, &error))
}

/// The same, and `None` where the directory is not there.
pub(crate) fn place_if_any(path: &Path) -> Result<Option<Spot>, Failure> {
    Spot::find(path).map_err(|error| place_failure(path, &error))
}

/// Makes durable what was done at a place, and says where it was not meant to be done.
pub(crate) fn done_there(spot: &Spot) -> Result<(), Failure> {
    spot.sync().map_err(|error| place_failure(spot.path(), &error))?;
    still_there(spot)
}

/// An error when the path leads elsewhere by now: a reader of the path does not find what was done.
pub(crate) fn still_there(spot: &Spot) -> Result<(), Failure> {
    spot.still_there().map_err(|error| place_failure(spot.path(), &error))
}

/// What is at a place.
pub(crate) fn found_at(spot: &Spot) -> Result<Option<Stat>, Failure> {
    spot.stat().map_err(|error| place_failure(spot.path(), &error))
}

/// Why a place cannot be reached or used, in the words that this has elsewhere.
pub(crate) fn place_failure(path: &Path, error: &runbook_backup::Error) -> Failure {
    match error {
        runbook_backup::Error::Io { doing, path, source } => io_failure(doing, path, source),
        runbook_backup::Error::SomebodysLink { .. } | runbook_backup::Error::LooseLink { .. } => {
            Failure::refused(error.to_string())
        }
        _ => backup_failure(&format!("{} cannot be used", path.display()), error),
    }
}

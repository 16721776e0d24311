//! Room for the answer of a program that cannot give it on standard output, such as `npm pack`.
//!
//! The one exception from "a reader writes nothing": a directory of its own among the temporary files, which nobody else
//! may enter, and which is gone when the answer was read.

use crate::{Reader, io_failure};
use runbook_model::Failure;
use std::path::Path;

/// The directory; dropping it removes it.
pub struct Scratch(tempfile::TempDir);

impl Reader {
    /// An empty directory for what a program that is asked leaves behind.
    pub fn scratch(&self) -> Result<Scratch, Failure> {
        let made = tempfile::Builder::new().prefix("runbook-asks-").tempdir();
        made.map(Scratch).map_err(|error| io_failure("make a directory in", &std::env::temp_dir(), &error))
    }
}

impl Scratch {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

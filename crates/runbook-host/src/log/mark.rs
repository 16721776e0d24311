//! A position in a log, which a run keeps.

use super::{digest, last_before};
use crate::Reader;
use runbook_model::Failure;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// An exact position in a log: not a time, not a number of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogMark {
    /// The file system.
    pub dev: u64,
    /// The file, whatever its name is by now.
    pub ino: u64,
    /// Bytes before the position.
    pub offset: u64,
    /// A digest of the last of them: another one means that the file was written anew.
    #[serde(default)]
    pub before: Option<u64>,
    /// When this was noted, in milliseconds since 1970: what was written before is no part of what follows.
    #[serde(default)]
    pub at_ms: i64,
}

impl LogMark {
    /// The end of the log at `path`, or that there is none yet.
    pub fn at_end(host: &Reader, path: &Path) -> Result<Self, Failure> {
        let at_ms = host.now_ms();
        let Some(found) = host.stat(path)? else { return Ok(Self { at_ms, ..Self::default() }) };
        let offset = found.len();
        let before = last_before(host, path, offset)?.map(|bytes| digest(&bytes));
        Ok(Self { dev: found.dev(), ino: found.ino(), offset, before, at_ms })
    }

    /// Whether both are in the same file.
    pub fn same_file(&self, other: &Self) -> bool {
        (self.dev, self.ino) == (other.dev, other.ino)
    }
}

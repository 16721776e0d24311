//! Where a job's output files stood when it was last told to start.
//!
//! The step that starts a job notes it just before; `verify.signals` reads from there.

use super::Job;
use runbook_host::LogMark;
use runbook_host::{Host, Reader};
use runbook_model::Failure;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A position in one of a job's output files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// The file.
    pub path: PathBuf,
    /// The position.
    pub mark: LogMark,
}

impl Job {
    /// The ends of its output files now: of `stdout` and `stderr` as far as they are files, each once.
    pub fn log_marks(host: &Reader, stdout: Option<&Path>, stderr: Option<&Path>) -> Result<Vec<FileMark>, Failure> {
        let mut marks: Vec<FileMark> = Vec::new();
        for path in stdout.into_iter().chain(stderr) {
            // `/dev/null` is a usual one.
            let is_file = host.stat(path)?.is_none_or(|found| found.is_file());
            if is_file && !marks.iter().any(|known| known.path == path) {
                marks.push(FileMark { path: path.to_owned(), mark: LogMark::at_end(host, path)? });
            }
        }
        Ok(marks)
    }

    /// To be called right before it is told to start: notes where its output begins.
    pub(super) fn note_start(&self, host: &Host, stdout: Option<&Path>, stderr: Option<&Path>) -> Result<(), Failure> {
        let path = self.note_path(host);
        let bytes = serde_json::to_vec(&Self::log_marks(host, stdout, stderr)?)
            .map_err(|error| Failure::failed(format!("{} cannot be written: {error}", path.display())))?;
        host.own_dir(&host.state_dir().join("jobs"))?;
        host.keep(&path, &bytes)
    }

    /// What was noted when a step of any run last told it to start; `None` if none did.
    pub fn noted_start(&self, host: &Reader) -> Result<Option<Vec<FileMark>>, Failure> {
        // A note that is not whole is no note: then the baseline's position counts.
        Ok(host.read(&self.note_path(host))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn note_path(&self, host: &Reader) -> PathBuf {
        host.state_dir().join("jobs").join(format!("{}.json", self.target(host).replace('/', ":")))
    }
}

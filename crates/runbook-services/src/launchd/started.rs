//! The log of a job: its output files, from where they stood when it was last told to start.
//!
//! The step that starts a job notes it just before; `verify.signals` reads from there.

use super::Job;
use crate::log::{Marks, Moment, Noted, Tail, read_mark};
use crate::observed::Logged;
use crate::undo_data;
use runbook_host::{Host, LogMark, LogTail, Reader};
use runbook_model::Failure;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// A position in one of a job's output files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileMark {
    /// The file.
    path: PathBuf,
    /// The position.
    mark: LogMark,
}

impl Logged for Job {
    /// A change is judged from the baseline on if no step of this run told it to start.
    fn log(&self, host: &Reader, marks: &Marks<'_>, moment: Moment) -> Result<Result<Tail, String>, Failure> {
        let mut from = self.noted_start(host)?;
        if moment == Moment::After {
            // A note that was there at the baseline is of an earlier run.
            let earlier = read_mark(marks.baseline, "started");
            from = from.filter(|noted| Some(noted) != earlier.as_ref()).or(read_mark(marks.baseline, "job"));
        }
        Ok(match from {
            None => Err(format!("no position to read the output of {self} from is known")),
            Some(files) if files.is_empty() => {
                Err(format!("the property list of {self} names no file for its output, so it has no log"))
            }
            Some(files) => {
                Ok(Tail::Files(files.into_iter().map(|FileMark { path, mark }| LogTail::new(path, mark)).collect()))
            }
        })
    }

    fn log_marks(&self, host: &Reader) -> Result<Noted, Failure> {
        let Ok(Some(state)) = self.state(host) else { return Ok(Noted::new()) };
        Ok(Noted::from_iter([
            ("job".to_owned(), json!(Self::ends(host, state.stdout.as_deref(), state.stderr.as_deref())?)),
            ("started".to_owned(), json!(self.noted_start(host)?)),
        ]))
    }
}

impl Job {
    /// The ends of its output files now: of `stdout` and `stderr` as far as they are files, each once.
    fn ends(host: &Reader, stdout: Option<&Path>, stderr: Option<&Path>) -> Result<Vec<FileMark>, Failure> {
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
        host.own_dir(&host.state_dir().join("jobs"))?;
        undo_data::keep(host, &path, &Self::ends(host, stdout, stderr)?)
    }

    /// What was noted when a step of any run last told it to start; `None` if none did.
    fn noted_start(&self, host: &Reader) -> Result<Option<Vec<FileMark>>, Failure> {
        // A note that is not whole is no note: then the baseline's position counts.
        undo_data::kept(host, &self.note_path(host))
    }

    fn note_path(&self, host: &Reader) -> PathBuf {
        host.state_dir().join("jobs").join(format!("{}.json", self.target(host).replace('/', ":")))
    }
}

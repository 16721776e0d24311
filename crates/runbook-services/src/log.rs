//! The log of a service for those who only read it: where to begin, and the lines from there on.

use crate::systemd::{JournalLine, JournalTail};
use runbook_host::{LogLine, LogMark, LogTail, Reader};
use runbook_model::Failure;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::path::PathBuf;

/// When a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the first change.
    Before,
    /// After the change.
    After,
    /// After a rollback.
    Back,
}

/// Positions in logs, as `Observed::log_marks` has noted them.
#[derive(Debug)]
pub struct Marks<'a> {
    /// Of the baseline; null without one.
    pub baseline: &'a Json,
    /// After the change was judged, where that is what a rollback has to answer for.
    pub kept: Option<Json>,
}

/// Names of positions, with what was noted.
pub type Noted = serde_json::Map<String, Json>;

/// Follows the log of a service.
#[derive(Debug)]
pub enum Tail {
    /// In these files.
    Files(Vec<LogTail>),
    /// In the journal.
    Journal(Box<JournalTail>),
}

/// One line.
#[derive(Clone, Debug)]
pub enum Line {
    /// Of a file.
    File(LogLine),
    /// Of the journal.
    Journal(JournalLine),
}

impl Marks<'_> {
    /// The latest ones.
    pub fn latest(&self) -> &Json {
        self.kept.as_ref().unwrap_or(self.baseline)
    }
}

/// The position `name` of `marks`; `None` if none was noted.
pub fn read_mark<T: DeserializeOwned>(marks: &Json, name: &str) -> Option<T> {
    serde_json::from_value(marks.get(name)?.clone()).ok()
}

impl Tail {
    /// A file from a position on; without one nothing can be said of it.
    pub fn of_file(path: PathBuf, mark: Option<LogMark>) -> Result<Self, String> {
        let mark = mark.ok_or_else(|| format!("no position to read {} from is known", path.display()))?;
        Ok(Self::Files(vec![LogTail::new(path, mark)]))
    }

    /// Whether it costs so much to look that it is not done every moment.
    pub fn is_costly(&self) -> bool {
        matches!(self, Self::Journal(_))
    }

    /// Reads on. With `last`, a line whose end is not written counts as well.
    pub fn read(&mut self, host: &Reader, last: bool, see: &mut (dyn FnMut(Line) + Send)) -> Result<(), Failure> {
        match self {
            Self::Files(tails) => {
                for tail in tails {
                    tail.read(host, &mut |line| see(Line::File(line)))?;
                    if last {
                        tail.rest(&mut |line| see(Line::File(line)));
                    }
                }
            }
            Self::Journal(tail) => tail.read(host, last, &mut |line| see(Line::Journal(line))),
        }
        Ok(())
    }

    /// Why lines may have been missed.
    pub fn lost(&self) -> Option<&str> {
        match self {
            Self::Files(tails) => tails.iter().find_map(LogTail::lost),
            Self::Journal(tail) => tail.lost(),
        }
    }
}

impl Line {
    /// What it says.
    pub fn text(&self) -> &str {
        match self {
            Self::File(line) => &line.text,
            Self::Journal(line) => &line.text,
        }
    }

    /// Where it stands: `gateway.log:41`, `journal 02:14:07 pid 412`.
    pub fn place(&self, host: &Reader) -> String {
        match self {
            Self::File(line) => line.place(host),
            Self::Journal(line) => line.place(),
        }
    }
}

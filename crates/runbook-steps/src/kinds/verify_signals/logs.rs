//! The log that the signals of one verification share, read once for all of them.

use super::signal::{Signal, Source};
use crate::host::Reader;
use crate::log::{LogLine, LogTail};
use crate::process::{LogMark, Service};
use runbook_model::Failure;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// The lines since the position, as far as a signal asked for them.
#[derive(Debug)]
pub(super) struct SharedLog {
    tail: LogTail,
    /// One a signal, in their order.
    pub(super) hits: Vec<Hits>,
}

/// The lines that hold a signal's text.
#[derive(Clone, Debug, Default)]
pub(super) struct Hits {
    pub(super) count: u64,
    pub(super) first: Option<LogLine>,
}

impl SharedLog {
    /// Follows the log at `path` from `mark` for `signals`.
    pub(super) fn new(path: PathBuf, mark: LogMark, signals: &[Signal]) -> Self {
        Self { tail: LogTail::new(path, mark), hits: vec![Hits::default(); signals.len()] }
    }

    /// Reads on. With `last`, a line whose end is not written counts as well.
    pub(super) fn read(&mut self, host: &Reader, signals: &[Signal], last: bool) -> Result<(), Failure> {
        let hits = &mut self.hits;
        let mut see = |line: LogLine| {
            for (hits, signal) in hits.iter_mut().zip(signals) {
                let wanted = match &signal.source {
                    Some(Source::Log { text, .. } | Source::LogAbsent(text)) => text,
                    _ => continue,
                };
                if line.text.contains(wanted.as_str()) {
                    hits.count += 1;
                    hits.first.get_or_insert_with(|| line.clone());
                }
            }
        };
        self.tail.read(host, &mut see)?;
        if last {
            self.tail.rest(&mut see);
        }
        Ok(())
    }

    /// Why lines may have been missed.
    pub(super) fn lost(&self) -> Option<&str> {
        self.tail.lost()
    }
}

/// The log and the position to read it from. For the service's own log, where it was last told to start; for any other,
/// what `baseline` has noted; no position if neither is known.
pub(super) fn position(
    host: &Reader,
    service: Option<&Service>,
    log: Option<&Path>,
    marks: &Json,
) -> Result<Option<(PathBuf, Option<LogMark>)>, Failure> {
    let own = match service {
        Some(service) => match (service.spec(host)?, service.state(host)?) {
            (Some(spec), Some(state)) => Some((spec.log, state.log_since)),
            _ => None,
        },
        None => None,
    };
    match (log, own) {
        (Some(log), Some((own, since))) if log == own => Ok(Some((own, since))),
        (Some(log), _) => {
            let noted = marks.get("log").and_then(|mark| serde_json::from_value(mark.clone()).ok());
            Ok(Some((log.to_owned(), noted)))
        }
        (None, own) => Ok(own),
    }
}

/// Where the log at `path` ends now, as `baseline` notes it.
pub(super) fn note(host: &Reader, path: &Path) -> Result<Json, Failure> {
    Ok(json!({ "log": LogMark::at_end(host, path)? }))
}

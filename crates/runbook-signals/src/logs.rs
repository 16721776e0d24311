//! The log that the signals of one verification share, read once for all of them: a file, or the journal.

use super::signal::{Signal, Source};
use runbook_host::{LogMark, Reader};
use runbook_model::Failure;
use runbook_services::{AnyService, Line, Marks, Moment, Tail, read_mark};
use runbook_step::Work;
use serde_json::{Value as Json, json};
use std::path::Path;

/// The file in the step's own directory that `keep` writes.
const AFTER: &str = "after.json";

/// The lines since the position, as far as a signal asked for them.
#[derive(Debug)]
pub(super) struct SharedLog {
    tail: Tail,
    /// One a text of each signal, in their order.
    pub(super) hits: Vec<Vec<Hits>>,
}

/// The lines that hold a signal's text.
#[derive(Clone, Debug, Default)]
pub(super) struct Hits {
    pub(super) count: u64,
    pub(super) first: Option<Line>,
}

/// The log that is read, or why none can be.
pub(super) type Opened = Result<SharedLog, String>;

impl SharedLog {
    fn new(tail: Tail, signals: &[Signal]) -> Self {
        let texts = |signal: &Signal| signal.source.as_ref().map_or(0, |source| source.texts().len());
        let hits = signals.iter().map(|signal| vec![Hits::default(); texts(signal)]).collect();
        Self { tail, hits }
    }

    /// Whether it costs so much to look that it is not done every moment.
    pub(super) fn is_costly(&self) -> bool {
        self.tail.is_costly()
    }

    /// Reads on. With `last`, a line whose end is not written counts as well.
    pub(super) fn read(&mut self, host: &Reader, signals: &[Signal], last: bool) -> Result<(), Failure> {
        let hits = &mut self.hits;
        let mut see = |line: Line| {
            for (hits, signal) in hits.iter_mut().zip(signals) {
                let texts = signal.source.as_ref().map_or(&[][..], Source::texts);
                for (hits, _) in hits.iter_mut().zip(texts).filter(|(_, text)| line.text().contains(text.as_str())) {
                    hits.count += 1;
                    hits.first.get_or_insert_with(|| line.clone());
                }
            }
        };
        self.tail.read(host, last, &mut see)
    }

    /// Why lines may have been missed.
    pub(super) fn lost(&self) -> Option<&str> {
        self.tail.lost()
    }
}

/// The positions that count for a step at this moment.
pub(super) fn marks<'a>(work: &Work<'a>, moment: Moment) -> Result<Marks<'a>, Failure> {
    Ok(Marks { baseline: work.marks, kept: if moment == Moment::Back { kept(work)? } else { None } })
}

/// The log of `subject`, or the file `log`, from the position that counts at this moment.
pub(super) fn open(
    host: &Reader,
    marks: &Marks<'_>,
    subject: Option<&AnyService>,
    log: Option<&Path>,
    signals: &[Signal],
    moment: Moment,
) -> Result<Opened, Failure> {
    let tail = match (subject, log) {
        (Some(service), None) => service.log(host, marks, moment)?,
        (None, None) => Err("nothing says which log".to_owned()),
        (subject, Some(log)) => match subject.map_or(Ok(marks.baseline), |service| service.marks_of_files(host, marks))
        {
            Ok(marks) => Tail::of_file(log.to_owned(), position(host, subject, log, marks)?),
            Err(why) => Err(why),
        },
    };
    Ok(tail.map(|tail| SharedLog::new(tail, signals)))
}

/// Where the logs end now, for `open` to read on from later.
pub(super) fn note(host: &Reader, subject: Option<&AnyService>, log: Option<&Path>) -> Result<Json, Failure> {
    let mut marks = subject.map(|service| service.log_marks(host)).transpose()?.unwrap_or_default();
    let own = || Ok(subject.map(|service| service.log_file(host)).transpose()?.flatten().map(|(path, _)| path));
    if let Some(path) = log.map_or_else(own, |log| Ok::<_, Failure>(Some(log.to_owned())))? {
        marks.insert("log".to_owned(), json!(LogMark::at_end(host, &path)?));
    }
    Ok(if marks.is_empty() { Json::Null } else { Json::Object(marks) })
}

/// Keeps where the logs end once the change was judged, where what a rollback has to answer for comes later.
pub(super) fn keep(work: &Work<'_>, subject: Option<&AnyService>, log: Option<&Path>) -> Result<(), Failure> {
    if !subject.is_some_and(|service| service.is_marked_again()) {
        return Ok(());
    }
    let marks = note(work.host, subject, log)?;
    work.host.keep(&work.dir.join(AFTER), marks.to_string().as_bytes())
}

fn kept(work: &Work<'_>) -> Result<Option<Json>, Failure> {
    // What is not whole is nothing: then the position of the baseline counts.
    Ok(work.host.read(&work.dir.join(AFTER))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// The position to read `log` from. For the service's own, where it was last told to start; for any other, what `note` has
/// noted.
fn position(host: &Reader, subject: Option<&AnyService>, log: &Path, marks: &Json) -> Result<Option<LogMark>, Failure> {
    match subject.map(|service| service.log_file(host)).transpose()?.flatten() {
        Some((own, since)) if log == own => Ok(since),
        _ => Ok(read_mark(marks, "log")),
    }
}

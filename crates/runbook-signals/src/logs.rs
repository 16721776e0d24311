//! The log that the signals of one verification share, read once for all of them: a file, or the journal.

use super::signal::{Signal, Source};
use runbook_host::LogMark;
use runbook_host::Reader;
use runbook_host::{LogLine, LogTail};
use runbook_model::Failure;
use runbook_services::AnyService;
use runbook_services::launchd::{FileMark, Job};
use runbook_services::systemd::{JournalLine, JournalMark, JournalTail};
use runbook_step::Work;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

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

/// One line.
#[derive(Clone, Debug)]
pub(super) enum Line {
    File(LogLine),
    Journal(JournalLine),
}

#[derive(Debug)]
enum Tail {
    Files(Vec<LogTail>),
    Journal(Box<JournalTail>),
}

/// When the signals are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before the first change.
    Before,
    /// After the change.
    After,
    /// After a rollback.
    Back,
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
        matches!(self.tail, Tail::Journal(_))
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
        match &mut self.tail {
            Tail::Files(tails) => {
                for tail in tails {
                    tail.read(host, &mut |line| see(Line::File(line)))?;
                    if last {
                        tail.rest(&mut |line| see(Line::File(line)));
                    }
                }
            }
            Tail::Journal(tail) => tail.read(host, last, &mut |line| see(Line::Journal(line))),
        }
        Ok(())
    }

    /// Why lines may have been missed.
    pub(super) fn lost(&self) -> Option<&str> {
        match &self.tail {
            Tail::Files(tails) => tails.iter().find_map(LogTail::lost),
            Tail::Journal(tail) => tail.lost(),
        }
    }
}

impl Line {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::File(line) => &line.text,
            Self::Journal(line) => &line.text,
        }
    }

    pub(super) fn place(&self, host: &Reader) -> String {
        match self {
            Self::File(line) => line.place(host),
            Self::Journal(line) => line.place(),
        }
    }
}

/// Positions in logs.
pub(super) struct Marks<'a> {
    /// Of the baseline; null without one.
    pub(super) baseline: &'a Json,
    /// After the change was judged, where that is what a rollback has to answer for.
    pub(super) kept: Option<Json>,
}

impl<'a> Marks<'a> {
    /// Those that count for a step at this moment.
    pub(super) fn of(work: &Work<'a>, moment: Moment) -> Result<Self, Failure> {
        Ok(Self { baseline: work.marks, kept: if moment == Moment::Back { kept(work)? } else { None } })
    }
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
    if let (Some(AnyService::Job(job)), None) = (subject, log) {
        return open_job(host, job, signals, marks.baseline, moment);
    }
    let Some(AnyService::Unit(unit)) = subject else {
        return open_file(host, subject, log, signals, marks.baseline);
    };
    // The journal knows a unit by its own name.
    let (unit, now) = match unit.resolved(host).and_then(|unit| Ok((unit.clone(), unit.state(host)?))) {
        Ok(found) => found,
        Err(failure) => return Ok(Err(failure.message)),
    };
    let unit = &unit;
    let Marks { baseline, kept } = marks;
    let marks = kept.as_ref().unwrap_or(baseline);
    let before: Option<JournalMark> = read_mark(marks, "journal");
    let is_same = before.as_ref().is_some_and(|before| before.invocation == now.invocation);
    if log.is_some() {
        // A unit that runs on since the change was judged has said before that what it says once.
        return open_file(host, subject, log, signals, if is_same { baseline } else { marks });
    }
    let tail = if moment == Moment::Before || (moment == Moment::Back && is_same) {
        JournalTail::of_this_life(host, unit, &now)?
    } else {
        // A note that was there at the baseline is of an earlier run.
        let noted = unit.noted_start(host)?.filter(|noted| Some(noted) != read_mark(marks, "started").as_ref());
        match noted.or(before) {
            Some(mark) => JournalTail::since(host, unit, &now, mark),
            None => return Ok(Err(format!("no position to read the journal of {unit} from is known"))),
        }
    };
    Ok(Ok(SharedLog::new(Tail::Journal(Box::new(tail)), signals)))
}

/// The output files of a job, from where it was last told to start; a change is judged from the baseline on if no step of
/// this run did that.
fn open_job(host: &Reader, job: &Job, signals: &[Signal], marks: &Json, moment: Moment) -> Result<Opened, Failure> {
    let noted = job.noted_start(host)?;
    let from = match moment {
        Moment::Before | Moment::Back => noted,
        // A note that was there at the baseline is of an earlier run.
        Moment::After => {
            noted.filter(|noted| Some(noted) != read_mark(marks, "started").as_ref()).or(read_mark(marks, "job"))
        }
    };
    Ok(match from {
        None => Err(format!("no position to read the output of {job} from is known")),
        Some(files) if files.is_empty() => {
            Err(format!("the property list of {job} names no file for its output, so it has no log"))
        }
        Some(files) => {
            let tails = files.into_iter().map(|FileMark { path, mark }| LogTail::new(path, mark)).collect();
            Ok(SharedLog::new(Tail::Files(tails), signals))
        }
    })
}

fn open_file(
    host: &Reader,
    subject: Option<&AnyService>,
    log: Option<&Path>,
    signals: &[Signal],
    marks: &Json,
) -> Result<Opened, Failure> {
    Ok(match position(host, subject, log, marks)? {
        Some((path, Some(mark))) => Ok(SharedLog::new(Tail::Files(vec![LogTail::new(path, mark)]), signals)),
        Some((path, None)) => Err(format!("no position to read {} from is known", path.display())),
        None => Err("the service was never started, so it has no log".to_owned()),
    })
}

/// Where the logs end now, for `open` to read on from later.
pub(super) fn note(host: &Reader, subject: Option<&AnyService>, log: Option<&Path>) -> Result<Json, Failure> {
    let mut marks = serde_json::Map::new();
    if let Some((path, _)) = position(host, subject, log, &Json::Null)? {
        let mark = LogMark::at_end(host, &path)?;
        marks.insert("log".to_owned(), json!(mark));
    }
    // Where systemd does not answer there is no position, and the signals say so.
    if let Some(AnyService::Unit(unit)) = subject
        && let Ok(unit) = unit.resolved(host)
        && let Ok(state) = unit.state(host)
    {
        marks.insert("journal".to_owned(), json!(unit.journal_mark(host, &state)?));
        marks.insert("started".to_owned(), json!(unit.noted_start(host)?));
    }
    if let Some(AnyService::Job(job)) = subject
        && let Ok(Some(state)) = job.state(host)
    {
        marks.insert("job".to_owned(), json!(Job::log_marks(host, state.stdout.as_deref(), state.stderr.as_deref())?));
        marks.insert("started".to_owned(), json!(job.noted_start(host)?));
    }
    Ok(if marks.is_empty() { Json::Null } else { Json::Object(marks) })
}

/// Keeps where the logs of a unit end once the change was judged: what a rollback has to answer for comes later.
pub(super) fn keep(work: &Work<'_>, subject: Option<&AnyService>, log: Option<&Path>) -> Result<(), Failure> {
    if !matches!(subject, Some(AnyService::Unit(_))) {
        return Ok(());
    }
    let marks = note(work.host, subject, log)?;
    work.host.keep(&work.dir.join(AFTER), marks.to_string().as_bytes())
}

fn kept(work: &Work<'_>) -> Result<Option<Json>, Failure> {
    // What is not whole is nothing: then the position of the baseline counts.
    Ok(work.host.read(&work.dir.join(AFTER))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn read_mark<T: DeserializeOwned>(marks: &Json, name: &str) -> Option<T> {
    serde_json::from_value(marks.get(name)?.clone()).ok()
}

/// The file and the position to read it from. For the service's own log, where it was last told to start; for any other,
/// what `note` has noted; no position if neither is known.
fn position(
    host: &Reader,
    subject: Option<&AnyService>,
    log: Option<&Path>,
    marks: &Json,
) -> Result<Option<(PathBuf, Option<LogMark>)>, Failure> {
    let own = match subject {
        Some(AnyService::Process(service)) => match (service.spec(host)?, service.state(host)?) {
            (Some(spec), Some(state)) => Some((spec.log, state.log_since)),
            _ => None,
        },
        Some(AnyService::Unit(_) | AnyService::Job(_)) | None => None,
    };
    match (log, own) {
        (Some(log), Some((own, since))) if log == own => Ok(Some((own, since))),
        (Some(log), _) => Ok(Some((log.to_owned(), read_mark(marks, "log")))),
        (None, own) => Ok(own),
    }
}

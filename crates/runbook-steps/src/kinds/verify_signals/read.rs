//! Reading one signal once.

use super::http::ask;
use super::jobs;
use super::logs::SharedLog;
use super::signal::{Request, Signal, Source, Text};
use super::subject::Subject;
use super::units;
use crate::host::{Command, Host, Identity, KEPT, PortOwners, Reader};
use crate::process::{Life, Service};
use runbook_model::{Failure, FailureKind, Reading, SignalVerdict, format_duration};
use std::path::Path;
use std::time::Duration;

/// How much of an output is shown.
const SHOWN: usize = 120;

/// What a reading is given.
pub(super) struct Surroundings<'a> {
    pub(super) host: &'a Host,
    pub(super) subject: Option<&'a Subject>,
    pub(super) base: &'a Path,
    /// What is left of the time for this signal.
    pub(super) left: Duration,
}

/// What one reading says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) read: String,
    pub(super) verdict: SignalVerdict,
    pub(super) place: Option<String>,
    /// Which process it was about: another one is a break, even if both are green.
    pub(super) process: Option<Identity>,
    /// How often systemd or launchd has started it again by itself, if it is one of theirs.
    pub(super) restarts: Option<u32>,
    /// Nothing that comes can make it another verdict.
    pub(super) for_good: bool,
}

impl Seen {
    pub(super) fn green(read: impl Into<String>) -> Self {
        Self {
            read: read.into(),
            verdict: SignalVerdict::Green,
            place: None,
            process: None,
            restarts: None,
            for_good: false,
        }
    }

    pub(super) fn red(read: impl Into<String>) -> Self {
        Self { verdict: SignalVerdict::Red, ..Self::green(read) }
    }

    pub(super) fn unread(read: impl Into<String>) -> Self {
        Self { verdict: SignalVerdict::Unread, ..Self::green(read) }
    }

    fn judged(good: bool, read: impl Into<String>) -> Self {
        if good { Self::green(read) } else { Self::red(read) }
    }
}

/// What is wanted of a signal, in words.
pub(super) fn wanted(signal: &Signal, subject: Option<&Subject>) -> String {
    let text = |wanted: &Text| match (&wanted.has, &wanted.lacks) {
        (Some(has), Some(lacks)) => format!(" with \"{has}\" without \"{lacks}\""),
        (Some(has), None) => format!(" with \"{has}\""),
        (None, Some(lacks)) => format!(" without \"{lacks}\""),
        (None, None) => String::new(),
    };
    let what = match &signal.source {
        Some(Source::Log { text, count: 1 }) => format!("\"{text}\""),
        Some(Source::Log { text, count }) => format!("{count} × \"{text}\""),
        Some(Source::LogAbsent(text)) => format!("0 × \"{text}\""),
        Some(Source::Command { exit, wanted, .. }) => format!("exit code {exit}{}", text(wanted)),
        Some(Source::Http(request)) => format!("{}{}", request.status, text(&request.wanted)),
        Some(Source::Port(_)) => {
            subject.map_or("a listener, whoever it is".to_owned(), |subject| format!("owned by `{subject}`"))
        }
        Some(Source::Process(_) | Source::Job(_)) => "running".to_owned(),
        Some(Source::Unit(_)) => "active".to_owned(),
        None => String::new(),
    };
    signal.max_latency.map_or(what.clone(), |limit| format!("{what} in {}", format_duration(limit)))
}

/// The row of a signal.
pub(super) fn row(signal: &Signal, subject: Option<&Subject>, seen: &Seen) -> Reading {
    Reading {
        signal: signal.name.clone(),
        role: signal.role,
        kind: signal.kind,
        read: seen.read.clone(),
        wanted: wanted(signal, subject),
        verdict: seen.verdict,
        place: seen.place.clone(),
    }
}

impl Surroundings<'_> {
    /// Reads a signal that is not a log. A cancelled run is a failure; everything else is something that was seen.
    pub(super) fn read(&self, signal: &Signal) -> Result<Seen, Failure> {
        match &signal.source {
            Some(Source::Command { argv, exit, wanted }) => self.command(signal, argv, *exit, wanted),
            Some(Source::Http(request)) => Ok(self.http(signal, request)),
            Some(Source::Port(port)) => Ok(self.port(*port).unwrap_or_else(|failure| Seen::unread(failure.message))),
            Some(Source::Process(name)) => {
                Ok(process(self.host, name).unwrap_or_else(|failure| Seen::unread(failure.message)))
            }
            Some(Source::Unit(unit)) => {
                Ok(units::unit(self.host, unit).unwrap_or_else(|failure| Seen::unread(failure.message)))
            }
            Some(Source::Job(job)) => {
                Ok(jobs::job(self.host, job).unwrap_or_else(|failure| Seen::unread(failure.message)))
            }
            Some(Source::Log { .. } | Source::LogAbsent(_)) | None => Ok(Seen::unread("not a signal of its own")),
        }
    }

    fn command(&self, signal: &Signal, argv: &[String], exit: u64, wanted: &Text) -> Result<Seen, Failure> {
        let command = Command {
            cwd: Some(self.base.to_owned()),
            // A command that is too slow is red; it need not be waited for.
            limit: Some(signal.max_latency.map_or(self.left, |limit| limit.min(self.left))),
            ..Command::new(argv.to_vec())
        };
        let output = match self.host.run(&command) {
            Ok(output) => output,
            Err(failure) => {
                self.host.still_wanted()?;
                return Ok(match failure.kind {
                    FailureKind::Missing => Seen::unread(failure.message),
                    FailureKind::Cancelled => return Err(failure),
                    FailureKind::TimedOut => Seen::red("no end in time"),
                    _ => Seen::red(failure.message),
                });
            }
        };
        let text = crate::log::without_escapes(&String::from_utf8_lossy(&output.stdout));
        let ended = output.status.code().is_some_and(|code| i64::from(code).cast_unsigned() == exit);
        let said = if ended { text.clone() } else { output.tail() };
        let read = format!("{} in {}: {}", output.ending(), brief(output.took), shown(&said));
        let fast = signal.max_latency.is_none_or(|limit| output.took <= limit);
        let good = ended && fast;
        if good && output.stdout.len() >= KEPT && !is_told_by_parts(&text, wanted) {
            let what = "the middle of what it said is left out, and what is looked for may be there";
            return Ok(Seen::unread(format!("{}, but {what}", output.ending())));
        }
        Ok(Seen::judged(good && holds(&text, wanted), read.trim_end_matches([':', ' '])))
    }

    fn http(&self, signal: &Signal, request: &Request) -> Seen {
        let limit = signal.max_latency.map_or(self.left, |limit| limit.min(self.left));
        match ask(request, limit) {
            Ok(answer) => {
                let good = u64::from(answer.status) == request.status
                    && signal.max_latency.is_none_or(|limit| answer.took <= limit)
                    && holds(&answer.body, &request.wanted);
                let shows_body = !good || request.wanted.has.is_some();
                let body = if shows_body { shown(&answer.body) } else { String::new() };
                let read = format!("{} in {}: {body}", answer.status, brief(answer.took));
                Seen::judged(good, read.trim_end_matches([':', ' ']))
            }
            Err(why) => Seen::red(why),
        }
    }

    fn port(&self, port: u16) -> Result<Seen, Failure> {
        let owners = self.host.port_owners(port)?;
        if owners.is_free() {
            return Ok(Seen::red("nobody listens"));
        }
        if let Some(listener) = owners.unseen() {
            return Ok(match self.subject {
                None => Seen::green(format!("{} is listened on", listener.address)),
                Some(_) => {
                    Seen::unread(format!("{} belongs to a process that this user may not see", listener.address))
                }
            });
        }
        match self.subject {
            None => {
                let owners: Vec<String> =
                    owners.processes().iter().map(|process| process.identity.to_string()).collect();
                Ok(Seen::green(format!("owned by {}", owners.join(", "))))
            }
            Some(Subject::Process(service)) => self.port_of(service, &owners),
            Some(Subject::Unit(unit)) => units::port(self.host, unit, &owners),
            Some(Subject::Job(job)) => jobs::port(self.host, job, &owners),
        }
    }

    fn port_of(&self, service: &Service, owners: &PortOwners) -> Result<Seen, Failure> {
        let tree: Vec<Identity> = service.tree(self.host)?.into_iter().map(|process| process.identity).collect();
        for (listener, holders) in &owners.sockets {
            if !holders.iter().any(|process| tree.contains(&process.identity)) {
                let other = holders.first().map_or_else(String::new, |process| {
                    let executed = self.host.executed(&process.identity).ok().flatten().unwrap_or_default();
                    format!("{} ({})", process.identity, executed.line())
                });
                return Ok(Seen::red(format!("{} is owned by {other}", listener.address)));
            }
        }
        let owner = owners.processes().first().map(|process| process.identity.clone());
        let text = owner.as_ref().map_or_else(String::new, Identity::to_string);
        Ok(Seen { process: owner, ..Seen::green(format!("owned by {text}")) })
    }
}

fn process(host: &Reader, name: &str) -> Result<Seen, Failure> {
    let life = Service::named(name).life(host)?;
    Ok(match &life {
        Life::Running(identity) => Seen { process: Some(identity.clone()), ..Seen::green(life.words()) },
        _ => Seen::red(life.words()),
    })
}

/// What a log signal says, from the lines so far.
pub(super) fn read_log(host: &Reader, signal: &Signal, index: usize, log: &SharedLog) -> Seen {
    let hits = log.hits.get(index).cloned().unwrap_or_default();
    let place = hits.first.as_ref().map(|line| line.place(host));
    let first = hits.first.as_ref().map(|line| shown(line.text())).unwrap_or_default();
    let times = format!("{} × {first}", hits.count);
    let seen = match (&signal.source, log.lost()) {
        (Some(Source::Log { count, .. }), _) if hits.count >= *count => Seen::green(first),
        (Some(Source::LogAbsent(_)), _) if hits.count > 0 => Seen { for_good: true, ..Seen::red(times) },
        (_, Some(why)) if hits.count == 0 => Seen::unread(format!("not seen, but {why}")),
        (_, Some(why)) => Seen::unread(format!("{times}, but {why}")),
        (Some(Source::Log { .. }), None) if hits.count == 0 => Seen::red("no such line"),
        (Some(Source::Log { .. }), None) => Seen::red(times),
        _ => Seen::green("0"),
    };
    Seen { place, ..seen }
}

/// Whether a text of which a part is missing decides all the same: what is there is there.
fn is_told_by_parts(text: &str, wanted: &Text) -> bool {
    let found = |part: &Option<String>| part.as_ref().map(|part| text.contains(part.as_str()));
    let (has, lacks) = (found(&wanted.has), found(&wanted.lacks));
    lacks == Some(true) || (has != Some(false) && lacks.is_none())
}

fn holds(text: &str, wanted: &Text) -> bool {
    wanted.has.as_ref().is_none_or(|has| text.contains(has.as_str()))
        && wanted.lacks.as_ref().is_none_or(|lacks| !text.contains(lacks.as_str()))
}

/// One line, not too long.
fn shown(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("\"{}…\"", line.get(..at).unwrap_or("")),
        None if line.is_empty() => String::new(),
        None => format!("\"{line}\""),
    }
}

fn brief(took: Duration) -> String {
    if took < Duration::from_secs(1) {
        format!("{} ms", took.as_millis())
    } else {
        format!("{:.1} s", took.as_secs_f64())
    }
}

//! Reading one signal once.

use super::http::ask;
use super::logs::{Hits, SharedLog};
use super::ports::owned;
use super::seen::Seen;
use super::signal::{Request, Signal, Source, Text};
use runbook_host::{Command, Host, KEPT, Reader};
use runbook_model::{Failure, FailureKind, Reading, format_duration};
use runbook_services::{AnyService, Sight};
use std::time::Duration;

/// How much of an output is shown.
const SHOWN: usize = 120;
/// How much of it is kept with the run.
const WHOLE: usize = 4000;

/// What a reading is given.
pub(super) struct Surroundings<'a> {
    pub(super) host: &'a Host,
    pub(super) subject: Option<&'a AnyService>,
    /// What is left of the time for this signal.
    pub(super) left: Duration,
}

/// What is wanted of a signal, in words.
pub(super) fn wanted(signal: &Signal, subject: Option<&AnyService>) -> String {
    let text = |wanted: &Text| match (&wanted.has, &wanted.lacks) {
        (Some(has), Some(lacks)) => format!(" with \"{has}\" without \"{lacks}\""),
        (Some(has), None) => format!(" with \"{has}\""),
        (None, Some(lacks)) => format!(" without \"{lacks}\""),
        (None, None) => String::new(),
    };
    let what = match &signal.source {
        Some(Source::Log { texts, count: 1 }) => listed(texts),
        Some(Source::Log { texts, count }) => format!("{count} × {}", listed(texts)),
        Some(Source::LogAbsent(texts)) => format!("0 × {}", listed(texts)),
        Some(Source::Command { exit, wanted, .. }) => format!("exit code {exit}{}", text(wanted)),
        Some(Source::Http(request)) => format!("{}{}", request.status, text(&request.wanted)),
        Some(Source::Port(_)) => subject.map_or("any listener".to_owned(), |subject| format!("owned by `{subject}`")),
        Some(Source::Service(service)) => service.up_word().to_owned(),
        None => String::new(),
    };
    signal.max_latency.map_or(what.clone(), |limit| format!("{what} in {}", format_duration(limit)))
}

/// The row of a signal.
pub(super) fn row(signal: &Signal, subject: Option<&AnyService>, seen: &Seen) -> Reading {
    Reading {
        signal: signal.name.clone(),
        role: signal.role,
        kind: signal.kind,
        read: seen.read.clone(),
        wanted: wanted(signal, subject),
        verdict: seen.verdict,
        place: seen.place.clone(),
        whole: seen.whole.clone(),
    }
}

/// A look that runs nothing and asks no service: what a dry run may have.
pub(super) struct Glance<'a> {
    pub(super) host: &'a Reader,
    pub(super) subject: Option<&'a AnyService>,
}

impl Glance<'_> {
    /// Whether there is anything to look at.
    pub(super) fn can_see(source: &Source) -> bool {
        matches!(source, Source::Port(_) | Source::Service(_))
    }

    /// What a port or a service says.
    pub(super) fn at(&self, source: &Source) -> Seen {
        let seen = match source {
            Source::Port(port) => self.port(*port),
            Source::Service(service) => service.sight(self.host).map(seen),
            Source::Log { .. } | Source::LogAbsent(_) | Source::Command { .. } | Source::Http(_) => {
                Ok(Seen::unread("not to be seen at a glance"))
            }
        };
        seen.unwrap_or_else(|failure| Seen::unread(failure.message))
    }
}

impl Surroundings<'_> {
    /// Reads a signal that is not a log. A cancelled run is a failure; everything else is something that was seen.
    pub(super) fn read(&self, signal: &Signal) -> Result<Seen, Failure> {
        match &signal.source {
            Some(Source::Command { command, exit, wanted }) => self.command(signal, command.clone(), *exit, wanted),
            Some(Source::Http(request)) => self.http(signal, request),
            Some(source) => Ok(Glance { host: self.host, subject: self.subject }.at(source)),
            None => Ok(Seen::unread("not read")),
        }
    }

    fn command(&self, signal: &Signal, command: Command, exit: u64, wanted: &Text) -> Result<Seen, Failure> {
        // A command that is too slow is red; it need not be waited for.
        let limit = signal.max_latency.map_or(self.left, |limit| limit.min(self.left));
        let command = Command { limit: Some(limit), ..command };
        let output = match self.host.run(&command) {
            Ok(output) => output,
            Err(failure) => {
                self.host.still_wanted()?;
                return Ok(match failure.kind {
                    FailureKind::Missing => Seen::unread(failure.message),
                    FailureKind::Cancelled => return Err(failure),
                    FailureKind::TimedOut => Seen::red(format!("no end within {}", format_duration(limit))),
                    _ => Seen::red(failure.message),
                });
            }
        };
        let text = runbook_host::without_escapes(&String::from_utf8_lossy(&output.stdout));
        let ended = output.status.code().is_some_and(|code| i64::from(code).cast_unsigned() == exit);
        let said = if ended { text.clone() } else { output.tail() };
        let told = if ended { around(&said, wanted) } else { cause(&said) };
        let read = format!("{} in {}: {}", output.ending(), brief(output.took), quoted(&told));
        let whole = whole(&said, &told);
        let fast = signal.max_latency.is_none_or(|limit| output.took <= limit);
        let good = ended && fast;
        if good && output.stdout.len() >= KEPT && !is_told_by_parts(&text, wanted) {
            let what = "the middle of what it said is left out, and what is looked for may be there";
            return Ok(Seen::unread(format!("{}, but {what}", output.ending())));
        }
        let seen = Seen::judged(good && holds(&text, wanted), read.trim_end_matches([':', ' ']));
        Ok(Seen { whole, says_other: good && !has(&text, wanted), ..seen })
    }

    fn http(&self, signal: &Signal, request: &Request) -> Result<Seen, Failure> {
        let sent = request.headers.values().chain(&request.body).map(String::as_bytes);
        if let Err(missing) = self.host.usable(&sent.collect::<Vec<_>>()) {
            return Ok(Seen::unread(missing.message));
        }
        let limit = signal.max_latency.map_or(self.left, |limit| limit.min(self.left));
        let (asked, names) = (request.clone(), Reader::clone(self.host));
        // The request itself has the same limit, and says more of what it waited for.
        let answer = match self.host.beside(limit + Duration::from_secs(1), move || ask(names, &asked, limit)) {
            Err(failure) if failure.kind == FailureKind::Cancelled => return Err(failure),
            answer => answer.unwrap_or_else(|failure| Err(failure.message)),
        };
        Ok(match answer {
            Ok(answer) => {
                let status = u64::from(answer.status) == request.status;
                let fast = signal.max_latency.is_none_or(|limit| answer.took <= limit);
                let good = status && fast && holds(&answer.body, &request.wanted);
                let shows_body = !good || request.wanted.has.is_some();
                let told = if shows_body { around(&answer.body, &request.wanted) } else { String::new() };
                let read = format!("{} in {}: {}", answer.status, brief(answer.took), quoted(&told));
                let whole = if shows_body { whole(&answer.body, &told) } else { None };
                let says_other = status && fast && !has(&answer.body, &request.wanted);
                Seen { whole, says_other, ..Seen::judged(good, read.trim_end_matches([':', ' '])) }
            }
            Err(why) => Seen::red(why),
        })
    }
}

impl Glance<'_> {
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
            Some(service) => owned(self.host, &owners, &service.holders(self.host)?),
        }
    }
}

fn seen(sight: Sight) -> Seen {
    Seen { process: sight.process, restarts: sight.restarts, ..Seen::judged(sight.is_up, sight.words) }
}

/// `"a", "b"`
fn listed(texts: &[String]) -> String {
    texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ")
}

/// What a log signal says, from the lines so far.
pub(super) fn read_log(host: &Reader, signal: &Signal, index: usize, log: &SharedLog) -> Seen {
    let (Some(source), Some(hits)) = (&signal.source, log.hits.get(index)) else { return Seen::unread("not read") };
    let found = |hits: &&Hits| hits.count > 0;
    // What there is to show: the first line that was found.
    let (sought, shown) = source.texts().iter().zip(hits).find(|(_, hits)| hits.count > 0).unzip();
    let line = shown.and_then(|hits: &Hits| hits.first.as_ref());
    let text = line.map(|line| line.text()).unwrap_or_default();
    let told = part_around(text, sought.map_or("", String::as_str));
    let first = quoted(&told);
    let count = hits.iter().map(|hits| hits.count).sum::<u64>();
    let times = format!("{count} × {first}");
    let seen = match (source, log.lost()) {
        (Source::Log { count, .. }, _) if hits.iter().all(|hits| hits.count >= *count) => match hits.len() {
            1 => Seen::green(first),
            many => Seen::green(format!("all {many}, first {first}")),
        },
        (Source::LogAbsent(_), _) if count > 0 => Seen { for_good: true, ..Seen::red(times) },
        (_, Some(why)) if count == 0 => Seen::unread(format!("not seen, but {why}")),
        (_, Some(why)) => Seen::unread(format!("{times}, but {why}")),
        (Source::Log { texts, count: wanted }, None) if texts.len() > 1 => {
            let missing = texts.iter().zip(hits).filter(|(_, hits)| hits.count < *wanted);
            let missing: Vec<&str> = missing.map(|(text, _)| text.as_str()).collect();
            let seen = hits.iter().filter(found).count();
            Seen::red(format!("{seen} of {}; no line with \"{}\"", texts.len(), missing.join("\", \"")))
        }
        (Source::Log { .. }, None) if count == 0 => Seen::red("no such line"),
        (Source::Log { .. }, None) => Seen::red(times),
        _ => Seen::green("0"),
    };
    Seen { place: line.map(|line| line.place(host)), whole: whole(text, &told), ..seen }
}

/// Whether a text of which a part is missing decides all the same: what is there is there.
fn is_told_by_parts(text: &str, wanted: &Text) -> bool {
    let found = |part: &Option<String>| part.as_ref().map(|part| text.contains(part.as_str()));
    let (has, lacks) = (found(&wanted.has), found(&wanted.lacks));
    lacks == Some(true) || (has != Some(false) && lacks.is_none())
}

fn has(text: &str, wanted: &Text) -> bool {
    wanted.has.as_ref().is_none_or(|has| text.contains(has.as_str()))
}

fn holds(text: &str, wanted: &Text) -> bool {
    has(text, wanted) && wanted.lacks.as_ref().is_none_or(|lacks| !text.contains(lacks.as_str()))
}

/// The line of `text` that a wanted or unwanted text stands in, around it; else the first line.
fn around(text: &str, wanted: &Text) -> String {
    let sought = [&wanted.lacks, &wanted.has].into_iter().flatten().find(|sought| text.contains(sought.as_str()));
    let line = sought.and_then(|sought| text.lines().find(|line| line.contains(sought.as_str())));
    match (line, sought) {
        (Some(line), Some(sought)) => part_around(line, sought),
        _ => part_around(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default(), ""),
    }
}

/// The line of what a failed program said that names an error; else its last one.
fn cause(said: &str) -> String {
    let mut lines = said.lines().filter(|line| !line.trim().is_empty());
    let named = lines.clone().find(|line| line.to_ascii_lowercase().contains("error"));
    part_around(named.or_else(|| lines.next_back()).unwrap_or_default(), "")
}

/// As much of `line` as is shown: its beginning, or where `sought` stands too far behind, what is around that.
fn part_around(line: &str, sought: &str) -> String {
    let line = line.trim();
    let count = line.chars().count();
    if count <= SHOWN {
        return line.to_owned();
    }
    let at = line.find(sought).map_or(0, |byte| line.get(..byte).unwrap_or_default().chars().count());
    let length = sought.chars().count().min(SHOWN);
    // What follows an error's first words tells more than what leads to them.
    let lead = (SHOWN - length) / 4;
    let from = if at + length <= SHOWN * 3 / 4 { 0 } else { (at.saturating_sub(lead)).min(count - SHOWN) };
    let part: String = line.chars().skip(from).take(SHOWN).collect();
    let (before, after) = (if from > 0 { "…" } else { "" }, if from + SHOWN < count { "…" } else { "" });
    format!("{before}{}{after}", part.trim())
}

fn quoted(part: &str) -> String {
    if part.is_empty() { String::new() } else { format!("\"{part}\"") }
}

/// All of `text`, bounded, where `told` is a part of it.
fn whole(text: &str, told: &str) -> Option<String> {
    let text = text.trim();
    (text != told).then(|| match text.char_indices().nth(WHOLE) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    })
}

fn brief(took: Duration) -> String {
    if took < Duration::from_secs(1) {
        format!("{} ms", took.as_millis())
    } else {
        format!("{:.1} s", took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_around_what_was_looked_for_is_shown() {
        let line =
            format!("{} channel exited: Cannot find package 'openclaw' imported from /srv/a.js", "x".repeat(300));
        let part = part_around(&line, "Cannot find package");
        assert!(part.contains("Cannot find package 'openclaw' imported from /srv/a.js"), "{part}");
        assert!(part.chars().count() <= SHOWN + 2 && part.starts_with('…'), "{part}");
        assert_eq!(part_around("short", "no"), "short");
        let long = "y".repeat(500);
        assert_eq!(part_around(&long, "").chars().count(), SHOWN + 1);
        assert!(part_around(&"é".repeat(400), "").ends_with('…'));
        assert_eq!(whole(&long, &part_around(&long, "")), Some(long.clone()));
        assert_eq!(whole("short", "short"), None);
        assert_eq!(whole(&"z".repeat(9000), "").map(|text| text.chars().count()), Some(WHOLE + 1));
    }

    #[test]
    fn the_cause_of_a_failure_is_the_line_that_names_it() {
        let node =
            "node:internal/modules\n  throw err\nError: Cannot find module 'x'\n    at run (a.js:1)\nNode.js v22";
        assert_eq!(cause(node), "Error: Cannot find module 'x'");
        assert_eq!(cause("one\ntwo\n\n"), "two");
        assert_eq!(cause(""), "");
    }
}

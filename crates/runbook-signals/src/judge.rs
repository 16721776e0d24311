//! Waiting for the signals and deciding over them.

use super::lacks::lacks;
use super::logs::{Opened, SharedLog, keep, marks, note, open};
use super::read::{Glance, Surroundings, read_log, row};
use super::seen::Seen;
use super::signal::{Signal, Source};
use runbook_host::Reader;
use runbook_model::{
    Failure, FailureKind, Prediction, Reading, SignalKind, SignalRole, SignalVerdict, format_duration,
};
use runbook_services::{AnyService, Marks, Moment};
use runbook_step::{Baseline, Confirmation, Done, Lack, Probe, Step, Undoing, Verification, Work};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The pause between two rounds.
const ROUND: Duration = Duration::from_millis(50);
/// The pause between two looks at a port, a process, a unit, a health check or the journal.
const LOOK: Duration = Duration::from_millis(200);
/// The pause between two runs of a command or a request that acts.
const COSTLY: Duration = Duration::from_secs(1);

/// The step.
pub(super) struct Verify {
    signals: Vec<Signal>,
    subject: Option<AnyService>,
    log: Option<PathBuf>,
    within: Duration,
    watch: Option<Duration>,
}

/// What is known of one signal while the verification waits.
struct Progress {
    seen: Seen,
    /// Whether it is waited for. One that does not count is read once, at the end.
    counts: bool,
    /// How often it was tried.
    tries: u64,
    /// Since when it is green without a break.
    green_since: Option<Instant>,
    last_read: Option<Instant>,
    /// How often its service manager had started it again when it was first read.
    restarts: Option<u32>,
    /// Its own time was up before it was green: what comes now does not count.
    too_late: bool,
}

impl Verify {
    pub(super) fn new(
        signals: Vec<Signal>,
        subject: Option<AnyService>,
        log: Option<PathBuf>,
        within: Duration,
        watch: Option<Duration>,
    ) -> Self {
        Self { signals, subject, log, within, watch }
    }

    fn limit(&self, signal: &Signal) -> Duration {
        signal.within.unwrap_or(self.within)
    }

    /// How long a signal is watched; what happens once is not.
    fn window(&self, signal: &Signal) -> Duration {
        let lasting = signal.attempts.is_none() && signal.source.as_ref().is_some_and(Source::is_lasting);
        let negative = matches!(signal.source, Some(Source::LogAbsent(_)));
        let default = if lasting || negative { self.watch } else { None };
        signal.watch.or(default).unwrap_or_default()
    }

    /// Opens the log, if a signal is read there.
    fn open_log(&self, work: &Work<'_>, moment: Moment) -> Result<Opened, Failure> {
        if !self.signals.iter().any(|signal| signal.source.as_ref().is_some_and(Source::is_log)) {
            return Ok(Err(String::new()));
        }
        let marks = marks(work, moment)?;
        open(work.host, &marks, self.subject.as_ref(), self.log.as_deref(), &self.signals, moment)
    }

    /// What the log of the service says now, as far as a position in it is known without a run.
    fn glance_at_log(&self, host: &Reader) -> Option<SharedLog> {
        let marks = Marks { baseline: &Json::Null, kept: None };
        let opened = open(host, &marks, self.subject.as_ref(), self.log.as_deref(), &self.signals, Moment::Before);
        let mut log = opened.ok()?.ok()?;
        log.read(host, &self.signals, true).ok()?;
        Some(log)
    }

    /// Reads every signal whose time has come.
    fn round(&self, work: &Work<'_>, round: &mut Round, last: bool) -> Result<(), Failure> {
        if let Ok(log) = &mut round.log
            && (last || !log.is_costly() || round.log_read.is_none_or(|at| at.elapsed() >= LOOK))
        {
            log.read(work.host, &self.signals, last)?;
            round.log_read = Some(Instant::now());
        }
        let elapsed = round.begin.elapsed();
        // What acts is not tried before everything that only looks is as wanted: a message to a service that is not ready
        // says nothing, and is sent all the same.
        let ready = self.looks_good(&round.progress);
        for (index, (signal, progress)) in self.signals.iter().zip(&mut round.progress).enumerate() {
            if progress.too_late {
                continue;
            }
            let seen = match &signal.source {
                Some(source) if source.is_log() => match &round.log {
                    Ok(log) => read_log(work.host, signal, index, log),
                    Err(why) => Seen::unread(why),
                },
                Some(source) if progress.is_due(signal, source, ready, last) => {
                    let left = self.limit(signal).saturating_sub(round.begin.elapsed());
                    let left = left.max(Duration::from_millis(500));
                    let subject = self.subject.as_ref();
                    let surroundings = Surroundings { host: work.host, subject, left };
                    let seen = surroundings.read(signal)?;
                    progress.last_read = Some(Instant::now());
                    progress.tries += 1;
                    let spent = signal.attempts.is_some_and(|attempts| progress.tries >= attempts);
                    Seen { for_good: seen.for_good || (spent && seen.verdict == SignalVerdict::Red), ..seen }
                }
                _ => continue,
            };
            progress.note(seen);
            let absence = matches!(signal.source, Some(Source::LogAbsent(_)));
            let missing = progress.seen.verdict != SignalVerdict::Green && !absence;
            progress.too_late = missing && elapsed >= self.limit(signal);
        }
        work.saw(self.rows(round));
        Ok(())
    }

    /// Whether every signal that counts and only looks is green.
    fn looks_good(&self, progress: &[Progress]) -> bool {
        self.signals.iter().zip(progress).filter(|(signal, one)| one.counts && signal.attempts.is_none()).all(
            |(signal, one)| {
                matches!(signal.source, Some(Source::LogAbsent(_))) || one.seen.verdict == SignalVerdict::Green
            },
        )
    }

    /// Reads in rounds until every signal that `counts` is settled, one of them is red for good, or the time is up. One that
    /// cannot be read ends nothing: another may become red yet, and red is what then counts.
    fn wait(&self, work: &Work<'_>, moment: Moment, counts: &dyn Fn(&Signal) -> bool) -> Result<Round, Failure> {
        let mut round = Round::begin(self, work, moment, counts)?;
        loop {
            self.round(work, &mut round, false)?;
            let counting = || self.signals.iter().zip(&round.progress).filter(|(_, progress)| progress.counts);
            let open = counting().filter(|(signal, progress)| self.is_open(signal, progress, round.begin)).count();
            let lost = counting().any(|(signal, progress)| {
                let red = progress.seen.verdict == SignalVerdict::Red;
                let absence = matches!(signal.source, Some(Source::LogAbsent(_)));
                progress.seen.for_good || (red && !absence && round.begin.elapsed() >= self.limit(signal))
            });
            if open == 0 || lost || round.begin.elapsed() >= self.within {
                break;
            }
            work.say(format!("waiting for {open} signals"));
            work.host.pause(ROUND)?;
        }
        self.round(work, &mut round, true)?;
        for (signal, progress) in self.signals.iter().zip(&mut round.progress) {
            let early = round.begin.elapsed() < self.limit(signal);
            progress.seen = progress.in_the_end(signal, early);
        }
        work.saw(self.rows(&round));
        Ok(round)
    }

    fn rows(&self, round: &Round) -> Vec<Reading> {
        let subject = self.subject.as_ref();
        self.signals.iter().zip(&round.progress).map(|(signal, one)| row(signal, subject, &one.seen)).collect()
    }

    /// Whether a blocking signal has yet to become green or to be watched to the end of its window.
    fn is_open(&self, signal: &Signal, progress: &Progress, begin: Instant) -> bool {
        let window = self.window(signal);
        match signal.source {
            Some(Source::LogAbsent(_)) => begin.elapsed() < window,
            _ => progress.green_since.is_none_or(|since| since.elapsed() < window),
        }
    }

    /// `before` is the baseline: what was red then is told apart.
    fn verdict(&self, progress: &[Progress], begin: Instant, before: &[Reading]) -> Result<Done, Failure> {
        let blocking = || self.signals.iter().zip(progress).filter(|(signal, _)| signal.role == SignalRole::Blocking);
        let named = |verdict: SignalVerdict| -> Vec<String> {
            let of = blocking().filter(|(_, progress)| progress.seen.verdict == verdict);
            of.map(|(signal, _)| {
                let was = before.iter().find(|row| row.signal == signal.name).map(|row| row.verdict);
                let same =
                    was == Some(verdict) || (verdict == SignalVerdict::NotYet && was == Some(SignalVerdict::Red));
                format!("`{}`{}", signal.name, if same { " (as before)" } else { "" })
            })
            .collect()
        };
        let (red, unread) = (named(SignalVerdict::Red), named(SignalVerdict::Unread));
        let count = blocking().count();
        let detail: Vec<String> = blocking()
            .filter(|(_, progress)| progress.seen.verdict != SignalVerdict::Green)
            .map(|(signal, progress)| {
                let place = progress.seen.place.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
                format!("{}: {}{place}", signal.name, progress.seen.read)
            })
            .collect();
        let waited = named(SignalVerdict::NotYet);
        if !red.is_empty() {
            let are = if red.len() == 1 { "is" } else { "are" };
            let mut message = format!("{} of {count} blocking signals {are} red: {}", red.len(), red.join(", "));
            if !waited.is_empty() {
                message.push_str(&format!("; not green yet: {}", waited.join(", ")));
            }
            return Err(Failure::failed(message).detail(detail.join("\n")));
        }
        if !unread.is_empty() {
            let message = format!("{} of {count} blocking signals cannot be read: {}", unread.len(), unread.join(", "));
            return Err(Failure::new(FailureKind::Inconclusive, message)
                .detail(detail.join("\n"))
                .hint("what cannot be read proves nothing; the details say why"));
        }
        let unstable = blocking().filter(|(signal, progress)| self.is_open(signal, progress, begin));
        let unstable: Vec<String> = unstable.map(|(signal, _)| format!("`{}`", signal.name)).collect();
        if !unstable.is_empty() {
            let within = format_duration(self.within);
            let message = format!("within {within} these were not green, or not long enough: {}", unstable.join(", "));
            return Err(Failure::failed(message));
        }
        let green = self.signals.iter().zip(progress).filter(|(_, one)| one.seen.verdict == SignalVerdict::Green);
        let green: Vec<&str> = green.map(|(signal, _)| signal.name.as_str()).collect();
        Ok(Done::saying(format!("{count} of {count} blocking signals are green")).with([("green", json!(green))]))
    }
}

/// One verification while it waits.
struct Round {
    begin: Instant,
    log: Opened,
    log_read: Option<Instant>,
    progress: Vec<Progress>,
}

impl Round {
    fn begin(
        verify: &Verify,
        work: &Work<'_>,
        moment: Moment,
        counts: &dyn Fn(&Signal) -> bool,
    ) -> Result<Self, Failure> {
        let log = verify.open_log(work, moment)?;
        let progress = verify.signals.iter().map(|signal| Progress::new(signal, counts(signal))).collect();
        Ok(Self { begin: Instant::now(), log, log_read: None, progress })
    }
}

impl Progress {
    fn new(signal: &Signal, counts: bool) -> Self {
        let seen = match signal.attempts {
            Some(_) => Seen::not_yet("not tried: what only looks is not green"),
            None => Seen::unread("not read"),
        };
        Self { seen, counts, tries: 0, green_since: None, last_read: None, restarts: None, too_late: false }
    }

    /// What is asked of a real flow is not asked again once it has worked, and not every moment before; what acts not more
    /// often than the plan says, and not before the service is `ready` for it.
    fn is_due(&self, signal: &Signal, source: &Source, ready: bool, last: bool) -> bool {
        if !self.counts && !last {
            return false;
        }
        if signal.attempts.is_some_and(|attempts| !ready || self.tries >= attempts) {
            return false;
        }
        let Some(at) = self.last_read else { return true };
        if signal.attempts.is_none() && source.is_lasting() {
            return last || at.elapsed() >= LOOK;
        }
        let works = self.seen.verdict == SignalVerdict::Green && signal.watch.is_none();
        !works && at.elapsed() >= COSTLY
    }

    /// What the reading means when no other follows: one that is waited for, and had time left, is red for good or nothing yet.
    fn in_the_end(&self, signal: &Signal, early: bool) -> Seen {
        let waits = self.counts && !self.seen.for_good && !matches!(signal.source, Some(Source::LogAbsent(_)));
        match self.seen.verdict {
            SignalVerdict::Red if waits && early => Seen { verdict: SignalVerdict::NotYet, ..self.seen.clone() },
            _ => self.seen.clone(),
        }
    }

    /// A break, be it only another process, begins the window anew. A unit or job that had to be started again while it was
    /// watched is red for good: it would come up again and again.
    fn note(&mut self, mut seen: Seen) {
        if let Some(now) = seen.restarts {
            let before = *self.restarts.get_or_insert(now);
            if now > before {
                let read = format!("{}, {} of them now", seen.read, now - before);
                seen = Seen { read, verdict: SignalVerdict::Red, for_good: true, ..seen };
            }
        }
        let green = seen.verdict == SignalVerdict::Green;
        let same = self.seen.process.is_none() || self.seen.process == seen.process;
        if !green {
            self.green_since = None;
        } else if self.green_since.is_none() || !same {
            self.green_since = Some(Instant::now());
        }
        self.seen = seen;
    }
}

impl Step for Verify {
    fn probe(&self, _: &Reader) -> Result<Probe, Failure> {
        let names = |wanted: &dyn Fn(&Signal) -> bool| -> Vec<&str> {
            self.signals.iter().filter(|signal| wanted(signal)).map(|signal| signal.name.as_str()).collect()
        };
        let all = names(&|_| true);
        let tried = names(&|signal| signal.attempts.is_some());
        let mut summary = format!("{} signals are judged: {}", all.len(), all.join(", "));
        if !tried.is_empty() {
            summary.push_str(&format!(
                "; tried once before the first change as well, by what they do: {}",
                tried.join(", ")
            ));
        }
        Ok(Probe::of(Prediction::change(summary)))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        lacks(host, &self.signals, self.subject.as_ref(), self.log.as_deref())
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let round = self.wait(work, Moment::After, &|signal| signal.role == SignalRole::Blocking)?;
        keep(work, self.subject.as_ref(), self.log.as_deref())?;
        self.verdict(&round.progress, round.begin, work.baseline)
    }

    fn confirm(&self, _: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        Ok(Confirmation::CannotTell)
    }

    fn verification(&self) -> Option<&dyn Verification> {
        Some(self)
    }
}

impl Verification for Verify {
    fn glance(&self, host: &Reader) -> Vec<Reading> {
        let has_log = self.signals.iter().any(|signal| signal.source.as_ref().is_some_and(Source::is_log));
        let log = if has_log { self.glance_at_log(host) } else { None };
        let subject = self.subject.as_ref();
        let look = |(index, signal): (usize, &Signal)| {
            let seen = match (signal.source.as_ref()?, &log) {
                (source, Some(log)) if source.is_log() => read_log(host, signal, index, log),
                (source, _) if Glance::can_see(source) => Glance { host, subject }.at(source),
                _ => return None,
            };
            Some(row(signal, subject, &seen))
        };
        self.signals.iter().enumerate().filter_map(look).collect()
    }

    fn baseline(&self, work: &Work<'_>) -> Result<Baseline, Failure> {
        // Each once: nothing is waited for.
        let mut round = Round::begin(self, work, Moment::Before, &|_| false)?;
        self.round(work, &mut round, true)?;
        // A version that is not there yet is no old fault; a flow that does not work is one.
        for (signal, one) in self.signals.iter().zip(&mut round.progress) {
            if one.seen.says_other && signal.kind == SignalKind::Health && one.seen.verdict == SignalVerdict::Red {
                one.seen.verdict = SignalVerdict::NotYet;
            }
        }
        work.saw(self.rows(&round));
        let marks = note(work.host, self.subject.as_ref(), self.log.as_deref())?;
        Ok(Baseline { readings: self.rows(&round), marks })
    }

    /// Everything that was green is waited for, whatever its role. The rest has nothing to compare with: it is read once.
    fn verify_rollback(&self, work: &Work<'_>) -> Result<Vec<Reading>, Failure> {
        let was_green =
            |row: &Reading, signal: &Signal| row.signal == signal.name && row.verdict == SignalVerdict::Green;
        let counts = |signal: &Signal| work.baseline.iter().any(|row| was_green(row, signal));
        Ok(self.rows(&self.wait(work, Moment::Back, &counts)?))
    }
}

//! What one record looks like.

use super::title::{Title, run_title};
use super::{closing, decision_text, excerpt, matrix, report_of};
use crate::style::{Glyph, Style, Tone};
use crate::text;
use crate::time;
use runbook_model::{
    Caller, Event, Excerpt, Failure, Next, Outcome, Outputs, Reading, Record, RollbackCause, RunPhase, RunState,
    SignalVerdict, StepId, UndoPhase, Waiting, format_duration,
};
use std::time::Duration;

/// Where what belongs to a step's line is indented to.
const DETAIL: usize = 6;
/// More lines of a program's output than this are in `runbook show`.
const DETAIL_LINES: usize = 12;
/// Columns of the longest step id that the column of ids makes room for.
const WIDEST_ID: usize = 24;

/// The lines for `record`, which follows `before`; empty for records that are not worth a line of their own.
pub(crate) fn lines(before: &RunState, record: &Record, caller: &Caller, style: Style) -> String {
    let page = Page { state: before, caller, style };
    match &record.event {
        Event::RunStarted(header) => run_title(&Title::of(header), style),
        Event::RunResumed { version } => {
            let began = time::stamp(record.at);
            paragraph(style, Tone::Dim, &format!("runbook {} goes on with this run at {began}.", text::clean(version)))
        }
        // Named at the end, by the closing statement.
        Event::Remained { .. }
        | Event::Compared { .. }
        | Event::ServiceFound { .. }
        | Event::ServiceRead { .. }
        | Event::Predicted { .. }
        | Event::StepStarted { .. }
        | Event::StepIntended { .. }
        | Event::StepApproved { .. }
        | Event::SecretHandedIn { .. }
        | Event::UndoStarted { .. } => String::new(),
        Event::ServiceRevived { step, summary, failure: None } if summary.is_empty() => String::new(),
        Event::ServiceRevived { step, summary, failure: None } => {
            page.line(Glyph::Undone, Tone::Warn, step, &format!("the boot left it down; {summary}"), None)
        }
        Event::ServiceRevived { step, failure: Some(failure), .. } => {
            let text = format!("the boot left it down, and it does not come up: {}", failure.message);
            page.line(Glyph::Failed, Tone::Bad, step, &text, None)
        }
        Event::BaselineTaken { step, readings, failure, .. } => page.baseline(step, readings, failure.as_ref()),
        Event::StepRetrying { step, failure, pause_ms } => page.retrying(step, failure, *pause_ms),
        Event::StepWaits { step, waiting } => page.waiting(step, waiting),
        Event::DecisionAsked { step, failure, readings, within_ms } => {
            page.undecided(step, failure, readings, Duration::from_millis(*within_ms))
        }
        Event::DecisionMade { step, decided } => {
            page.line(Glyph::Note, Tone::Warn, step, &format!("decided: {}", decision_text(decided)), None)
        }
        Event::StepFinished { step, outcome, results, readings } => {
            page.finished(step, outcome, readings, record.at) + &page.excerpt(&results.outputs)
        }
        Event::RunHeld { deadline } => {
            let run = before.header.as_ref().map(|header| Next::Commit(header.run.clone()));
            let commit = run.map(|next| style.paint(Tone::Strong, &caller.command(&next))).unwrap_or_default();
            let text = paragraph(style, Tone::Warn, &super::questions::hold(deadline.until));
            format!("{}  commit with: {commit}\n\n", text.trim_end_matches('\n').to_owned() + "\n")
        }
        Event::RunCommitted { by } => {
            paragraph(style, Tone::Good, &format!("Committed by {}: what was changed stays.", text::clean(by)))
        }
        Event::SecretAsked { secret, within_ms } => paragraph(
            style,
            Tone::Warn,
            &super::questions::wait_for_secret(secret, record.at.saturating_add_unsigned(*within_ms)),
        ),
        Event::SecretMissed { secret, because } => {
            let what = format!("The secret `{}` was not handed in: {}.", text::clean(secret), text::clean(because));
            paragraph(style, Tone::Warn, &what)
        }
        Event::ControlRefused { control, step, because } => {
            let about = step.as_ref().map(|step| format!(" to step `{step}`")).unwrap_or_default();
            let what = format!("The control `{}`{about} is refused: {}.", text::clean(control), text::clean(because));
            paragraph(style, Tone::Warn, &what)
        }
        Event::DrainRequested => {
            let more = if matches!(before.phase, RunPhase::RollingBack(_)) { "is taken back" } else { "starts" };
            paragraph(style, Tone::Warn, &format!("Nothing more {more}; what runs now may end."))
        }
        Event::CancelRequested => paragraph(style, Tone::Warn, "Cancelling what runs."),
        Event::RollbackStarted { cause } => match cause {
            RollbackCause::StepFailed { .. } => "\n".to_owned(),
            RollbackCause::Cancelled => paragraph(style, Tone::Warn, "Cancelled. What was changed is taken back:"),
            RollbackCause::Requested => paragraph(style, Tone::Warn, "What was changed is taken back, as asked:"),
            RollbackCause::NotCommitted => {
                paragraph(style, Tone::Warn, "Nobody committed it. What was changed is taken back:")
            }
            RollbackCause::CannotGoOn { because } => {
                let why = format!("It cannot go on, so it goes back: {because}");
                paragraph(style, Tone::Warn, &why)
            }
        },
        Event::UndoFinished { step, phase, summary, failure } => {
            page.undone(step, *phase, summary, failure.as_ref(), record.at)
        }
        Event::RollbackVerified { step, readings, lost, unread, failure } => match failure {
            Some(failure) => page.not_verified(step, unread, failure, record.at),
            None => page.verified(step, readings, lost, unread, record.at),
        },
        Event::RunFinished { .. } => {
            let mut after = before.clone();
            match after.apply(record) {
                Ok(()) => format!("\n{}", closing(&after, caller, style)),
                Err(_) => String::new(),
            }
        }
    }
}

/// A paragraph between the steps' lines.
pub(crate) fn paragraph(style: Style, tone: Tone, text: &str) -> String {
    let lines = text::wrap(text, style.columns().saturating_sub(2));
    let shown: String = lines.iter().map(|line| format!("  {}\n", style.paint(tone, line))).collect();
    format!("\n{shown}\n")
}

/// The next action of a failure; nothing if it names none.
pub(crate) fn hint(failure: &Failure, indent: usize, caller: &Caller, style: Style) -> String {
    let Some(hint) = &failure.hint else { return String::new() };
    let parts = text::wrap_around_code(&text::clean(&caller.spell(hint)), style.columns().saturating_sub(indent + 6));
    text::hang(&format!("{:indent$}{}", "", style.paint(Tone::Strong, "next: ")), indent + 6, parts)
}

/// A line with what belongs to it below.
fn below(line: String, body: &str) -> String {
    if body.is_empty() { line } else { format!("{line}\n{body}\n") }
}

/// The column in which the text of a step begins.
fn lead(id: &str) -> usize {
    4 + text::width(id) + 3
}

struct Page<'a> {
    state: &'a RunState,
    caller: &'a Caller,
    style: Style,
}

impl Page<'_> {
    fn hint(&self, failure: &Failure) -> String {
        hint(failure, DETAIL, self.caller, self.style)
    }

    /// The command that shows what is left out here.
    fn all_of_it(&self) -> String {
        self.caller.command(&Next::Show(self.state.header.as_ref().map(|header| header.run.clone())))
    }

    fn matrix(&self, readings: &[Reading], baseline: Option<&[Reading]>) -> String {
        matrix(readings, baseline, DETAIL, &report_of(self.state, self.caller), self.style)
    }

    /// What the signals of a verification said before the first change.
    fn before(&self, step: &StepId) -> Option<&[Reading]> {
        self.state.step(step).and_then(|step| step.baseline.as_deref())
    }

    /// Glyph, id, text, and the time that it took at the right.
    fn line(&self, glyph: Glyph, tone: Tone, step: &StepId, text: &str, took: Option<i64>) -> String {
        let style = self.style;
        let sign = style.paint(tone, style.glyph(glyph));
        let id = self.padded(step);
        let lead = lead(&id);
        let took = took.map(time::elapsed).unwrap_or_default();
        let room = style.columns().saturating_sub(lead + text::width(&took).max(5) + 2);
        let wrapped = text::wrap(&text::clean(text), room.max(16));
        let gap = " ".repeat((style.columns().saturating_sub(lead + room + took.len())).max(2));
        let wrapped = wrapped.into_iter().enumerate().map(|(nth, part)| match nth {
            0 if !took.is_empty() => format!("{}{gap}{}", text::pad(&part, room), style.paint(Tone::Dim, &took)),
            _ => part,
        });
        text::hang(&format!("  {sign} {id}   "), lead, wrapped)
    }

    /// The id with the spaces that make the texts of all steps begin in one column.
    fn padded(&self, step: &StepId) -> String {
        text::pad(step.as_str(), self.state.widest_id().min(WIDEST_ID))
    }

    /// The command stands first, and whole: a person in front of a narrow window has to copy it.
    fn waiting(&self, step: &StepId, waiting: &Waiting) -> String {
        let style = self.style;
        let id = self.padded(step);
        let lead = lead(&id);
        let sign = style.paint(Tone::Warn, style.glyph(Glyph::Note));
        let answer = style.paint(Tone::Strong, &text::clean(&self.caller.spell(&waiting.answer)));
        let message = text::wrap(&text::clean(&waiting.message), style.columns().saturating_sub(lead).max(16));
        format!("  {sign} {id}   waits for: {answer}\n{}", text::hang(&" ".repeat(lead), lead, message))
    }

    /// The evidence, and what a person can do about it. The answer is typed below.
    fn undecided(&self, step: &StepId, failure: &Failure, readings: &[Reading], within: Duration) -> String {
        let baseline = self.before(step);
        let head = self.line(Glyph::Note, Tone::Warn, step, &failure.message, None);
        let rows = self.matrix(readings, baseline);
        let choice = format!(
            "The evidence does not tell whether the change is good. Type `rollback` or nothing to take it back, `again` to \
             read the signals once more, `keep` to keep it on your word, without proof. It is taken back without an \
             answer within {}.",
            format_duration(within)
        );
        format!("{head}\n{rows}{}{}", self.hint(failure), paragraph(self.style, Tone::Strong, &choice))
    }

    /// What a step read for people: here only what is marked in it.
    fn excerpt(&self, outputs: &Outputs) -> String {
        let Some(excerpt) = Excerpt::of(outputs) else { return String::new() };
        excerpt::marked(&excerpt, DETAIL, &self.all_of_it(), self.style)
    }

    fn finished(&self, step: &StepId, outcome: &Outcome, readings: &[Reading], at: i64) -> String {
        let took = self.state.step(step).and_then(|step| step.started_at).map(|began| at - began);
        let baseline = self.before(step);
        match outcome {
            Outcome::Changed { summary } | Outcome::Unchanged { summary } => {
                self.line(Glyph::Ok, Tone::Good, step, summary, took) + &self.not_green(readings, baseline)
            }
            Outcome::Skipped { because } => self.line(Glyph::Skipped, Tone::Dim, step, because, None),
            Outcome::Failed(failure) => {
                let head = self.line(Glyph::Failed, Tone::Bad, step, &failure.message, took);
                let body = match readings {
                    [] => self.failure(failure),
                    _ => self.matrix(readings, baseline) + &self.hint(failure),
                };
                below(head, &body)
            }
        }
    }

    /// A verification that passed still shows what was not green.
    fn not_green(&self, readings: &[Reading], baseline: Option<&[Reading]>) -> String {
        let red: Vec<Reading> = readings.iter().filter(|row| row.verdict != SignalVerdict::Green).cloned().collect();
        if red.is_empty() {
            return String::new();
        }
        format!("\n{}\n", self.matrix(&red, baseline))
    }

    /// The last lines that a program said, and the next action.
    fn failure(&self, failure: &Failure) -> String {
        let all = text::clean_lines(&failure.detail);
        let skipped = all.len().saturating_sub(DETAIL_LINES);
        let style = self.style;
        let mut out = String::new();
        if skipped > 0 {
            let text = format!("({skipped} lines before these: {})", self.all_of_it());
            out.push_str(&format!("{:DETAIL$}{}\n", "", style.paint(Tone::Dim, &text)));
        }
        for line in all.iter().skip(skipped) {
            let bar = style.paint(Tone::Frame, style.glyph(Glyph::Bar));
            let lead = format!("{:DETAIL$}{bar} ", "");
            let parts = text::wrap(line, style.columns().saturating_sub(DETAIL + 2));
            out.extend(parts.iter().map(|part| text::hang(&lead, 0, [part])));
        }
        out + &self.hint(failure)
    }

    fn retrying(&self, step: &StepId, failure: &Failure, pause_ms: u64) -> String {
        let attempt = self.state.step(step).map_or(1, |step| step.attempts);
        let pause = format_duration(Duration::from_millis(pause_ms));
        let text = format!("attempt {attempt}: {}; again in {pause}", failure.message);
        self.line(Glyph::Retry, Tone::Warn, step, &text, None)
    }

    fn baseline(&self, step: &StepId, readings: &[Reading], failure: Option<&Failure>) -> String {
        if let Some(failure) = failure {
            let text =
                format!("no baseline, so there is nothing to compare with after a rollback: {}", failure.message);
            return self.line(Glyph::Note, Tone::Warn, step, &text, None) + &self.hint(failure);
        }
        let with = |verdict| readings.iter().filter(move |reading| reading.verdict == verdict);
        let red: Vec<&str> = with(SignalVerdict::Red).map(|reading| reading.signal.as_str()).collect();
        let unread: Vec<String> =
            with(SignalVerdict::Unread).map(|reading| format!("{} ({})", reading.signal, reading.read)).collect();
        let told = [
            ("already red before any change", red.join(", ")),
            ("cannot be read before any change", unread.join(", ")),
        ];
        let line = |(what, signals): &(&str, String)| {
            self.line(Glyph::Note, Tone::Warn, step, &format!("{what}: {signals}"), None)
        };
        told.iter().filter(|(_, signals)| !signals.is_empty()).map(line).collect()
    }

    fn undone(&self, step: &StepId, phase: UndoPhase, summary: &str, failure: Option<&Failure>, at: i64) -> String {
        let took = self.state.step(step).and_then(|step| step.undo_started_at).map(|began| at - began);
        let Some(failure) = failure else {
            let fallback = match phase {
                UndoPhase::Halt => "brought down, so that what lies below can be put back",
                UndoPhase::Undo => "taken back",
                UndoPhase::Insurance => "state put back from the backup",
            };
            let text = if summary.trim().is_empty() { fallback } else { summary };
            return self.line(Glyph::Undone, Tone::Warn, step, text, took);
        };
        let text = format!("not taken back: {}", failure.message);
        below(self.line(Glyph::Failed, Tone::Bad, step, &text, took), &self.failure(failure))
    }

    fn not_verified(&self, step: &StepId, unread: &[String], failure: &Failure, at: i64) -> String {
        let took = Some(at - self.state.last_at);
        let (glyph, tone, before) = match unread {
            [] => (Glyph::Note, Tone::Warn, String::new()),
            _ => (Glyph::Failed, Tone::Bad, format!("; green before: {}", unread.join(", "))),
        };
        let text = format!("cannot be read after the rollback: {}{before}", failure.message);
        below(self.line(glyph, tone, step, &text, took), &self.failure(failure))
    }

    fn verified(&self, step: &StepId, readings: &[Reading], lost: &[String], unread: &[String], at: i64) -> String {
        let took = Some(at - self.state.last_at);
        let baseline = self.before(step);
        if lost.is_empty() && unread.is_empty() {
            let asked = baseline.unwrap_or_default();
            let count = |verdict| asked.iter().filter(|reading| reading.verdict == verdict).count();
            let green = count(SignalVerdict::Green);
            let mut text = match asked.len() {
                0 => format!("{} signals read; there is no reading from before to compare", readings.len()),
                _ => format!("{green} of {green} as they were before the change"),
            };
            text.push_str(&match count(SignalVerdict::Red) {
                0 => String::new(),
                1 => "; 1 was red before it".to_owned(),
                red => format!("; {red} were red before it"),
            });
            text.push_str(&match count(SignalVerdict::Unread) {
                0 => String::new(),
                unread => format!("; {unread} could not be read before it"),
            });
            if asked.is_empty() {
                return self.line(Glyph::Note, Tone::Warn, step, &text, took) + &self.not_green(readings, None);
            }
            return self.line(Glyph::Ok, Tone::Good, step, &text, took);
        }
        let mut parts = Vec::new();
        parts.extend((!lost.is_empty()).then(|| format!("not as before the change: {}", lost.join(", "))));
        parts.extend(
            (!unread.is_empty()).then(|| format!("cannot be read, and was green before: {}", unread.join(", "))),
        );
        let text = parts.join("; ");
        let rows = self.matrix(readings, baseline);
        format!("{}\n{rows}\n", self.line(Glyph::Failed, Tone::Bad, step, &text, took))
    }
}

//! Lines only when something ends: for pipes, files and terminals that cannot rewrite a line.

use super::reporter::fold;
use super::{Reporter, closing, lines, paragraph};
use crate::style::{Style, Tone};
use crate::text;
use crate::time;
use runbook_model::{Caller, Event, Record, RunPhase, RunState, StepId, StepState, StepStatus};
use std::collections::BTreeMap;
use std::io;

/// After this much silence a line says what still runs.
const SILENCE_MS: i64 = 30_000;

/// Writes a line when something ends, and one for every 30 seconds of silence.
#[derive(Debug)]
pub struct Plain<W> {
    page: Printed<W>,
    last_line: i64,
}

impl<W: io::Write> Plain<W> {
    /// Writes to `out` as `style` allows; a command is what `caller` types.
    pub fn new(out: W, caller: Caller, style: Style) -> Self {
        Self::going_on(out, caller, style, RunState::default())
    }

    /// The same for a run that another process began: `state` is what has been told already.
    pub fn going_on(out: W, caller: Caller, style: Style, state: RunState) -> Self {
        let last_line = state.last_at;
        Self { page: Printed::new(out, caller, style, state), last_line }
    }
}

impl<W: io::Write + Send> Reporter for Plain<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        if self.page.record(record)? {
            self.last_line = record.at;
        }
        Ok(())
    }

    fn progress(&mut self, step: &StepId, note: &str) -> io::Result<()> {
        self.page.note(step, note);
        Ok(())
    }

    fn tick(&mut self, now_ms: i64) -> io::Result<()> {
        if self.last_line == 0 || now_ms - self.last_line < SILENCE_MS || self.page.state.verdict().is_some() {
            return Ok(());
        }
        self.last_line = now_ms;
        let running = self.page.running(now_ms).map(|(step, since, note)| {
            let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
            format!("{step}, {}{note}", whole(since))
        });
        let running: Vec<String> = running.collect();
        if running.is_empty() {
            return Ok(());
        }
        self.page.print(&format!("  still running: {}\n", running.join("; ")))
    }

    fn interrupted(&mut self, meaning: &str) -> io::Result<()> {
        self.page.interrupted(meaning)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.page.finish()
    }
}

/// A duration without a fraction: what is still running changes before anybody has read a tenth of a second.
pub(super) fn whole(ms: i64) -> String {
    match ms.max(0) / 1000 {
        seconds @ 0..60 => format!("{seconds}s"),
        _ => time::elapsed(ms),
    }
}

/// The state of the run so far, the last notes, and what was written about them.
#[derive(Debug)]
pub(super) struct Printed<W> {
    pub(super) out: W,
    caller: Caller,
    pub(super) style: Style,
    pub(super) state: RunState,
    notes: BTreeMap<StepId, String>,
    after_blank: bool,
    /// The operator was told what an interrupt means, and its record has not come yet.
    told: bool,
}

impl<W: io::Write> Printed<W> {
    pub(super) fn new(out: W, caller: Caller, style: Style, state: RunState) -> Self {
        Self { out, caller, style, state, notes: BTreeMap::new(), after_blank: false, told: false }
    }

    /// Folds `record` in and writes its lines; tells whether there were any.
    pub(super) fn record(&mut self, record: &Record) -> io::Result<bool> {
        let is_interrupt = matches!(record.event, Event::DrainRequested | Event::CancelRequested);
        let is_told = is_interrupt && std::mem::take(&mut self.told);
        let text = if is_told { String::new() } else { lines(&self.state, record, &self.caller, self.style) };
        fold(&mut self.state, record)?;
        if let Some(step) = record.event.moves().or(ends_reading(&record.event)) {
            self.notes.remove(step);
        }
        if self.state.verdict().is_some() {
            self.notes.clear();
        }
        self.print(&text)?;
        Ok(!text.is_empty())
    }

    pub(super) fn note(&mut self, step: &StepId, note: &str) {
        // A note may come behind the record that ends what it is about.
        if self.is_at_work(step) {
            self.notes.insert(step.clone(), text::clean(note));
        }
    }

    /// Whether the step runs, or its signals are read.
    fn is_at_work(&self, step: &StepId) -> bool {
        let Some(known) = self.state.step(step) else { return false };
        let reads = match self.state.phase {
            RunPhase::RollingBack(_) => !known.verified,
            _ => known.status == StepStatus::Pending && known.baseline.is_none(),
        };
        reads || running_since(known).is_some()
    }

    /// Says what an interrupt means; its record is not written as well.
    pub(super) fn interrupted(&mut self, meaning: &str) -> io::Result<()> {
        self.told = true;
        self.print(&paragraph(self.style, Tone::Warn, meaning))
    }

    /// What runs, since how many milliseconds, and its last note.
    pub(super) fn running(&self, now: i64) -> impl Iterator<Item = (&StepId, i64, Option<&str>)> {
        self.state.steps().filter_map(move |(id, step)| {
            let note = self.notes.get(id).map(String::as_str);
            let since = running_since(step).or(note.map(|_| self.state.last_at))?;
            Some((id, now - since, note))
        })
    }

    /// Writes `text`; two blank lines never follow one another.
    pub(super) fn print(&mut self, text: &str) -> io::Result<()> {
        let mut shown = String::new();
        for line in text.split_inclusive('\n') {
            let blank = line == "\n";
            if !(blank && self.after_blank) {
                shown.push_str(line);
            }
            self.after_blank = blank;
        }
        // In one piece: a question may be written to the same screen.
        self.out.write_all(self.style.encode(shown).as_bytes())?;
        self.out.flush()
    }

    /// A run that is not over says how to go on with it.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.state.verdict().is_none() && self.state.header.is_some() {
            let text = format!("\n{}", closing(&self.state, &self.caller, self.style));
            self.print(&text)?;
        }
        self.out.flush()
    }
}

/// The step whose signals were read, before the first change or after a rollback: it does not run, and is at work no more.
fn ends_reading(event: &Event) -> Option<&StepId> {
    match event {
        Event::BaselineTaken { step, .. } | Event::RollbackVerified { step, .. } => Some(step),
        _ => None,
    }
}

fn running_since(step: &StepState) -> Option<i64> {
    match step.status {
        StepStatus::Started | StepStatus::Intended | StepStatus::Retrying => step.started_at,
        StepStatus::Halting | StepStatus::Undoing => step.undo_started_at,
        _ => None,
    }
}

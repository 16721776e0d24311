//! A terminal that can rewrite its last line: finished steps stay, one line below tells what runs.

use super::Reporter;
use super::plain::{Printed, whole};
use crate::style::{Style, Tone};
use crate::text;
use runbook_model::{Caller, Record, RunPhase, RunState, StepId};
use std::io;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const ASCII_SPINNER: [&str; 4] = ["|", "/", "-", "\\"];
/// Back to the first column, then erase to the end of the line.
const ERASE: &str = "\r\u{1b}[K";

/// Like [`Plain`](super::Plain), with a line in place that tells what runs, since when, and its last note.
#[derive(Debug)]
pub struct Terminal<W> {
    page: Printed<W>,
    drawn: bool,
}

impl<W: io::Write> Terminal<W> {
    /// Writes to `out`, which must be a terminal that understands `CSI K`.
    pub fn new(out: W, caller: Caller, style: Style) -> Self {
        Self::going_on(out, caller, style, RunState::default())
    }

    /// The same for a run that another process began: `state` is what has been told already.
    pub fn going_on(out: W, caller: Caller, style: Style, state: RunState) -> Self {
        Self { page: Printed::new(out, caller, style, state), drawn: false }
    }

    /// The window has `width` columns from now on.
    pub fn resize(&mut self, width: usize) {
        self.page.style.width = width;
    }

    fn erase(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.drawn) {
            self.page.out.write_all(ERASE.as_bytes())?;
        }
        Ok(())
    }

    /// The line of what runs, never wider than the window: a line that wraps cannot be taken back.
    fn progress_line(&self, now_ms: i64) -> String {
        let style = self.page.style;
        let frames: &[&str] = if style.unicode { &SPINNER } else { &ASCII_SPINNER };
        let frame = frames.get(usize::try_from(now_ms.max(0) / 100).unwrap_or(0) % frames.len()).unwrap_or(&"");
        let running = self.page.running(now_ms).map(|(step, since, note)| match note {
            Some(note) if !note.is_empty() => format!("{step} {}: {note}", whole(since)),
            _ => format!("{step} {}", whole(since)),
        });
        let running: Vec<String> = running.collect();
        let text = if running.is_empty() { "…".to_owned() } else { running.join("   ") };
        let line = text::cut(&text, style.width.saturating_sub(6).max(4));
        style.encode(format!("  {} {line}", style.paint(Tone::Frame, frame)))
    }
}

impl<W: io::Write + Send> Reporter for Terminal<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.erase()?;
        self.page.record(record).map(drop)
    }

    fn progress(&mut self, step: &StepId, note: &str) -> io::Result<()> {
        self.page.note(step, note);
        Ok(())
    }

    fn tick(&mut self, now_ms: i64) -> io::Result<()> {
        if matches!(self.page.state.phase, RunPhase::New | RunPhase::Finished(_)) {
            return Ok(());
        }
        self.erase()?;
        // Nothing is drawn over what somebody types.
        if self.page.state.states().iter().any(|step| step.asks.is_some()) {
            return Ok(());
        }
        let line = self.progress_line(now_ms);
        self.drawn = true;
        self.page.out.write_all(line.as_bytes())?;
        self.page.out.flush()
    }

    fn interrupted(&mut self, meaning: &str) -> io::Result<()> {
        self.erase()?;
        self.page.interrupted(meaning)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.erase()?;
        self.page.finish()
    }
}

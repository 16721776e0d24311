//! Lists of runs, and the words for verdicts and statuses.

use crate::account::CHOICE;
use crate::style::{Style, Tone};
use crate::table::{Cell, Table};
use crate::text;
use crate::time;
use runbook_model::{RunId, RunState, StepState, StepStatus, Verdict};
use serde_json::{Value, json as object};

/// One run of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// The plan's name.
    pub plan: String,
    /// The plan's digest.
    pub digest: String,
    /// The environment, if one was chosen.
    pub environment: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub began_at: i64,
    /// When its last record was written.
    pub last_at: i64,
    /// How long somebody was at work on it, in milliseconds.
    pub worked_ms: i64,
    /// How it ended; `None` while it is open.
    pub verdict: Option<Verdict>,
}

impl RunSummary {
    /// The summary of a run; `None` if it has no first record.
    pub fn of(state: &RunState) -> Option<Self> {
        let header = state.header.as_ref()?;
        Some(Self {
            run: header.run.clone(),
            plan: header.plan.clone(),
            digest: header.digest.clone(),
            environment: header.environment.clone(),
            began_at: state.began_at,
            last_at: state.last_at,
            worked_ms: state.worked_ms,
            verdict: state.verdict(),
        })
    }

    /// What is on record of an open run is the least that it took: whoever was killed wrote nothing more.
    fn took(&self) -> String {
        let known = time::elapsed(self.worked_ms);
        if self.verdict.is_none() { format!("at least {known}") } else { known }
    }

    pub(crate) fn json(&self) -> Value {
        object!({
            "run": self.run, "plan": self.plan, "digest": self.digest, "environment": self.environment,
            "began_at": self.began_at, "last_at": self.last_at, "verdict": self.verdict,
            "duration_ms": self.worked_ms,
        })
    }
}

/// What `runbook history` prints: the runs in the order given.
pub fn history(runs: &[RunSummary], style: &Style) -> String {
    if runs.is_empty() {
        return "No runs on this host yet.\n".to_owned();
    }
    let wide = [Column::Digest, Column::Environment, Column::Took];
    let looks: [(Stamp, &[Column]); 4] =
        [(Stamp::Whole, &wide), (Stamp::Minute, &wide[1..]), (Stamp::Minute, &wide[1..2]), (Stamp::Minute, &[])];
    let tables = looks.iter().map(|(stamp, columns)| table(runs, *stamp, columns));
    // What tells runs apart stays longest; a date that breaks tells nothing.
    match tables.into_iter().find(|table| table.fits(style.columns())) {
        Some(table) => style.encode(table.render(0, *style)),
        None => style.encode(runs.iter().map(|run| stacked(run, *style)).collect()),
    }
}

/// Columns that a narrow window does without.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Digest,
    Environment,
    Took,
}

#[derive(Clone, Copy)]
enum Stamp {
    Whole,
    Minute,
}

fn table(runs: &[RunSummary], stamp: Stamp, columns: &[Column]) -> Table {
    let has = |column: Column, name: &'static str| columns.contains(&column).then_some(name);
    let head = [
        Some("run"),
        Some("started"),
        Some("plan"),
        has(Column::Digest, "digest"),
        has(Column::Environment, "environment"),
        Some("verdict"),
        has(Column::Took, "took"),
    ];
    let mut table = Table::new(&head.into_iter().flatten().collect::<Vec<_>>());
    for run in runs {
        let (tone, word) = verdict_word(run.verdict);
        let started = match stamp {
            Stamp::Whole => time::stamp(run.began_at),
            Stamp::Minute => time::minute(run.began_at),
        };
        let cells = [
            Some(Cell::toned(Tone::Strong, run.run.short())),
            Some(Cell::new(&started)),
            Some(Cell::new(&run.plan)),
            has(Column::Digest, "").map(|_| Cell::toned(Tone::Dim, text::short(&run.digest))),
            has(Column::Environment, "").map(|_| Cell::new(run.environment.as_deref().unwrap_or_default())),
            Some(Cell::toned(tone, word)),
            has(Column::Took, "").map(|_| Cell::toned(Tone::Dim, &run.took())),
        ];
        table.push(cells.into_iter().flatten().collect());
    }
    table
}

/// A run on lines of its own.
fn stacked(run: &RunSummary, style: Style) -> String {
    let (tone, word) = verdict_word(run.verdict);
    let head = format!("{}  {}", style.paint(Tone::Strong, run.run.short()), style.paint(tone, word));
    let environment = run.environment.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    let plan = text::clean(&format!("{}{environment}", run.plan));
    let started = format!("{}, {}", time::minute(run.began_at), run.took());
    let below = [plan, started];
    let below = below.iter().flat_map(|line| text::wrap(line, style.columns().saturating_sub(8)));
    format!("{head}\n{}", text::hang("        ", 8, below))
}

/// The same as JSON: `{"runs": [...]}`.
pub fn history_json(runs: &[RunSummary]) -> Value {
    object!({ "runs": runs.iter().map(RunSummary::json).collect::<Vec<_>>() })
}

/// The same, one run a line.
pub fn history_ndjson(runs: &[RunSummary]) -> String {
    runs.iter().map(|run| text::safe_json(&run.json().to_string()) + "\n").collect()
}

/// What a step waits for now, as JSON; null for all others.
pub(crate) fn waits_for(step: &StepState) -> Value {
    match (&step.waits_for, &step.asks) {
        (Some(waiting), _) => object!({ "message": waiting.message, "answer": waiting.answer }),
        (None, Some(failure)) => {
            object!({ "message": failure.message, "answer": format!("{CHOICE}, at the terminal of the run") })
        }
        (None, None) => Value::Null,
    }
}

pub(crate) fn verdict_word(verdict: Option<Verdict>) -> (Tone, &'static str) {
    match verdict {
        Some(Verdict::Succeeded) => (Tone::Good, "succeeded"),
        Some(Verdict::RolledBack) => (Tone::Warn, "rolled back"),
        Some(Verdict::Stopped) => (Tone::Bad, "stopped"),
        Some(Verdict::Accepted) => (Tone::Warn, "accepted"),
        Some(Verdict::Refused) => (Tone::Warn, "refused"),
        Some(Verdict::Stuck) => (Tone::Bad, "stuck"),
        None => (Tone::Bad, "open"),
    }
}

pub(crate) fn status_word(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "not begun",
        StepStatus::Started => "looking at the host",
        StepStatus::Intended => "changing the host",
        StepStatus::Retrying => "waiting to try again",
        StepStatus::Unchanged => "unchanged",
        StepStatus::Changed => "changed",
        StepStatus::Skipped => "skipped",
        StepStatus::FailedUntouched => "failed",
        StepStatus::FailedTouched => "failed, half done",
        StepStatus::Halting => "being brought down",
        StepStatus::Halted => "brought down",
        StepStatus::Undoing => "being taken back",
        StepStatus::Undone => "taken back",
        StepStatus::UndoFailed => "not taken back",
    }
}

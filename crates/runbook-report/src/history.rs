//! Lists of runs: of each, what opens its document.

use crate::document::RunSummary;
use crate::style::{Style, Tone};
use crate::table::{Cell, Table};
use crate::text;
use crate::time;
use crate::words::verdict_word;
use serde_json::{Value, json as object};

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

//! One run in full, for a terminal.

use crate::account::{Plain, Reporter, excerpt, going_on, hint, matrix, report_of, role_word, signal_tone, verdict_of};
use crate::document::{RunDocument, Trouble, Verification};
use crate::style::{Style, Tone};
use crate::table::{Cell, Table};
use crate::text;
use crate::time;
use crate::words::{kind_word, status_word, verdict_word};
use runbook_model::{Caller, Prediction, Reading};
use std::fmt::Write as _;

/// What `runbook show RUN` prints.
pub fn show(run: &RunDocument<'_>, caller: &Caller, style: &Style) -> String {
    let style = *style;
    let mut out = String::new();
    write_head(&mut out, run, style);
    write_steps(&mut out, run, style);
    for verification in &run.verifications {
        write_signals(&mut out, verification, &report_of(run.state, caller), style);
    }
    for (nth, trouble) in run.failures.iter().enumerate() {
        if nth == 0 {
            section(&mut out, "Failures", style);
        }
        write_failure(&mut out, trouble, caller, style);
    }
    write_exceptions(&mut out, run, style);
    write_account(&mut out, run, caller, style);
    // Last, for it may be hundreds of lines: what a step read for people must not stand between the steps and the evidence.
    for (id, read) in &run.excerpts {
        section(&mut out, &format!("Read by `{id}`: {}", text::clean(&read.title)), style);
        out.push_str(&excerpt::whole(read, 0, style));
    }
    style.encode(out)
}

fn section(out: &mut String, title: &str, style: Style) {
    let _ = writeln!(out, "\n{}\n", style.paint(Tone::Strong, title));
}

fn write_head(out: &mut String, run: &RunDocument<'_>, style: Style) {
    let (header, state) = (run.header, run.state);
    let (tone, word) = match run.holder {
        Some(_) => (Tone::Normal, "running"),
        None => verdict_word(run.summary.verdict),
    };
    let _ = writeln!(out, "{} {}   {}\n", style.paint(Tone::Strong, "Run"), header.run, style.paint(tone, word));
    let [user, host, version] = [&header.user, &header.host, &header.version].map(|part| text::clean(part));
    let mut facts = vec![
        ("plan", format!("{} {}", text::clean(&header.plan), run.digest())),
        ("summary", text::clean(&header.summary)),
        ("environment", text::clean(header.environment.as_deref().unwrap_or_default())),
        ("started", format!("{} by {user} on {host}, runbook {version}", time::stamp(state.began_at))),
        ("took", run.summary.took()),
        ("result", run.result.1.clone()),
    ];
    facts.extend(run.downtime.iter().map(|clause| ("service", clause.clone())));
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        let lead = format!("  {}", style.paint(Tone::Dim, &text::pad(name, 13)));
        out.push_str(&text::hang(&lead, 15, text::wrap(value, style.columns().saturating_sub(15))));
    }
}

fn write_steps(out: &mut String, run: &RunDocument<'_>, style: Style) {
    section(out, "Steps", style);
    let mut table = Table::new(&["step", "kind", "predicted", "outcome", "tries", "began", "took"]);
    for row in &run.steps {
        let step = row.state;
        let tries = if step.attempts > 1 { step.attempts.to_string() } else { String::new() };
        table.push(vec![
            Cell::toned(Tone::Strong, row.id.as_str()),
            Cell::toned(Tone::Dim, row.uses.unwrap_or_default()),
            Cell::new(predicted(step.prediction.as_ref())),
            Cell::toned(if step.status.satisfies() { Tone::Normal } else { Tone::Warn }, status_word(step.status)),
            Cell::toned(Tone::Warn, &tries),
            Cell::toned(Tone::Dim, &row.began()),
            Cell::toned(Tone::Dim, &row.took()),
        ]);
    }
    out.push_str(&table.render(2, style));
}

fn predicted(prediction: Option<&Prediction>) -> &'static str {
    match prediction {
        None => "",
        Some(Prediction::NoChange { .. }) => "no change",
        Some(Prediction::Change { .. }) => "change",
        Some(Prediction::Unknown { .. }) => "unknown",
        Some(Prediction::CannotPredict { .. }) => "cannot tell",
    }
}

/// The verdicts before the change, after it and after the rollback, then what was read.
fn write_signals(out: &mut String, verification: &Verification<'_>, more: &str, style: Style) {
    section(out, &format!("Signals of `{}`", verification.step), style);
    for (when, why) in verification.unread() {
        let line = format!("not read {when}: {}", text::clean(&why.message));
        let parts = text::wrap(&line, style.columns().saturating_sub(2));
        out.push_str(&text::hang("  ", 2, parts.iter().map(|part| style.paint(Tone::Warn, part))));
        out.push('\n');
    }
    if verification.rows.is_empty() {
        return;
    }
    out.push_str(&overview(verification, style));
    for stage in verification.stages.iter().filter(|stage| !stage.readings.is_empty()) {
        let _ = writeln!(out, "\n  {}", style.paint(Tone::Dim, &format!("read {}:", stage.when)));
        out.push_str(&matrix(stage.readings, None, 4, more, style));
    }
    for line in &verification.places {
        let parts = text::wrap(line, style.columns().saturating_sub(4));
        out.push_str(&text::hang("\n  ", 2, parts.iter().map(|part| style.paint(Tone::Dim, part))));
    }
}

fn overview(verification: &Verification<'_>, style: Style) -> String {
    let mut table = Table::new(&["signal", "role", "kind", "before", "after", "after rollback"]);
    for row in &verification.rows {
        let verdict = |found: Option<&Reading>| {
            found.map_or(Cell::new(""), |it| Cell::toned(signal_tone(it.verdict, it.role), verdict_of(it.verdict)))
        };
        let named = [
            Cell::toned(Tone::Strong, &row.signal.signal),
            Cell::toned(Tone::Dim, role_word(row.signal.role)),
            Cell::toned(Tone::Dim, kind_word(row.signal)),
        ];
        table.push(named.into_iter().chain(row.read.map(verdict)).collect());
    }
    table.render(2, style)
}

/// A failure with all of its detail.
fn write_failure(out: &mut String, trouble: &Trouble<'_>, caller: &Caller, style: Style) {
    let Trouble { at, step, what, failure } = trouble;
    let head = format!("{step} {what}:");
    let message = style.headed(Tone::Bad, &head, &text::clean(&failure.message), style.columns().saturating_sub(11));
    out.push_str(&text::hang(&format!("  {} ", time::clock(*at)), 11, message));
    for line in text::clean_lines(&failure.detail) {
        out.push_str(&text::hang("      ", 6, text::wrap(&line, style.columns().saturating_sub(6))));
    }
    out.push_str(&hint(failure, 6, caller, style));
}

fn write_exceptions(out: &mut String, run: &RunDocument<'_>, style: Style) {
    let mut table = Table::new(&["step", "allows", "because"]);
    for (step, allow) in &run.exceptions {
        table.push(vec![
            Cell::toned(Tone::Strong, step.as_str()),
            Cell::toned(Tone::Warn, allow.rule.name()),
            Cell::new(&allow.because),
        ]);
    }
    if !table.is_empty() {
        section(out, "Exceptions", style);
        out.push_str(&table.render(2, style));
    }
}

/// The lines that the run wrote while it happened, and how it stands.
fn write_account(out: &mut String, run: &RunDocument<'_>, caller: &Caller, style: Style) {
    section(out, "What happened", style);
    let mut account = Vec::new();
    let mut reporter = Plain::new(&mut account, caller.clone(), style);
    for record in run.records {
        // Writing to memory does not fail, and the records were replayed before.
        let _ = reporter.record(record);
    }
    if run.holder.is_none() {
        let _ = reporter.finish();
    }
    out.push_str(&String::from_utf8_lossy(&account));
    if let Some(holder) = run.holder {
        let _ = write!(out, "\n{}", going_on(run.state, holder, caller, style));
    }
}

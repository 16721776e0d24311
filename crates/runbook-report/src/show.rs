//! One run in full, from its plan and its journal.

use crate::account::{
    Plain, Reporter, excerpt, going_on, hint, matrix, places, report_of, role_word, sentence, service_clauses,
    signal_tone, verdict_of,
};
use crate::history::{status_word, verdict_word, waits_for};
use crate::style::{Style, Tone};
use crate::table::{Cell, Table};
use crate::text;
use crate::time;
use runbook_model::{
    Caller, Closing, Event, Excerpt, IllegalTransition, Outcome, Plan, Prediction, Reading, Record, RunState, StepDef,
    StepId, StepState,
};
use serde_json::{Value, json as object};
use std::collections::HashMap;
use std::fmt::Write as _;

/// What `runbook show RUN` prints; `holder` is at work on the run if it is open. An error means that the journal is
/// damaged: a record cannot follow the others.
pub fn show(
    plan: &Plan,
    records: &[Record],
    holder: Option<&str>,
    caller: &Caller,
    style: &Style,
) -> Result<String, IllegalTransition> {
    let style = *style;
    let state = RunState::replay(records)?;
    let mut out = String::new();
    write_head(&mut out, &state, holder, style);
    write_steps(&mut out, plan, &state, style);
    write_signals(&mut out, &state, caller, style);
    write_failures(&mut out, records, caller, style);
    write_exceptions(&mut out, plan, style);
    section(&mut out, "What happened", style);
    let mut account = Vec::new();
    let mut reporter = Plain::new(&mut account, caller.clone(), style);
    for record in records {
        // Writing to memory does not fail, and the records were replayed above.
        let _ = reporter.record(record);
    }
    let live = holder.filter(|_| state.verdict().is_none());
    if live.is_none() {
        let _ = reporter.finish();
    }
    out.push_str(&String::from_utf8_lossy(&account));
    if let Some(holder) = live {
        let _ = write!(out, "\n{}", going_on(&state, holder, caller, style));
    }
    // Last, for it may be hundreds of lines: what a step read for people must not stand between the steps and the evidence.
    write_excerpts(&mut out, &state, style);
    Ok(style.encode(out))
}

/// The same as one JSON document.
pub fn show_json(plan: &Plan, records: &[Record]) -> Result<Value, IllegalTransition> {
    let state = RunState::replay(records)?;
    let header = state.header.as_ref();
    let definitions = definitions(plan);
    let step = |(id, step)| step_json(id, step, definitions.get(id).copied());
    let steps: Vec<Value> = state.steps().map(step).collect();
    let closing = Closing::of(&state);
    Ok(object!({
        "services": closing.services,
        "closing": closing,
        "run": header,
        "began_at": state.began_at,
        "last_at": state.last_at,
        "duration_ms": state.worked_ms,
        "verdict": state.verdict(),
        "note": state.note,
        "rollback": state.rollback,
        "steps": steps,
        "records": records,
    }))
}

fn step_json(id: &StepId, step: &StepState, definition: Option<&StepDef>) -> Value {
    object!({
        "step": id,
        "uses": definition.map(|step| step.uses.as_str()),
        "status": step.status,
        "summary": step.summary,
        "attempts": step.attempts,
        "needed": step.needed,
        "prediction": step.prediction,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
        "waits_for": waits_for(step),
        "failure": step.failure,
        "undo_failure": step.undo_failure,
        "outputs": step.outputs,
        "baseline": step.baseline,
        "no_baseline": step.no_baseline,
        "asks": step.asks,
        "decided": step.decided,
        "readings": step.readings,
        "after_rollback": step.after_rollback,
        "not_verified": step.not_verified,
        "lost": step.lost,
        "unread": step.unread,
    })
}

/// The steps as the plan writes them, by their ids.
pub(crate) fn definitions(plan: &Plan) -> HashMap<&StepId, &StepDef> {
    plan.steps.iter().map(|step| (&step.id, step)).collect()
}

fn section(out: &mut String, title: &str, style: Style) {
    let _ = writeln!(out, "\n{}\n", style.paint(Tone::Strong, title));
}

fn write_head(out: &mut String, state: &RunState, holder: Option<&str>, style: Style) {
    let Some(header) = &state.header else { return };
    let (tone, word) = match (state.verdict(), holder) {
        (None, Some(_)) => (Tone::Normal, "running"),
        (verdict, _) => verdict_word(verdict),
    };
    let _ = writeln!(out, "{} {}   {}\n", style.paint(Tone::Strong, "Run"), header.run, style.paint(tone, word));
    let (_, rest) = sentence(state, holder);
    let host = [&header.user, &header.host, &header.version].map(|part| text::clean(part));
    let mut facts = vec![
        ("plan", format!("{} {}", text::clean(&header.plan), header.digest.chars().take(7).collect::<String>())),
        ("summary", text::clean(&header.summary)),
        ("environment", text::clean(header.environment.as_deref().unwrap_or_default())),
        ("started", format!("{} by {} on {}, runbook {}", time::stamp(state.began_at), host[0], host[1], host[2])),
        ("took", time::elapsed(state.worked_ms)),
        ("result", rest),
    ];
    let services = service_clauses(&Closing::of(state).services);
    facts.extend(services.into_iter().map(|clause| ("service", clause)));
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        for (nth, line) in text::wrap(value, style.columns().saturating_sub(15)).iter().enumerate() {
            let name = if nth == 0 { name } else { "" };
            let _ = writeln!(out, "  {}{line}", style.paint(Tone::Dim, &text::pad(name, 13)));
        }
    }
}

fn write_steps(out: &mut String, plan: &Plan, state: &RunState, style: Style) {
    section(out, "Steps", style);
    let mut table = Table::new(&["step", "kind", "predicted", "outcome", "tries", "began", "took"]);
    let definitions = definitions(plan);
    for (id, step) in state.steps() {
        let took = step.started_at.zip(step.finished_at).map(|(from, to)| time::elapsed(to - from)).unwrap_or_default();
        let tries = if step.attempts > 1 { step.attempts.to_string() } else { String::new() };
        table.push(vec![
            Cell::toned(Tone::Strong, id.as_str()),
            Cell::toned(Tone::Dim, definitions.get(id).map_or("", |step| step.uses.as_str())),
            Cell::new(predicted(step.prediction.as_ref())),
            Cell::toned(if step.status.satisfies() { Tone::Normal } else { Tone::Warn }, status_word(step.status)),
            Cell::toned(Tone::Warn, &tries),
            Cell::toned(Tone::Dim, &step.started_at.map(time::clock).unwrap_or_default()),
            Cell::toned(Tone::Dim, &took),
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

/// What steps read for people, whole.
fn write_excerpts(out: &mut String, state: &RunState, style: Style) {
    for (id, step) in state.steps() {
        let Some(excerpt) = Excerpt::of(step.usable_outputs()) else { continue };
        section(out, &format!("Read by `{id}`: {}", text::clean(&excerpt.title)), style);
        out.push_str(&excerpt::whole(&excerpt, 0, style));
    }
}

/// For each verification: the verdicts before the change, after it and after the rollback, then what was read.
fn write_signals(out: &mut String, state: &RunState, caller: &Caller, style: Style) {
    for (id, step) in state.steps() {
        let stages = [
            ("before the change", step.baseline.as_deref().unwrap_or_default()),
            ("after the change", step.readings.as_slice()),
            ("after the rollback", step.after_rollback.as_deref().unwrap_or_default()),
        ];
        let unread = [("before the change", &step.no_baseline), ("after the rollback", &step.not_verified)];
        if stages.iter().all(|(_, readings)| readings.is_empty()) && unread.iter().all(|(_, why)| why.is_none()) {
            continue;
        }
        section(out, &format!("Signals of `{id}`"), style);
        for (stage, why) in unread.iter().filter_map(|(stage, why)| Some((stage, why.as_ref()?))) {
            let line = format!("not read {stage}: {}", text::clean(&why.message));
            for part in text::wrap(&line, style.columns().saturating_sub(2)) {
                let _ = writeln!(out, "  {}", style.paint(Tone::Warn, &part));
            }
            out.push('\n');
        }
        if stages.iter().all(|(_, readings)| readings.is_empty()) {
            continue;
        }
        out.push_str(&overview(&stages.map(|(_, readings)| readings), style));
        for (stage, readings) in stages.iter().filter(|(_, readings)| !readings.is_empty()) {
            let _ = writeln!(out, "\n  {}", style.paint(Tone::Dim, &format!("read {stage}:")));
            out.push_str(&matrix(readings, None, 4, &report_of(state, caller), style));
        }
        for line in places(stages.iter().flat_map(|(_, readings)| *readings)) {
            for (nth, part) in text::wrap(&line, style.columns().saturating_sub(4)).iter().enumerate() {
                let gap = if nth == 0 { "\n" } else { "" };
                let _ = writeln!(out, "{gap}  {}", style.paint(Tone::Dim, part));
            }
        }
    }
}

fn overview(stages: &[&[Reading]; 3], style: Style) -> String {
    let mut table = Table::new(&["signal", "role", "kind", "before", "after", "after rollback"]);
    let mut seen: Vec<&str> = Vec::new();
    for reading in stages.iter().copied().flatten() {
        if seen.contains(&reading.signal.as_str()) {
            continue;
        }
        seen.push(&reading.signal);
        let mut row = vec![
            Cell::toned(Tone::Strong, &reading.signal),
            Cell::toned(Tone::Dim, role_word(reading.role)),
            Cell::toned(Tone::Dim, kind_word(reading)),
        ];
        for stage in stages {
            let found = stage.iter().find(|other| other.signal == reading.signal);
            row.push(found.map_or(Cell::new(""), |found| {
                Cell::toned(signal_tone(found.verdict, found.role), verdict_of(found.verdict))
            }));
        }
        table.push(row);
    }
    table.render(2, style)
}

pub(crate) fn kind_word(reading: &Reading) -> &'static str {
    use runbook_model::SignalKind::{Functional, Health, Negative};
    match reading.kind {
        Health => "health",
        Functional => "functional",
        Negative => "negative",
    }
}

/// Every failure with all of its detail, in the order in which they happened.
fn write_failures(out: &mut String, records: &[Record], caller: &Caller, style: Style) {
    let mut first = true;
    for record in records {
        let (step, what, failure) = match &record.event {
            Event::StepRetrying { step, failure, .. } => (step, "attempt failed", failure),
            Event::StepFinished { step, outcome: Outcome::Failed(failure), .. } => (step, "failed", failure),
            Event::UndoFinished { step, failure: Some(failure), .. } => (step, "was not taken back", failure),
            _ => continue,
        };
        if std::mem::take(&mut first) {
            section(out, "Failures", style);
        }
        let head = format!("{step} {what}:");
        let message =
            text::wrap(&format!("{head} {}", text::clean(&failure.message)), style.columns().saturating_sub(11));
        for (nth, part) in message.iter().enumerate() {
            let _ = match (nth, part.strip_prefix(&head)) {
                (0, Some(rest)) => {
                    writeln!(out, "  {} {}{rest}", time::clock(record.at), style.paint(Tone::Bad, &head))
                }
                (0, None) => writeln!(out, "  {} {part}", time::clock(record.at)),
                _ => writeln!(out, "           {part}"),
            };
        }
        for line in text::clean_lines(&failure.detail) {
            for part in text::wrap(&line, style.columns().saturating_sub(6)) {
                let _ = writeln!(out, "{}", format!("      {part}").trim_end());
            }
        }
        out.push_str(&hint(failure, 6, caller, style));
    }
}

fn write_exceptions(out: &mut String, plan: &Plan, style: Style) {
    let mut table = Table::new(&["step", "allows", "because"]);
    for (step, allow) in plan.steps.iter().flat_map(|step| step.allow.iter().map(move |allow| (step, allow))) {
        table.push(vec![
            Cell::toned(Tone::Strong, step.id.as_str()),
            Cell::toned(Tone::Warn, allow.rule.name()),
            Cell::new(&allow.because),
        ]);
    }
    if !table.is_empty() {
        section(out, "Exceptions", style);
        out.push_str(&table.render(2, style));
    }
}

//! The Markdown itself.

use super::checklist::{ESTATE, Line, ONE_HOST};
use super::facts::{Answer, Facts, review_text};
use crate::account::{
    capitalised, decision_text, place_word, places, remaining_text, role_word, sentence, service_clauses, signal_text,
    verdict_of,
};
use crate::history::status_word;
use crate::show::{definitions, kind_word};
use crate::text;
use crate::time;
use runbook_model::{
    Caller, Closing, Event, IllegalTransition, Next, Outcome, Plan, Reading, Record, RunState, SignalVerdict, StepState,
};
use std::fmt::Write as _;

/// Characters of one piece of evidence; the journal has all of it.
const LONGEST: usize = 300;
/// Lines of a text that a step read.
const EXCERPT_LINES: usize = 200;

/// What `runbook report RUN` writes: GitHub-flavoured Markdown, made from the plan and the journal alone. An error means
/// that the journal is damaged. `holder` is at work on the run if it is open.
pub fn markdown(
    plan: &Plan,
    records: &[Record],
    holder: Option<&str>,
    caller: &Caller,
) -> Result<String, IllegalTransition> {
    let state = RunState::replay(records)?;
    let facts = Facts { plan, state: &state, caller };
    let mut out = String::new();
    write_head(&mut out, &facts, holder);
    write_steps(&mut out, &facts);
    write_signals(&mut out, &state);
    write_decisions(&mut out, records);
    write_failures(&mut out, records, caller);
    write_left(&mut out, &Closing::of(&state), caller);
    write_exceptions(&mut out, plan);
    write_checklist(&mut out, "Checklist for one host", ONE_HOST, &facts);
    write_checklist(&mut out, "Checklist for an estate", ESTATE, &facts);
    // Last, for it may be hundreds of lines.
    write_excerpts(&mut out, &facts);
    Ok(out)
}

fn write_head(out: &mut String, facts: &Facts<'_>, holder: Option<&str>) {
    let state = facts.state;
    let Some(header) = &state.header else { return };
    let (verdict, rest) = sentence(state, holder);
    let _ = writeln!(out, "# Run {}: {}\n", header.run, escape(&header.plan));
    let mut paragraph = format!("**{verdict}** {}", escape(&rest));
    for clause in service_clauses(&Closing::of(state).services) {
        let _ = write!(paragraph, " {}.", escape(&capitalised(&clause)));
    }
    if !state.note.is_empty() {
        let _ = write!(paragraph, " {}", escape(&state.note));
    }
    let _ = writeln!(out, "{paragraph}\n");
    let digest: String = header.digest.chars().take(7).collect();
    let rows = [
        ("Plan", format!("{} ({})", escape(&header.plan), escape(&digest))),
        ("Summary", escape(&header.summary)),
        ("Environment", escape(header.environment.as_deref().unwrap_or_default())),
        ("Host", escape(&header.host)),
        ("Started", format!("{} by {}", time::stamp(state.began_at), escape(&header.user))),
        ("Took", time::elapsed(state.worked_ms)),
        ("Versions", escape(&facts.versions().join(", "))),
        ("runbook", escape(&header.version)),
    ];
    out.push_str("| | |\n|---|---|\n");
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(out, "| {name} | {value} |");
    }
    for review in &facts.plan.review {
        let _ = writeln!(out, "| Review | {} |", escape(&review_text(review)));
    }
}

fn write_steps(out: &mut String, facts: &Facts<'_>) {
    out.push_str("\n## Steps\n\n| step | kind | outcome | what | began | took |\n|---|---|---|---|---|---|\n");
    let definitions = definitions(facts.plan);
    for (id, step) in facts.state.steps() {
        let uses = definitions.get(id).map_or("", |step| step.uses.as_str());
        let began = step.started_at.map(time::clock).unwrap_or_default();
        let took = step.started_at.zip(step.finished_at).map(|(from, to)| time::elapsed(to - from)).unwrap_or_default();
        let _ = writeln!(
            out,
            "| `{id}` | {} | {} | {} | {began} | {took} |",
            escape(uses),
            outcome(step),
            escape(&step.summary)
        );
    }
}

fn outcome(step: &StepState) -> String {
    match step.attempts {
        0 | 1 => status_word(step.status).to_owned(),
        many => format!("{}, {many} attempts", status_word(step.status)),
    }
}

/// What steps read for people: what is marked in it stands out. A long text is cut; the journal has all of it.
fn write_excerpts(out: &mut String, facts: &Facts<'_>) {
    let show = facts.caller.command(&Next::Show(facts.run()));
    for (id, excerpt) in facts.excerpts() {
        let _ = writeln!(out, "\n## Read by `{id}`: {}\n", escape(&excerpt.title));
        for line in excerpt.lines.iter().take(EXCERPT_LINES).filter(|line| !line.text.trim().is_empty()) {
            let text = escape(line.text.trim());
            let _ = match line.marks.as_slice() {
                [] if line.is_heading() => writeln!(out, "* {text}"),
                [] => writeln!(out, "  * {text}"),
                marks => writeln!(out, "  * **{text}** ({})", escape(&marks.join(", "))),
            };
        }
        let more = excerpt.lines.len().saturating_sub(EXCERPT_LINES);
        let hidden = excerpt.lines.iter().skip(EXCERPT_LINES).filter(|line| !line.marks.is_empty()).count();
        if more > 0 {
            let _ = writeln!(out, "\n{more} more lines, {hidden} of them marked: `{show}`");
        }
    }
}

/// What people decided where the evidence did not.
fn write_decisions(out: &mut String, records: &[Record]) {
    let mut title = "\n## Decisions\n\n";
    for record in records {
        let (step, what) = match &record.event {
            Event::DecisionAsked { step, failure, .. } => (step, format!("asked, because {}", failure.message)),
            Event::DecisionMade { step, decided } => (step, decision_text(decided)),
            _ => continue,
        };
        out.push_str(std::mem::take(&mut title));
        let _ = writeln!(out, "* {} `{step}`: {}", time::clock(record.at), escape(&what));
    }
}

fn write_signals(out: &mut String, state: &RunState) {
    for (id, step) in state.steps() {
        let before = step.baseline.as_deref().unwrap_or_default();
        let after = step.after_rollback.as_deref().unwrap_or_default();
        let rows = if step.readings.is_empty() { before } else { &step.readings };
        let unread = [("before the change", &step.no_baseline), ("after the rollback", &step.not_verified)];
        if rows.is_empty() && unread.iter().all(|(_, why)| why.is_none()) {
            continue;
        }
        let _ = writeln!(out, "\n## Signals of `{id}`\n");
        for (stage, why) in unread.iter().filter_map(|(stage, why)| Some((stage, why.as_ref()?))) {
            let _ = writeln!(out, "Not read {stage}: {}\n", escape(&why.message));
        }
        if rows.is_empty() {
            continue;
        }
        out.push_str(
            "| signal | role | kind | before | read after the change | wanted | verdict | after the rollback |\n",
        );
        out.push_str("|---|---|---|---|---|---|---|---|\n");
        for row in rows {
            let changed = step.readings.iter().find(|reading| reading.signal == row.signal);
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                escape(&row.signal),
                role_word(row.role),
                kind_word(row),
                verdict_in(before, &row.signal),
                changed.map(read_text).unwrap_or_default(),
                escape(&row.wanted),
                changed.map_or("", |reading| verdict_of(reading.verdict)),
                verdict_in(after, &row.signal),
            );
        }
        for reading in step.readings.iter().filter(|reading| reading.verdict != SignalVerdict::Green) {
            let lines = text::clean_lines(reading.whole.as_deref().unwrap_or_default());
            if !lines.is_empty() {
                let _ = writeln!(out, "\n`{}`, all of it:\n", escape(&reading.signal));
                for line in lines {
                    let _ = writeln!(out, "{}", format!("    {line}").trim_end());
                }
            }
        }
        for line in places(before.iter().chain(&step.readings).chain(after)) {
            let _ = writeln!(out, "\n{}", escape(&line));
        }
    }
}

/// What was read, and where.
fn read_text(reading: &Reading) -> String {
    match place_word(reading) {
        "" => escape(&reading.read),
        place => escape(&format!("{} ({place})", reading.read)),
    }
}

fn verdict_in(readings: &[Reading], signal: &str) -> &'static str {
    readings.iter().find(|reading| reading.signal == signal).map_or("", |reading| verdict_of(reading.verdict))
}

fn write_failures(out: &mut String, records: &[Record], caller: &Caller) {
    let mut title = "\n## Failures\n";
    for record in records {
        let (step, what, failure) = match &record.event {
            Event::StepRetrying { step, failure, .. } => (step, "an attempt failed", failure),
            Event::StepFinished { step, outcome: Outcome::Failed(failure), .. } => (step, "failed", failure),
            Event::UndoFinished { step, failure: Some(failure), .. } => (step, "was not taken back", failure),
            _ => continue,
        };
        out.push_str(std::mem::take(&mut title));
        let _ = writeln!(out, "\n### `{step}` {what} at {}\n\n{}", time::clock(record.at), escape(&failure.message));
        if !failure.detail.is_empty() {
            // Indented code cannot be closed by what stands in it, as a fence could.
            out.push('\n');
            for line in text::clean_lines(&failure.detail) {
                let _ = writeln!(out, "{}", format!("    {line}").trim_end());
            }
        }
        if let Some(hint) = &failure.hint {
            let _ = writeln!(out, "\nNext: {}", escape_keeping_code(&caller.spell(hint)));
        }
    }
}

fn write_left(out: &mut String, closing: &Closing, caller: &Caller) {
    let Closing { left, signals, remains, next, .. } = closing;
    if !left.is_empty() {
        out.push_str("\n## What is left on the host\n\n");
    }
    for left in left {
        let _ = writeln!(out, "* `{}`: {}", left.step, escape(&left.why));
    }
    if !signals.is_empty() {
        out.push_str("\n## Green before the change\n\n");
    }
    for signal in signals {
        let _ = writeln!(out, "* {}", escape_keeping_code(&signal_text(signal)));
    }
    if !remains.is_empty() {
        out.push_str("\n## Besides, on the host\n\n");
    }
    for one in remains {
        let _ = writeln!(out, "* {} (`{}`)", escape(&remaining_text(one)), one.step);
    }
    for (nth, command) in next.iter().enumerate() {
        let _ = writeln!(out, "{}`{}`", if nth == 0 { "\nNext: " } else { "or: " }, caller.command(command));
    }
}

fn write_exceptions(out: &mut String, plan: &Plan) {
    let allows = || plan.steps.iter().flat_map(|step| step.allow.iter().map(move |allow| (step, allow)));
    if allows().next().is_none() {
        return;
    }
    out.push_str("\n## Exceptions\n\n");
    for (step, allow) in allows() {
        let _ = writeln!(out, "* `{}` allows `{}`, because {}", step.id, allow.rule, escape(&allow.because));
    }
}

fn write_checklist(out: &mut String, title: &str, lines: &[Line], facts: &Facts<'_>) {
    let _ = writeln!(out, "\n## {title}\n\n| | line | evidence |\n|---|---|---|");
    for line in lines {
        let (sign, evidence) = match (line.answer)(facts) {
            Answer::Checked(evidence) => ("checked", evidence),
            Answer::NotApplicable(evidence) => ("not applicable", evidence),
            Answer::Missing(evidence) => ("**missing**", evidence),
            Answer::Red(evidence) => ("**red**", evidence),
        };
        let _ = writeln!(out, "| {sign} | {} | {} |", line.says, escape_keeping_code(&evidence));
    }
}

/// Clean text with everything that Markdown or HTML would read as markup escaped; safe inside a table.
fn escape(raw: &str) -> String {
    escape_all(raw, "\\`*_{}[]<>|#~&")
}

/// The same, but code spans stay: for evidence, in which we write ids and commands ourselves.
fn escape_keeping_code(raw: &str) -> String {
    let parts: Vec<&str> = raw.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(raw);
    }
    let part = |(nth, part): (usize, &&str)| match nth % 2 {
        0 => escape(part),
        _ => format!("`{}`", text::clean(part).replace('|', "\\|")),
    };
    parts.iter().enumerate().map(part).collect()
}

fn escape_all(raw: &str, special: &str) -> String {
    let mut out = String::new();
    for (nth, c) in text::clean(raw).chars().enumerate() {
        if nth == LONGEST {
            out.push('…');
            return out;
        }
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    // A piece before a code span keeps the space that parts it from the code.
    if raw.ends_with(' ') {
        out.push(' ');
    }
    out
}

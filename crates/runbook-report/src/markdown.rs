//! One run as GitHub-flavoured Markdown.

mod escape;

use crate::account::{capitalised, place_word, remaining_text, role_word, signal_text, verdict_of};
use crate::document::{Checklist, RunDocument, Sign, Trouble, Verification};
use crate::text;
use crate::time;
use crate::words::{kind_word, status_word};
pub(crate) use escape::{escape, escape_keeping_code};
use runbook_model::{Caller, Closing, Excerpt, Next, Reading, SignalVerdict, StepId, StepState};
use std::fmt::Write as _;

/// Lines of a text that a step read.
const EXCERPT_LINES: usize = 200;

/// What `runbook report RUN` writes.
pub fn markdown(run: &RunDocument<'_>, caller: &Caller) -> String {
    let mut out = String::new();
    write_head(&mut out, run);
    write_steps(&mut out, run);
    run.verifications.iter().for_each(|verification| write_signals(&mut out, verification));
    let moments = run.decisions.iter();
    let decided = moments.map(|it| format!("* {} `{}`: {}\n", time::clock(it.at), it.step, escape(&it.what)));
    write_section(&mut out, "Decisions", &decided.collect::<String>());
    let failures: Vec<String> = run.failures.iter().map(|trouble| failure(trouble, caller)).collect();
    write_section(&mut out, "Failures", &failures.join("\n"));
    write_left(&mut out, &run.closing, caller);
    let allows = run.exceptions.iter();
    let allowed =
        allows.map(|(step, it)| format!("* `{step}` allows `{}`, because {}\n", it.rule, escape(&it.because)));
    write_section(&mut out, "Exceptions", &allowed.collect::<String>());
    run.checklists.iter().for_each(|list| write_checklist(&mut out, list, caller));
    // Last, for it may be hundreds of lines.
    let show = caller.command(&Next::Show(Some(run.header.run.clone())));
    run.excerpts.iter().for_each(|(id, excerpt)| write_excerpt(&mut out, id, excerpt, &show));
    out
}

/// Nothing where there is nothing to say.
fn write_section(out: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        let _ = write!(out, "\n## {title}\n\n{body}");
    }
}

fn write_head(out: &mut String, run: &RunDocument<'_>) {
    let (header, state) = (run.header, run.state);
    let (verdict, rest) = &run.result;
    let _ = writeln!(out, "# Run {}: {}\n", header.run, escape(&header.plan));
    let mut paragraph = format!("**{verdict}** {}", escape(rest));
    for clause in &run.downtime {
        let _ = write!(paragraph, " {}.", escape(&capitalised(clause)));
    }
    if !state.note.is_empty() {
        let _ = write!(paragraph, " {}", escape(&state.note));
    }
    let _ = writeln!(out, "{paragraph}\n");
    let rows = [
        ("Plan", format!("{} ({})", escape(&header.plan), escape(run.digest()))),
        ("Summary", escape(&header.summary)),
        ("Environment", escape(header.environment.as_deref().unwrap_or_default())),
        ("Host", escape(&header.host)),
        ("Started", format!("{} by {}", time::stamp(state.began_at), escape(&header.user))),
        ("Took", run.summary.took()),
        ("Versions", escape(&run.versions.join(", "))),
        ("runbook", escape(&header.version)),
    ];
    let reviews = run.reviews.iter().map(|review| ("Review", escape(review)));
    out.push_str("| | |\n|---|---|\n");
    for (name, value) in rows.into_iter().chain(reviews).filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(out, "| {name} | {value} |");
    }
}

fn write_steps(out: &mut String, run: &RunDocument<'_>) {
    out.push_str("\n## Steps\n\n| step | kind | outcome | what | began | took |\n|---|---|---|---|---|---|\n");
    for row in &run.steps {
        let (id, uses, what) = (row.id, escape(row.uses.unwrap_or_default()), escape(&row.state.summary));
        let _ =
            writeln!(out, "| `{id}` | {uses} | {} | {what} | {} | {} |", outcome(row.state), row.began(), row.took());
    }
}

fn outcome(step: &StepState) -> String {
    match step.attempts {
        0 | 1 => status_word(step.status).to_owned(),
        many => format!("{}, {many} attempts", status_word(step.status)),
    }
}

/// What a step read for people: what is marked in it stands out. A long text is cut; the journal has all of it.
fn write_excerpt(out: &mut String, id: &StepId, excerpt: &Excerpt, show: &str) {
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

fn write_signals(out: &mut String, verification: &Verification<'_>) {
    let _ = writeln!(out, "\n## Signals of `{}`\n", verification.step);
    for (when, why) in verification.unread() {
        let _ = writeln!(out, "Not read {when}: {}\n", escape(&why.message));
    }
    if verification.rows.is_empty() {
        return;
    }
    out.push_str("| signal | role | kind | before | read after the change | wanted | verdict | after the rollback |\n");
    out.push_str("|---|---|---|---|---|---|---|---|\n");
    for row in &verification.rows {
        let [before, after, back] = row.read.map(|found| found.map_or("", |reading| verdict_of(reading.verdict)));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {before} | {} | {} | {after} | {back} |",
            escape(&row.signal.signal),
            role_word(row.signal.role),
            kind_word(row.signal),
            row.read[1].map(read_text).unwrap_or_default(),
            escape(&row.signal.wanted),
        );
    }
    let [_, after, _] = verification.stages;
    for reading in after.readings.iter().filter(|reading| reading.verdict != SignalVerdict::Green) {
        if let Some(whole) = reading.whole.as_deref().filter(|whole| !whole.is_empty()) {
            let _ = writeln!(out, "\n`{}`, all of it:\n\n{}", escape(&reading.signal), verbatim(whole));
        }
    }
    for line in &verification.places {
        let _ = writeln!(out, "\n{}", escape(line));
    }
}

/// Indented code, which cannot be closed by what stands in it, as a fence could.
fn verbatim(raw: &str) -> String {
    text::clean_lines(raw).iter().map(|line| text::hang("    ", 4, [line])).collect()
}

/// What was read, and where.
fn read_text(reading: &Reading) -> String {
    match place_word(reading) {
        "" => escape(&reading.read),
        place => escape(&format!("{} ({place})", reading.read)),
    }
}

fn failure(trouble: &Trouble<'_>, caller: &Caller) -> String {
    let Trouble { at, step, what, failure } = trouble;
    let mut out = format!("### `{step}` {what} at {}\n\n{}\n", time::clock(*at), escape(&failure.message));
    if !failure.detail.is_empty() {
        let _ = write!(out, "\n{}", verbatim(&failure.detail));
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(out, "\nNext: {}", escape_keeping_code(&caller.spell(hint)));
    }
    out
}

fn write_left(out: &mut String, closing: &Closing, caller: &Caller) {
    let Closing { left, signals, remains, next, .. } = closing;
    let left = left.iter().map(|it| format!("* `{}`: {}\n", it.step, escape(&it.why)));
    write_section(out, "What is left on the host", &left.collect::<String>());
    let signals = signals.iter().map(|it| format!("* {}\n", escape_keeping_code(&signal_text(it))));
    write_section(out, "Green before the change", &signals.collect::<String>());
    let remains = remains.iter().map(|it| format!("* {} (`{}`)\n", escape(&remaining_text(it)), it.step));
    write_section(out, "Besides, on the host", &remains.collect::<String>());
    for (nth, command) in next.iter().enumerate() {
        let _ = writeln!(out, "{}`{}`", if nth == 0 { "\nNext: " } else { "or: " }, caller.command(command));
    }
}

fn write_checklist(out: &mut String, list: &Checklist, caller: &Caller) {
    let _ = writeln!(out, "\n## {}\n\n| | line | evidence |\n|---|---|---|", list.title);
    for (says, answer) in &list.lines {
        let sign = sign_word(answer.sign);
        let command = answer.command.as_ref().map(|next| format!("`{}`; ", caller.command(next))).unwrap_or_default();
        let _ =
            writeln!(out, "| {sign} | {says} | {} |", escape_keeping_code(&format!("{command}{}", answer.evidence)));
    }
}

pub(crate) fn sign_word(sign: Sign) -> &'static str {
    match sign {
        Sign::Checked => "checked",
        Sign::NotApplicable => "not applicable",
        Sign::Missing => "**missing**",
        Sign::Red => "**red**",
    }
}

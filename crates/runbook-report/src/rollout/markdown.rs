//! One report for the estate as GitHub-flavoured Markdown: every host's verdict, what was decided, the second report's checklist.

use super::checklist::lines;
use super::closing::closing;
use super::estate::Estate;
use super::lines::{rollout_line, wave_name};
use super::rows::note;
use super::words::{hosts, status_word, verdict_word};
use crate::account::{capitalised, verdict_of};
use crate::document::Trouble;
use crate::markdown::sign_word;
use crate::markdown::{escape, escape_keeping_code};
use crate::text;
use crate::time;
use runbook_model::{Caller, Next, SignalVerdict};
use runbook_rollout::{RolloutEvent, Target};
use std::fmt::Write as _;

/// So many letters of what a signal read are told; its own report has all of them.
const READ: usize = 400;

/// What `runbook report` writes of a rollout.
pub fn rollout_markdown(estate: &Estate<'_>, caller: &Caller) -> String {
    let mut out = String::new();
    write_head(&mut out, estate);
    write_hosts(&mut out, estate, caller);
    write_runs(&mut out, estate);
    write_decisions(&mut out, estate);
    write_checklist(&mut out, estate);
    out
}

fn write_head(out: &mut String, estate: &Estate<'_>) {
    let (waves, closing) = (estate.waves, closing(estate));
    let _ = writeln!(out, "# Rollout {}, attempt {}\n", escape(&waves.rollout), waves.attempt);
    let _ = writeln!(out, "**{}** {}\n", closing.head, escape(&closing.text));
    for owed in &closing.owed {
        let _ = writeln!(out, "* {}", escape(owed));
    }
    let began = estate.records.first().map(|record| time::stamp(record.at)).unwrap_or_default();
    let by = estate.state.controller.as_ref().map(|(controller, _)| escape(&controller.by)).unwrap_or_default();
    let took = time::elapsed(i64::try_from(estate.elapsed_ms).unwrap_or(i64::MAX));
    let rows = [
        ("Digest", waves.digest.clone()),
        ("Hosts", waves.hosts().len().to_string()),
        ("Began", began),
        ("By", by),
        ("Took", took),
    ];
    out.push_str("\n| | |\n|---|---|\n");
    for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(out, "| {name} | {value} |");
    }
}

fn write_hosts(out: &mut String, estate: &Estate<'_>, caller: &Caller) {
    out.push_str("\n## Hosts\n\n| host | stage | verdict | what | run |\n|---|---|---|---|---|\n");
    for (_, target) in estate.waves.targets() {
        let word = match estate.state.verdict(&target) {
            Some(verdict) => verdict_word(verdict).1.to_owned(),
            None => status_word(estate.state.target(&target).status).1,
        };
        let what = escape(&note(estate, &target, None));
        let _ = writeln!(
            out,
            "| {} | {} | {word} | {what} | {} |",
            target.host,
            target.stage,
            run(estate, &target, caller)
        );
    }
}

/// How its own report is read.
fn run(estate: &Estate<'_>, target: &Target, caller: &Caller) -> String {
    let Some(run) = estate.state.target(target).run else { return String::new() };
    let there = caller.clone().on(target.host.as_str(), None);
    format!("`{}`", there.command(&Next::Report(Some(run))))
}

/// What each run's own report tells, in brief: how it ended, how long the service was down, what failed, and which signals were not green.
fn write_runs(out: &mut String, estate: &Estate<'_>) {
    if estate.runs.is_empty() {
        return;
    }
    out.push_str("\n## Runs\n\n");
    for (target, run) in estate.runs {
        let (verdict, rest) = &run.result;
        let down: String = run.downtime.iter().map(|clause| format!(" {}.", escape(&capitalised(clause)))).collect();
        let _ = writeln!(out, "* **{}** ({}): **{verdict}** {}{down}", target.host, target.stage, escape(rest));
        for Trouble { step, what, failure, .. } in &run.failures {
            let _ = writeln!(out, "  * `{step}` {what}: {}", escape(&failure.message));
        }
        let after = run.verifications.iter().flat_map(|verification| verification.stages[1].readings);
        for reading in after.filter(|reading| reading.verdict != SignalVerdict::Green) {
            let word = verdict_of(reading.verdict);
            // What decides may stand behind where a table cuts off.
            let read = reading.whole.as_deref().filter(|whole| !whole.is_empty()).unwrap_or(&reading.read);
            let _ = writeln!(
                out,
                "  * `{}` was {word}: {}",
                escape(&reading.signal),
                escape(&text::cut(&text::clean_lines(read).join(" "), READ))
            );
        }
    }
}

/// What people decided, and what the rollout decided for them.
fn write_decisions(out: &mut String, estate: &Estate<'_>) {
    use RolloutEvent as E;
    let decided = estate.records.iter().filter(|record| {
        matches!(
            record.event,
            E::Approved { .. }
                | E::ApprovalRefused { .. }
                | E::Stopped { .. }
                | E::CancelIntended { .. }
                | E::BackIntended { .. }
                | E::DrainAsked { .. }
                | E::CancelAsked { .. }
                | E::RollbackAsked { .. }
                | E::TakenOver { .. }
        )
    });
    let lines: Vec<String> = decided.filter_map(|record| rollout_line(record, estate.waves)).collect();
    if !lines.is_empty() {
        out.push_str("\n## Decisions\n\n");
        out.extend(lines.iter().map(|line| format!("* {}\n", escape(line))));
    }
}

fn write_checklist(out: &mut String, estate: &Estate<'_>) {
    let lines = lines(estate);
    if lines.is_empty() {
        return;
    }
    let without: Vec<String> = estate
        .waves
        .targets()
        .filter(|(_, target)| estate.run(target).is_none())
        .map(|(at, target)| format!("{} ({})", target.host, wave_name(estate.waves, at)))
        .collect();
    let _ = writeln!(out, "\n## Checklist for the estate\n\nFrom the runs of {}.", hosts(estate.runs.len()));
    if !without.is_empty() {
        let _ = writeln!(out, "No run of this attempt was read from {}.", escape(&without.join(", ")));
    }
    out.push_str("\n| | line | evidence |\n|---|---|---|\n");
    for line in lines {
        let all = line.evidence.len() == 1 && estate.runs.len() > 1;
        let said = line.evidence.iter().map(|(of, said)| match all && of.len() == estate.runs.len() {
            true => format!("all: {said}"),
            false => format!("{}: {said}", of.join(", ")),
        });
        let said = said.map(|said| escape_keeping_code(&said)).collect::<Vec<_>>().join("<br>");
        let _ = writeln!(out, "| {} | {} | {said} |", sign_word(line.sign), line.says);
    }
}

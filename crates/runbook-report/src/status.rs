//! What this host is doing now, and what blocks it: the first thing that is read at 3 a.m.

use crate::account::{List, capitalised, closing, commands, questions, sentence};
use crate::document::{RunSummary, StepNow, steps_now};
use crate::json::waits_for;
use crate::style::{Style, Tone};
use crate::text;
use crate::time;
use crate::words::status_word;
use runbook_model::{AtWork, Block, Caller, Closing, RunId, RunState, Standing};
use serde_json::{Value, json as object};

/// What `status` looks at.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// What blocks the host.
    pub standing: &'a Standing,
    /// The runs that block it, and the latest one; the latest first.
    pub runs: &'a [RunState],
    /// Who holds the lock. An open run that nobody attends is one that was interrupted.
    pub holder: Option<&'a AtWork>,
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// Who types the commands that are named.
    pub caller: &'a Caller,
}

/// What `runbook status` prints: what blocks this host, over all of its runs, and then its latest run.
pub fn status(look: &Look<'_>, style: &Style) -> String {
    let mut out = String::new();
    for block in &look.standing.blocks {
        write_block(&mut out, block, look, *style);
    }
    if let (true, Some(holder)) = (look.standing.blocks.is_empty(), look.holder) {
        out.push_str(&format!("At work on this host: {}.\n\n", text::clean(&holder.who)));
    }
    match look.runs.first() {
        None if out.is_empty() => out.push_str("No runs on this host yet.\n"),
        Some(latest) if !is_blocking(look, latest) => write_latest(&mut out, latest, look, *style),
        _ => {}
    }
    style.encode(out)
}

/// The same as JSON: what blocks this host, the latest run, how it left the host, who holds the lock, and where each step is.
pub fn status_json(look: &Look<'_>) -> Value {
    let latest = look.runs.first();
    let steps = |state: &RunState| -> Vec<Value> {
        let row =
            |step: StepNow<'_>| object!({ "step": step.id, "status": step.status, "waits_for": waits_for(&step) });
        steps_now(state).map(row).collect()
    };
    object!({
        "blocked": look.standing.blocks.first(),
        "blocks": look.standing.blocks,
        "run": latest.and_then(RunSummary::of).map(|run| run.json()),
        "open": look.runs.iter().any(|state| state.verdict().is_none()),
        "closing": latest.map(|latest| Closing::at_work(latest, look.holder)),
        "holder": look.holder.map(|holder| &holder.who),
        "steps": latest.map(steps).unwrap_or_default(),
    })
}

fn is_blocking(look: &Look<'_>, state: &RunState) -> bool {
    let run = state.header.as_ref().map(|header| &header.run);
    run.is_some() && look.standing.blocks.iter().any(|block| block.run.as_ref() == run)
}

fn found<'a>(look: &Look<'a>, run: &RunId) -> Option<&'a RunState> {
    look.runs.iter().find(|state| state.header.as_ref().is_some_and(|header| header.run == *run))
}

/// One line that says what blocks the host, and then the run that does, as far as it is known.
fn write_block(out: &mut String, block: &Block, look: &Look<'_>, style: Style) {
    let known = block.run.as_ref().and_then(|run| found(look, run));
    let attended = known.is_some_and(|state| look.holder.is_some_and(|holder| holder.attends(state)));
    let head = if attended { "At work:" } else { "Blocked:" };
    let why = format!("{}.", text::clean(&block.why));
    out.push_str(&text::hang("", 0, style.headed(Tone::Bad, head, &why, style.columns())));
    let Some(state) = known else {
        out.push_str(&commands(List::Ways, "", &block.next, look.caller, style));
        out.push('\n');
        return;
    };
    out.push_str(&format!("{}.\n", capitalised(&begun(state, look.now_ms))));
    if attended {
        out.push_str(&running(state, look.now_ms));
        out.push_str(&questions(state, look.caller, style));
    } else {
        out.push_str(&format!("\n{}", closing(state, look.caller, style)));
    }
    out.push('\n');
}

/// A run that blocks nothing: in full where nothing else is to be said, in a line below what blocks.
fn write_latest(out: &mut String, latest: &RunState, look: &Look<'_>, style: Style) {
    let Some(header) = &latest.header else { return };
    let name = format!("{} of {} ({})", header.run, text::clean(&header.plan), text::short(&header.digest));
    if !look.standing.blocks.is_empty() {
        let (head, rest) = sentence(latest, None);
        let line = format!("The latest run, {name}, is another one: {head} {}", text::clean(&rest));
        out.push_str(&text::hang("", 0, text::wrap(&line, style.columns())));
        return;
    }
    if look.holder.is_none() {
        out.push_str("Nothing blocks this host: no run is open or stuck.\n");
    }
    out.push_str(&format!("Run {name}, {}.\n\n", begun(latest, look.now_ms)));
    out.push_str(&closing(latest, look.caller, style));
}

fn begun(state: &RunState, now_ms: i64) -> String {
    format!("begun {}, {} ago", time::stamp(state.began_at), time::elapsed(now_ms - state.began_at))
}

fn running(state: &RunState, now_ms: i64) -> String {
    let over = state.steps().filter(|(_, step)| step.status.is_over()).count();
    let mut out = format!("{over} of {} steps are over.\n", state.steps().count());
    for StepNow { id, status, waits_for, since } in steps_now(state) {
        if let Some(since) = since {
            let word = if waits_for.is_some() { "waiting for an answer" } else { status_word(status) };
            out.push_str(&format!("  {id}   {word}, {}\n", time::elapsed(now_ms - since)));
        }
    }
    out
}

//! The last paragraph of a run: what a tired person has to know.

use crate::style::{Glyph, Style, Tone};
use crate::text;
use crate::time;
use runbook_model::{RollbackCause, RunState, StepId, StepState, StepStatus, UndoPhase, Verdict};

/// Verdict, time that services were down, what is left, and where the evidence is.
pub(crate) fn closing(state: &RunState, style: Style) -> String {
    let Some(header) = &state.header else { return String::new() };
    let run = header.run.as_str();
    let mut out = String::new();
    let (head, rest) = sentence(state, None);
    let tone = match state.verdict() {
        Some(Verdict::Succeeded) => Tone::Good,
        Some(Verdict::RolledBack | Verdict::Accepted | Verdict::Refused) => Tone::Warn,
        Some(Verdict::Stopped | Verdict::Stuck) | None => Tone::Bad,
    };
    let services = service_clauses(state);
    let mut text = rest;
    for clause in &services {
        // One short sentence where all is well again; its own sentence where it is one of several bad news.
        text = match (text.strip_suffix('.'), tone) {
            (Some(open), Tone::Good | Tone::Warn) => format!("{open}; {clause}."),
            _ => format!("{text} {}.", capitalised(clause)),
        };
    }
    let wrapped = text::wrap(&format!("{head} {text}"), style.columns());
    for (nth, line) in wrapped.iter().enumerate() {
        let line = match line.strip_prefix(&head).filter(|_| nth == 0) {
            Some(tail) => format!("{}{tail}", style.paint(tone, &head)),
            None => line.clone(),
        };
        push(&mut out, line.trim_end());
    }
    for line in text::wrap(&text::clean(&state.note), style.columns()).iter().filter(|line| !line.is_empty()) {
        push(&mut out, line);
    }
    out.push_str(&left(state, style));
    out.push_str(&next(state, run, style));
    let dot = style.glyph(Glyph::Dot);
    push(&mut out, &format!("Evidence: runbook show {run}   {dot}   runbook report {run}"));
    out
}

/// `text` with a capital letter first.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// What stands in the place of [`closing`] while `holder` is at work on the run.
pub(crate) fn going_on(state: &RunState, holder: &str, style: Style) -> String {
    let Some(header) = &state.header else { return String::new() };
    let (head, rest) = sentence(state, Some(holder));
    let mut out = String::new();
    text::wrap(&format!("{head} {rest}"), style.columns()).iter().for_each(|line| push(&mut out, line));
    out.push_str(&questions(state, style));
    push(
        &mut out,
        &format!("What it does now: runbook status   {}   runbook show {}", style.glyph(Glyph::Dot), header.run),
    );
    out
}

/// The answers where the evidence does not tell.
pub(crate) const CHOICE: &str = "rollback, again or keep";

/// What the run asks a person, and the command that answers, or where the answer is typed.
pub(crate) fn questions(state: &RunState, style: Style) -> String {
    let mut out = String::new();
    for (id, waiting) in state.steps().filter_map(|(id, step)| Some((id, step.waits_for.as_ref()?))) {
        out.push('\n');
        let asks = format!("`{id}` asks: {}", text::clean(&waiting.message));
        text::wrap(&asks, style.columns()).iter().for_each(|line| push(&mut out, line));
        out.push_str(&next_line(&text::clean(&waiting.answer), style));
    }
    for (id, failure) in state.steps().filter_map(|(id, step)| Some((id, step.asks.as_ref()?))) {
        out.push('\n');
        let asks = format!("`{id}` asks at its terminal: {CHOICE}? {}.", capitalised(&text::clean(&failure.message)));
        text::wrap(&asks, style.columns()).iter().for_each(|line| push(&mut out, line));
    }
    out
}

/// The verdict as one or two words, and the sentence that follows it. `holder` is at work on the run if it is open.
pub(crate) fn sentence(state: &RunState, holder: Option<&str>) -> (String, String) {
    let touched = left_over(state).count();
    if let (None, Some(holder)) = (state.verdict(), holder) {
        return ("Running.".to_owned(), format!("At work on it: {}.", text::clean(holder)));
    }
    let (head, rest) = match state.verdict() {
        Some(Verdict::Succeeded) => succeeded(state),
        Some(Verdict::RolledBack) => match state.rollback {
            Some(RollbackCause::Cancelled) => ("Cancelled and rolled back.", rolled_back(state)),
            _ => ("Rolled back.", rolled_back(state)),
        },
        Some(Verdict::Stopped) => ("Stopped, not rolled back.", stopped(state, touched)),
        Some(Verdict::Accepted) if is_kept(state) => {
            ("Kept, without proof.", "What was changed is still there.".to_owned())
        }
        Some(Verdict::Accepted) => ("Closed by hand.", "A person says that the host is as it should be.".to_owned()),
        Some(Verdict::Refused) if state.draining || state.cancelling => {
            ("Cancelled.", "Nothing was changed.".to_owned())
        }
        Some(Verdict::Refused) => ("Refused.", "Nothing was changed.".to_owned()),
        Some(Verdict::Stuck) => {
            let text = "The host is neither as it was nor as planned, and needs a person; no other run starts on it until then.";
            ("Stuck.", text.to_owned())
        }
        None => {
            ("Not over.", "The run is open; nothing goes on until somebody resumes it or takes it back.".to_owned())
        }
    };
    (head.to_owned(), rest)
}

/// Whether a run was closed because somebody keeps what is not proven. What was to be taken back after that, and was
/// closed by hand then, is not kept.
pub(crate) fn is_kept(state: &RunState) -> bool {
    state.rollback.is_none() && state.states().iter().any(StepState::is_kept)
}

fn succeeded(state: &RunState) -> (&'static str, String) {
    let changed = state.steps().filter(|(_, step)| step.status == StepStatus::Changed).count();
    let failed: Vec<String> = state
        .steps()
        .filter(|(_, step)| matches!(step.status, StepStatus::Undone | StepStatus::FailedUntouched))
        .map(|(id, _)| format!("`{id}`"))
        .collect();
    let steps = match (changed, failed.is_empty()) {
        (0, true) => "Nothing had to be changed".to_owned(),
        (0, false) => "Nothing was changed".to_owned(),
        (1, _) => "1 step changed the host".to_owned(),
        (many, _) => format!("{many} steps changed the host"),
    };
    match failed.is_empty() {
        true => ("Done.", format!("{steps}.")),
        false => (
            "Done, but not all of it.",
            format!("{steps}; {} failed, and the plan passes over that.", failed.join(", ")),
        ),
    }
}

/// What is proven of a host after a rollback: every undo went well, and whatever was compared is as it was.
fn rolled_back(state: &RunState) -> String {
    if !state.has_acted() {
        return "The host is as it was.".to_owned();
    }
    let verifications = || state.steps().filter(|(_, step)| step.baseline.is_some());
    let compared = verifications().any(|(_, step)| step.was_green());
    let not: Vec<String> =
        verifications().filter(|(_, step)| !step.was_green()).map(|(id, _)| format!("`{id}`")).collect();
    match (compared, not.is_empty()) {
        (true, true) => "The host is as it was.".to_owned(),
        (true, false) => format!(
            "Every change was taken back, and what was green before is green again; {} had nothing to compare with.",
            not.join(", ")
        ),
        (false, true) => "Every change was taken back.".to_owned(),
        (false, false) => format!(
            "Every change was taken back, but whether all works as before is not proven: {} had nothing to compare with.",
            not.join(", ")
        ),
    }
}

fn stopped(state: &RunState, touched: usize) -> String {
    let failed =
        state.steps().find(|(_, step)| matches!(step.status, StepStatus::FailedTouched | StepStatus::FailedUntouched));
    let which = failed.map(|(id, _)| format!("`{id}` failed, and the run ended there. ")).unwrap_or_default();
    match touched {
        0 if state.has_acted() => format!("{which}What it had changed was taken back."),
        0 => format!("{which}Nothing was changed."),
        _ => format!("{which}What was changed before it is still there."),
    }
}

/// "the service demo was down for 0.6 s", for every service that the run kept down.
pub(crate) fn service_clauses(state: &RunState) -> Vec<String> {
    let mut several = state.services.values().filter(|time| time.down_until(state.last_at) > 0).count() > 1;
    several |= state.services.len() > 1;
    let clause = |(name, time): (&String, &runbook_model::ServiceTime)| {
        let name = if several { format!("the service {}", text::clean(name)) } else { "the service".to_owned() };
        match (time.down_since, time.down_until(state.last_at)) {
            (Some(since), _) => Some(format!("{name} is down since {}", time::stamp(since))),
            (None, 0) => None,
            (None, ms) => Some(format!("{name} was down for {}", time::spoken(ms))),
        }
    };
    state.services.iter().filter_map(clause).collect()
}

/// The steps whose traces the host may carry, latest first: the order in which they would be taken back.
pub(crate) fn left_over(state: &RunState) -> impl Iterator<Item = (&StepId, &StepState)> {
    let mut left: Vec<_> = state.steps().filter(|(_, step)| step.status.may_have_touched()).collect();
    left.sort_by_key(|(_, step)| std::cmp::Reverse(step.intent_seq));
    left.into_iter()
}

/// What is left on the host, where that is not what the operator wanted.
fn left(state: &RunState, style: Style) -> String {
    if !matches!(state.verdict(), Some(Verdict::Stuck | Verdict::Stopped) | None) {
        return String::new();
    }
    let mut out = String::new();
    let steps: Vec<_> = left_over(state).collect();
    if !steps.is_empty() {
        out.push_str(match state.verdict() {
            Some(Verdict::Stopped) => "\nChanged, and still there:\n",
            None => "\nMay have changed the host so far:\n",
            _ => "\nNot taken back:\n",
        });
    }
    let id_width = steps.iter().map(|(id, _)| id.as_str().len()).max().unwrap_or(0);
    for (id, step) in steps {
        let lead = 2 + id_width + 3;
        let why = leftover_text(step);
        for (nth, part) in text::wrap(&why, style.columns().saturating_sub(lead)).iter().enumerate() {
            let name = if nth == 0 { text::pad(id.as_str(), id_width) } else { " ".repeat(id_width) };
            push(&mut out, &format!("  {}   {part}", style.paint(Tone::Strong, &name)));
        }
    }
    for (id, step) in state.steps().filter(|(_, step)| !step.lost.is_empty()) {
        let lost: Vec<String> = step.lost.iter().map(|name| text::clean(name)).collect();
        push(&mut out, &format!("\nGreen before the change and not now (`{id}`): {}", lost.join(", ")));
    }
    out
}

/// What one step left behind, in one sentence.
pub(crate) fn leftover_text(step: &StepState) -> String {
    match (&step.undo_failure, step.status) {
        (Some(failure), _) => {
            let what = if step.undo_phase == Some(UndoPhase::Halt) {
                "could not be brought down"
            } else {
                "could not be undone"
            };
            format!("{what}: {}", text::clean(&failure.message))
        }
        (None, StepStatus::Halted) => "is brought down, and its undo has not begun".to_owned(),
        (None, StepStatus::Halting | StepStatus::Undoing) => "its undo began and did not end".to_owned(),
        (None, StepStatus::FailedTouched) => format!("failed half-way: {}", text::clean(&step.summary)),
        (None, StepStatus::Intended | StepStatus::Retrying) => {
            "began to change the host; how far is not known".to_owned()
        }
        (None, _) => format!("changed the host: {}", text::clean(&step.summary)),
    }
}

/// The next action, where there is one.
fn next(state: &RunState, run: &str, style: Style) -> String {
    let hint =
        state.steps().filter_map(|(_, step)| step.undo_failure.as_ref()).find_map(|failure| failure.hint.clone());
    let action = match state.verdict() {
        Some(Verdict::Stuck) => match hint {
            Some(hint) => format!("{}; then: runbook rollback {run}", text::clean(&hint).trim_end_matches('.')),
            None => format!("put right what is named above, then: runbook rollback {run}"),
        },
        Some(Verdict::Stopped) if left_over(state).next().is_some() => {
            format!("take it back with: runbook rollback {run}")
        }
        None => format!("runbook resume {run}   or   runbook rollback {run}"),
        _ => return String::new(),
    };
    format!("\n{}", next_line(&action, style))
}

fn next_line(action: &str, style: Style) -> String {
    let mut out = String::new();
    let parts = text::wrap(action, style.columns().saturating_sub(6));
    for (nth, part) in parts.iter().enumerate() {
        let lead = if nth == 0 { style.paint(Tone::Strong, "Next: ") } else { "      ".to_owned() };
        push(&mut out, &format!("{lead}{part}"));
    }
    out
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

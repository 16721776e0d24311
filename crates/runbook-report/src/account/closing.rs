//! The last paragraph of a run: what a tired person has to know. What it says is [`Closing`]; here is how it looks.

use crate::style::{Glyph, Style, Tone};
use crate::text;
use crate::time;
use runbook_model::{Caller, Closing, Next, Remaining, RunState, ServiceDown, SignalGone, StepId, Verdict};

/// Verdict, time that services were down, what is left, and where the evidence is.
pub(crate) fn closing(state: &RunState, caller: &Caller, style: Style) -> String {
    let Some(header) = &state.header else { return String::new() };
    let closing = Closing::of(state);
    let mut out = String::new();
    write_claim(&mut out, &closing, style);
    for line in text::wrap(&text::clean(&closing.note), style.columns()).iter().filter(|line| !line.is_empty()) {
        push(&mut out, line);
    }
    write_left(&mut out, &closing, style);
    write_signals(&mut out, &closing.signals, style);
    write_remains(&mut out, &closing, style);
    if !closing.next.is_empty() {
        out.push('\n');
        out.push_str(&next_lines(&before_next(&closing, caller), &closing.next, caller, style));
    }
    let run = Some(header.run.clone());
    out.push_str(&told_by("Evidence:", &[Next::Show(run.clone()), Next::Report(run)], caller, style));
    out
}

/// Where more is told: on one line if that fits, else a command a line, for each has to be copied.
fn told_by(head: &str, commands: &[Next], caller: &Caller, style: Style) -> String {
    let commands: Vec<String> = commands.iter().map(|next| caller.command(next)).collect();
    let line = format!("{head} {}", commands.join(&format!("   {}   ", style.glyph(Glyph::Dot))));
    match text::width(&line) <= style.columns() {
        true => format!("{line}\n"),
        false => format!("{head}\n{}", commands.iter().map(|command| format!("  {command}\n")).collect::<String>()),
    }
}

/// Head, claim and services as one paragraph.
fn write_claim(out: &mut String, closing: &Closing, style: Style) {
    let tone = tone(closing.verdict);
    let mut text = text::clean(&closing.text);
    for clause in service_clauses(&closing.services) {
        // One short sentence where all is well again; its own sentence where it is one of several bad news.
        text = match (text.strip_suffix('.'), tone) {
            (Some(open), Tone::Good | Tone::Warn) => format!("{open}; {clause}."),
            _ => format!("{text} {}.", capitalised(&clause)),
        };
    }
    let head = closing.head.as_str();
    for (nth, line) in text::wrap(&format!("{head} {text}"), style.columns()).iter().enumerate() {
        let line = match line.strip_prefix(head).filter(|_| nth == 0) {
            Some(tail) => format!("{}{tail}", style.paint(tone, head)),
            None => line.clone(),
        };
        push(out, line.trim_end());
    }
}

fn tone(verdict: Option<Verdict>) -> Tone {
    match verdict {
        Some(Verdict::Succeeded) => Tone::Good,
        Some(Verdict::RolledBack | Verdict::Accepted | Verdict::Refused) => Tone::Warn,
        Some(Verdict::Stopped | Verdict::Stuck) | None => Tone::Bad,
    }
}

/// `text` with a capital letter first.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// What stands in the place of [`closing`] while `holder` is at work on the run.
pub(crate) fn going_on(state: &RunState, holder: &str, caller: &Caller, style: Style) -> String {
    let Some(header) = &state.header else { return String::new() };
    let (head, rest) = sentence(state, Some(holder));
    let mut out = String::new();
    text::wrap(&format!("{head} {rest}"), style.columns()).iter().for_each(|line| push(&mut out, line));
    out.push_str(&questions(state, caller, style));
    let commands = [Next::Status, Next::Show(Some(header.run.clone()))];
    out.push_str(&told_by("What it does now:", &commands, caller, style));
    out
}

/// The answers where the evidence does not tell.
pub(crate) const CHOICE: &str = "rollback, again or keep";

/// What the run asks a person, and the command that answers, or where the answer is typed.
pub(crate) fn questions(state: &RunState, caller: &Caller, style: Style) -> String {
    let mut out = String::new();
    for (id, waiting) in state.steps().filter_map(|(id, step)| Some((id, step.waits_for.as_ref()?))) {
        out.push('\n');
        let asks = format!("`{id}` asks: {}", text::clean(&waiting.message));
        text::wrap(&asks, style.columns()).iter().for_each(|line| push(&mut out, line));
        push(
            &mut out,
            &format!("{}{}", style.paint(Tone::Strong, "Next: "), text::clean(&caller.spell(&waiting.answer))),
        );
    }
    for (id, failure) in state.steps().filter_map(|(id, step)| Some((id, step.asks.as_ref()?))) {
        out.push('\n');
        let asks = format!("`{id}` asks at its terminal: {CHOICE}? {}.", capitalised(&text::clean(&failure.message)));
        text::wrap(&asks, style.columns()).iter().for_each(|line| push(&mut out, line));
    }
    out
}

/// Head and claim of the closing statement; `holder` is at work on the run if it is open.
pub(crate) fn sentence(state: &RunState, holder: Option<&str>) -> (String, String) {
    if let (None, Some(holder)) = (state.verdict(), holder) {
        return ("Running.".to_owned(), format!("At work on it: {}.", text::clean(holder)));
    }
    let Closing { head, text, .. } = Closing::of(state);
    (head, text)
}

/// "the service demo was down for 0.6 s", for every service that the run kept down. How it was at the end is said where that
/// does not follow: the run did not bring it up, or brought it up and it was not found so.
pub(crate) fn service_clauses(services: &[ServiceDown]) -> Vec<String> {
    let clause = |service: &ServiceDown| {
        let name = match services.len() {
            0 | 1 => "the service".to_owned(),
            _ => format!("the service {}", text::clean(&service.name)),
        };
        let run = match (service.down_since, service.down_ms) {
            (Some(since), _) => Some(format!("the run has not brought {name} up again since {}", time::stamp(since))),
            (None, 0) => None,
            (None, ms) => Some(format!("{name} was down for {}", time::spoken(ms))),
        };
        let clauses: Vec<String> = run.into_iter().chain(at_the_end(service)).collect();
        (!clauses.is_empty()).then(|| clauses.join("; "))
    };
    services.iter().filter_map(clause).collect()
}

fn at_the_end(service: &ServiceDown) -> Option<String> {
    let name = text::clean(&service.name);
    let is_left_down = service.down_since.is_some();
    match &service.seen {
        Some(seen) if !seen.words.is_empty() && (is_left_down || seen.up != Some(true)) => {
            Some(format!("at the end {name} was {}", text::clean(&seen.words)))
        }
        _ if !is_left_down => None,
        _ => Some(format!("nobody has read how {name} is")),
    }
}

/// `kept: /srv/app/data, 1 file differs`
pub(crate) fn remaining_text(one: &Remaining) -> String {
    let (what, path) = (one.what.word(), text::clean(&one.path));
    match text::clean(&one.detail) {
        detail if detail.is_empty() => format!("{what}: {path}"),
        detail => format!("{what}: {path}, {detail}"),
    }
}

/// `ready` of `verify`, red
pub(crate) fn signal_text(one: &SignalGone) -> String {
    let now = if one.red { "not green now" } else { "could not be read" };
    format!("{} of `{}`: {now}", text::clean(&one.signal), one.step)
}

fn write_left(out: &mut String, closing: &Closing, style: Style) {
    if closing.left.is_empty() {
        return;
    }
    out.push_str(match closing.verdict {
        Some(Verdict::Stopped) => "\nChanged, and left in place:\n",
        None => "\nMay have changed the host so far:\n",
        _ => "\nNot taken back:\n",
    });
    let width = closing.left.iter().map(|left| left.step.as_str().len()).max().unwrap_or(0);
    for left in &closing.left {
        write_under(out, &left.step, width, &text::clean(&left.why), style);
    }
}

/// `text` beside the name of its step, wrapped there.
fn write_under(out: &mut String, step: &StepId, width: usize, text: &str, style: Style) {
    for (nth, part) in text::wrap(text, style.columns().saturating_sub(2 + width + 3)).iter().enumerate() {
        let name = if nth == 0 { text::pad(step.as_str(), width) } else { " ".repeat(width) };
        push(out, &format!("  {}   {part}", style.paint(Tone::Strong, &name)));
    }
}

fn write_signals(out: &mut String, signals: &[SignalGone], style: Style) {
    if signals.is_empty() {
        return;
    }
    out.push_str("\nGreen before the change:\n");
    write_list(out, signals.iter().map(signal_text), style);
}

fn write_remains(out: &mut String, closing: &Closing, style: Style) {
    if closing.remains.is_empty() {
        return;
    }
    out.push_str("\nBesides, on the host:\n");
    write_list(out, closing.remains.iter().map(remaining_text), style);
}

fn write_list(out: &mut String, lines: impl Iterator<Item = String>, style: Style) {
    for line in lines {
        for (nth, part) in text::wrap(&line, style.columns().saturating_sub(4)).iter().enumerate() {
            push(out, &format!("{}{part}", if nth == 0 { "  " } else { "    " }));
        }
    }
}

/// What has to be done before the commands, or what they are for.
fn before_next(closing: &Closing, caller: &Caller) -> String {
    match (closing.verdict, &closing.hint) {
        (Some(Verdict::Stuck), Some(hint)) => {
            format!("{}; then: ", text::clean(&caller.spell(hint)).trim_end_matches('.'))
        }
        (Some(Verdict::Stuck), None) => "put right what is named above, then: ".to_owned(),
        (Some(_), _) => "take it back with: ".to_owned(),
        (None, _) => String::new(),
    }
}

/// `before`, and the commands that lead on: on one line if that fits, else a command a line, for each has to be copied.
pub(crate) fn next_lines(before: &str, commands: &[Next], caller: &Caller, style: Style) -> String {
    let commands: Vec<String> = commands.iter().map(|next| caller.command(next)).collect();
    let line = format!("{before}{}", commands.join("   or   "));
    let room = style.columns().saturating_sub(6);
    let lines = if text::width(&line) <= room {
        vec![("", line)]
    } else {
        let before = text::wrap_around_code(before.trim_end(), room).into_iter().filter(|line| !line.is_empty());
        let before = before.map(|line| ("", line));
        let leads = std::iter::once("").chain(std::iter::repeat("or: "));
        before.chain(leads.zip(commands)).collect()
    };
    let mut out = String::new();
    for (nth, (lead, line)) in lines.into_iter().enumerate() {
        let head = if nth == 0 { style.paint(Tone::Strong, "Next: ") } else { format!("{lead:>6}") };
        push(&mut out, &format!("{head}{line}"));
    }
    out
}

pub(crate) fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

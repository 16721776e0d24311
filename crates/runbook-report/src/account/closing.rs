//! The last paragraph of a run: what a tired person has to know. What it says is [`Closing`]; here is how it looks.

use crate::style::{Glyph, Style, Tone};
use crate::text;
use crate::time;
use runbook_model::{Caller, Closing, Next, Remaining, RunState, ServiceDown, SignalGone, Verdict};

/// Verdict, time that services were down, what is left, and where the evidence is.
pub(crate) fn closing(state: &RunState, caller: &Caller, style: Style) -> String {
    let Some(header) = &state.header else { return String::new() };
    let closing = Closing::of(state);
    let mut out = claim(&closing, style);
    let note = text::clean(&closing.note);
    out.push_str(&text::hang("", 0, text::wrap(&note, style.columns()).iter().filter(|line| !line.is_empty())));
    write_left(&mut out, &closing, style);
    write_list(&mut out, "Green before the change", closing.signals.iter().map(signal_text), style);
    write_list(&mut out, "Besides, on the host", closing.remains.iter().map(remaining_text), style);
    if !closing.next.is_empty() {
        out.push('\n');
        out.push_str(&commands(List::Ways, &before_next(&closing, caller), &closing.next, caller, style));
    }
    let run = Some(header.run.clone());
    out + &commands(List::Places, "Evidence: ", &[Next::Show(run.clone()), Next::Report(run)], caller, style)
}

/// What a list of commands is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// They lead on, and one of them is taken.
    Ways,
    /// They tell more.
    Places,
}

/// `before`, and the commands: on one line if that fits, else a command a line, for each has to be copied.
pub(crate) fn commands(list: List, before: &str, commands: &[Next], caller: &Caller, style: Style) -> String {
    let (head, between, lead, indent) = match list {
        List::Ways => ("Next: ", "or", "or: ", 6),
        List::Places => ("", style.glyph(Glyph::Dot), "", 2),
    };
    let commands: Vec<String> = commands.iter().map(|next| caller.command(next)).collect();
    let line = format!("{before}{}", commands.join(&format!("   {between}   ")));
    let room = style.columns().saturating_sub(head.len());
    let lines: Vec<(&str, String)> = if text::width(&line) <= room {
        vec![("", line)]
    } else {
        let before = text::wrap_around_code(before.trim_end(), room).into_iter().filter(|line| !line.is_empty());
        let leads = std::iter::once("").chain(std::iter::repeat(lead));
        before.map(|line| ("", line)).chain(leads.zip(commands)).collect()
    };
    let lead = |nth: usize, lead: &str| if nth == 0 { String::new() } else { format!("{lead:>indent$}") };
    let lines = lines.iter().enumerate().map(|(nth, (word, line))| lead(nth, word) + line);
    text::hang(&style.paint(Tone::Strong, head), 0, lines)
}

/// Head, claim and services as one paragraph.
fn claim(closing: &Closing, style: Style) -> String {
    let tone = tone(closing.verdict);
    let mut text = text::clean(&closing.text) + &until(closing);
    for clause in service_clauses(&closing.services) {
        // One short sentence where all is well again; its own sentence where it is one of several bad news.
        text = match (text.strip_suffix('.'), tone) {
            (Some(open), Tone::Good | Tone::Warn) => format!("{open}; {clause}."),
            _ => format!("{text} {}.", capitalised(&clause)),
        };
    }
    text::hang("", 0, style.headed(tone, &closing.head, &text, style.columns()))
}

/// Until when a run holds, as a sentence of its own.
fn until(closing: &Closing) -> String {
    closing.holds_until.map(|at| format!(" It holds until {}.", time::stamp(at))).unwrap_or_default()
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

/// Head and claim of the closing statement; `holder` is at work on the run if it is open.
pub(crate) fn sentence(state: &RunState, holder: Option<&str>) -> (String, String) {
    if let (None, Some(holder)) = (state.verdict(), holder) {
        return (
            "Running.".to_owned(),
            format!("At work on it: {}.{}", text::clean(holder), until(&Closing::of(state))),
        );
    }
    let closing = Closing::of(state);
    let text = until(&closing);
    (closing.head, closing.text + &text)
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
        let name = style.paint(Tone::Strong, &text::pad(left.step.as_str(), width));
        let why = text::wrap(&text::clean(&left.why), style.columns().saturating_sub(2 + width + 3));
        out.push_str(&text::hang(&format!("  {name}   "), 2 + width + 3, why));
    }
}

fn write_list(out: &mut String, title: &str, lines: impl Iterator<Item = String>, style: Style) {
    let lines: String =
        lines.map(|line| text::hang("  ", 4, text::wrap(&line, style.columns().saturating_sub(4)))).collect();
    if !lines.is_empty() {
        out.push_str(&format!("\n{title}:\n{lines}"));
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

//! The matrix of a verification: what was read, what was wanted, and what that means.

use crate::style::{Glyph, Style, Tone};
use crate::table::{Cell, Table};
use crate::text;
use runbook_model::{Caller, Next, Reading, RunState, SignalRole, SignalVerdict};

/// Columns under which a table would break its words.
const NARROW: usize = 66;
/// How much of what was read is shown below the table.
const WHOLE_LINES: usize = 6;

/// One row a signal, in the order of the plan. A signal that is red now and was red in `baseline` is marked as an old
/// fault, so that it is not blamed on the change. `more` is the command that tells all of what was read.
pub(crate) fn matrix(
    readings: &[Reading],
    baseline: Option<&[Reading]>,
    indent: usize,
    more: &str,
    style: Style,
) -> String {
    let rows = readings.iter().map(|reading| (reading, verdict_against(reading, baseline)));
    if style.columns() < NARROW {
        let stacks: String = rows.map(|(reading, verdict)| stacked(reading, verdict, indent, style)).collect();
        return stacks + &whole_lines(readings, indent, more, style);
    }
    let mut table = Table::new(&["signal", "read", "wanted", "role", "verdict", ""]);
    for (reading, verdict) in rows {
        table.push(vec![
            Cell::toned(Tone::Strong, &reading.signal),
            Cell::new(&reading.read),
            Cell::new(&reading.wanted),
            Cell::toned(Tone::Dim, role_word(reading.role)),
            Cell::toned(tone(reading.verdict, reading.role), verdict),
            Cell::toned(Tone::Dim, place_word(reading)),
        ]);
    }
    table.render(indent, style) + &whole_lines(readings, indent, more, style)
}

/// The command that prints the report of the run.
pub(crate) fn report_of(state: &RunState, caller: &Caller) -> String {
    caller.command(&Next::Report(state.header.as_ref().map(|header| header.run.clone())))
}

/// All of what was read of a signal that is not green, where the table shows a part.
fn whole_lines(readings: &[Reading], indent: usize, more: &str, style: Style) -> String {
    let mut out = String::new();
    for reading in readings.iter().filter(|reading| reading.verdict != SignalVerdict::Green) {
        let lines = text::clean_lines(reading.whole.as_deref().unwrap_or_default());
        let room = style.columns().saturating_sub(indent + 2).max(16);
        let shown: Vec<String> = lines.iter().flat_map(|line| text::wrap(line, room)).collect();
        if shown.is_empty() {
            continue;
        }
        let name = style.paint(Tone::Strong, &text::clean(&reading.signal));
        out.push_str(&format!("\n{:indent$}{name}, all of it:\n", ""));
        let bar = style.paint(Tone::Frame, style.glyph(Glyph::Bar));
        let lead = format!("{:indent$}{bar} ", "");
        out.extend(shown.iter().take(WHOLE_LINES).map(|line| text::hang(&lead, 0, [line])));
        if shown.len() > WHOLE_LINES {
            let more = format!("({} more lines: {more})", shown.len() - WHOLE_LINES);
            out.push_str(&format!("{:indent$}{}\n", "", style.paint(Tone::Dim, &more)));
        }
    }
    out
}

/// A row of the matrix as a few lines, for narrow windows.
fn stacked(reading: &Reading, verdict: &str, indent: usize, style: Style) -> String {
    let signal = style.paint(Tone::Strong, &text::cut(&text::clean(&reading.signal), style.columns() / 2));
    let verdict = style.paint(tone(reading.verdict, reading.role), verdict);
    let mut out = format!("{:indent$}{signal}  {verdict}, {}\n", "", role_word(reading.role));
    let facts = [("read", reading.read.as_str()), ("wanted", &reading.wanted), ("at", place_word(reading))];
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_empty()) {
        let room = style.columns().saturating_sub(indent + 10);
        let name = style.paint(Tone::Dim, &text::pad(name, 6));
        let lead = format!("{:indent$}  {name}  ", "");
        out.push_str(&text::hang(&lead, indent + 10, text::wrap(&text::clean(value), room)));
    }
    out
}

fn verdict_against(reading: &Reading, baseline: Option<&[Reading]>) -> &'static str {
    match reading.verdict {
        SignalVerdict::Red if was_red(baseline, &reading.signal) => "red, as before",
        verdict => verdict_word(verdict),
    }
}

fn was_red(baseline: Option<&[Reading]>, signal: &str) -> bool {
    let before = baseline.unwrap_or_default().iter().find(|reading| reading.signal == signal);
    before.is_some_and(|reading| matches!(reading.verdict, SignalVerdict::Red | SignalVerdict::NotYet))
}

/// Where it was read, without the directories: `demo.log:41`.
pub(crate) fn place_word(reading: &Reading) -> &str {
    let place = reading.place.as_deref().unwrap_or_default();
    place.rsplit_once('/').map_or(place, |(_, name)| name)
}

/// "demo.log is /srv/demo/demo.log", once for each file that the readings name.
pub(crate) fn places<'a>(readings: impl Iterator<Item = &'a Reading>) -> Vec<String> {
    let mut lines = Vec::new();
    for place in readings.filter_map(|reading| reading.place.as_deref()) {
        let path = match place.rsplit_once(':') {
            Some((path, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => path,
            _ => place,
        };
        let line = path.rsplit_once('/').map(|(_, name)| text::clean(&format!("{name} is {path}")));
        lines.extend(line.filter(|line| !lines.contains(line)));
    }
    lines
}

pub(crate) fn verdict_word(verdict: SignalVerdict) -> &'static str {
    match verdict {
        SignalVerdict::Green => "green",
        SignalVerdict::Red => "red",
        SignalVerdict::Unread => "unread",
        SignalVerdict::NotYet => "not yet",
    }
}

pub(crate) fn role_word(role: SignalRole) -> &'static str {
    match role {
        SignalRole::Blocking => "blocking",
        SignalRole::Confirming => "confirming",
        SignalRole::Advisory => "advisory",
    }
}

pub(crate) fn tone(verdict: SignalVerdict, role: SignalRole) -> Tone {
    match (verdict, role) {
        (SignalVerdict::Green, _) => Tone::Good,
        (SignalVerdict::Red, SignalRole::Blocking) => Tone::Bad,
        (SignalVerdict::Red | SignalVerdict::Unread | SignalVerdict::NotYet, _) => Tone::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_model::SignalKind;

    #[test]
    fn a_place_in_the_journal_stays_on_one_line() {
        let reading = Reading {
            signal: "missing".to_owned(),
            role: SignalRole::Blocking,
            kind: SignalKind::Negative,
            read: "1 × \"Error: Cannot find package 'openclaw' imported from /opt/app/dist/plugin.js\"".to_owned(),
            wanted: "0 × \"Cannot find package\"".to_owned(),
            verdict: SignalVerdict::Red,
            place: Some("journal 02:14:07 pid 412".to_owned()),
            whole: None,
        };
        for columns in [100, 120] {
            let text = matrix(std::slice::from_ref(&reading), None, 6, "", Style::plain(columns));
            assert!(text.contains("red      journal 02:14:07 pid 412\n"), "{columns}:\n{text}");
            assert!(text.lines().all(|line| crate::text::width(line) <= columns), "{columns}:\n{text}");
        }
    }
}

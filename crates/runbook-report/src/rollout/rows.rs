//! A row a host; where the window is too small for that, counts a wave and the hosts that somebody should look at.

use super::closing::{closing, counts};
use super::estate::{Doing, Estate};
use super::lines::wave_name;
use super::words::{status_word, verdict_word};
use crate::style::{Style, Tone};
use crate::table::{Cell, Table};
use crate::text;
use crate::time;
use runbook_rollout::{HostStatus, Target, TargetStatus};

/// Lines that stand around the rows.
const AROUND: usize = 4;

/// Where the attempt stands, in at most `rows` lines if that can be; `None` for as many as it takes.
pub fn rollout_rows(estate: &Estate<'_>, rows: Option<usize>, style: &Style) -> String {
    let targets: Vec<(usize, Target)> = estate.waves.targets().collect();
    let fits = rows.is_none_or(|rows| targets.len() + AROUND <= rows);
    let mut out = head(estate, *style);
    if fits {
        out.push_str(&table(estate, targets.iter().map(|(_, target)| target), *style));
    } else {
        out.push_str(&waves(estate, *style));
        let wanted = targets.iter().map(|(_, target)| target).filter(|target| needs_attention(estate, target));
        let room = rows.map_or(usize::MAX, |rows| rows.saturating_sub(AROUND + estate.waves.waves.len()).max(1));
        out.push_str(&table(estate, wanted.take(room), *style));
    }
    out.push_str(&last(estate, *style));
    style.encode(out)
}

fn head(estate: &Estate<'_>, style: Style) -> String {
    let waves = estate.waves;
    let name = text::clean(&format!("{}, attempt {}", waves.rollout, waves.attempt));
    let rest = format!(
        "digest {}  {}",
        text::short(&waves.digest),
        time::elapsed(i64::try_from(estate.elapsed_ms).unwrap_or(i64::MAX))
    );
    format!("{}   {}\n\n", style.paint(Tone::Strong, &name), style.paint(Tone::Dim, &rest))
}

fn table<'t>(estate: &Estate<'_>, targets: impl Iterator<Item = &'t Target>, style: Style) -> String {
    let mut table = Table::new(&["host", "stage", "state", "step", "elapsed", "note"]);
    for target in targets {
        table.push(row(estate, target));
    }
    if table.is_empty() { String::new() } else { table.render(2, style) + "\n" }
}

fn row(estate: &Estate<'_>, target: &Target) -> Vec<Cell> {
    let known = estate.state.target(target);
    let (tone, word) = match estate.state.verdict(target) {
        // What only the host or the stop says of it.
        Some(verdict) if known.status.may_begin() => {
            let (tone, word) = verdict_word(verdict);
            (tone, word.to_owned())
        }
        _ => status_word(known.status),
    };
    let doing = estate.doing.get(&target.host).filter(|_| known.status.in_flight());
    let end = if known.status.in_flight() { estate.elapsed_ms } else { known.since_ms };
    let took = known
        .run
        .as_ref()
        .map(|_| time::elapsed(i64::try_from(end.saturating_sub(known.begun_ms)).unwrap_or(i64::MAX)));
    vec![
        Cell::toned(Tone::Strong, target.host.as_str()),
        Cell::new(target.stage.as_str()),
        Cell::toned(tone, &word),
        Cell::new(doing.map_or("", |doing| doing.step.as_str())),
        Cell::toned(Tone::Dim, &took.unwrap_or_default()),
        Cell::new(&note(estate, target, doing)),
    ]
}

/// What a person would ask next: what it does, or why it is so.
pub(super) fn note(estate: &Estate<'_>, target: &Target, doing: Option<&Doing>) -> String {
    let known = estate.state.target(target);
    let of_host = || match estate.state.hosts.get(&target.host).map(|host| &host.status) {
        Some(HostStatus::Gone(why)) => Some(why.clone()),
        Some(HostStatus::Kept { by, .. }) => Some(format!("kept by {by}")),
        _ => None,
    };
    let of_run = || estate.run(target).map(|run| run.result.1.clone()).filter(|_| !known.status.in_flight());
    doing.map(|doing| doing.note.clone()).or(known.because).or_else(of_run).or_else(of_host).unwrap_or_default()
}

fn needs_attention(estate: &Estate<'_>, target: &Target) -> bool {
    let status = estate.state.target(target).status;
    let failed = estate.state.verdict(target).is_some_and(|verdict| verdict.is_failure());
    failed
        || status.is_owed()
        || matches!(status, TargetStatus::Cancelling | TargetStatus::GoingBack(_) | TargetStatus::BackStuck)
}

fn waves(estate: &Estate<'_>, style: Style) -> String {
    let mut table = Table::new(&["wave", "hosts", "ended", "at work", "failed"]);
    for (at, wave) in estate.waves.waves.iter().enumerate() {
        let targets: Vec<Target> = wave.targets().collect();
        let count = |wanted: &dyn Fn(&Target) -> bool| targets.iter().filter(|target| wanted(target)).count();
        let verdict = |target: &Target| estate.state.verdict(target);
        let failed = count(&|target| verdict(target).is_some_and(|verdict| verdict.is_failure()));
        table.push(vec![
            Cell::toned(Tone::Strong, &wave_name(estate.waves, at)),
            Cell::new(&targets.len().to_string()),
            Cell::new(&count(&|target| verdict(target).is_some()).to_string()),
            Cell::new(&count(&|target| estate.state.target(target).status.in_flight()).to_string()),
            Cell::toned(if failed > 0 { Tone::Bad } else { Tone::Normal }, &failed.to_string()),
        ]);
    }
    table.render(2, style) + "\n"
}

/// The closing words; while it goes on, the counts alone.
fn last(estate: &Estate<'_>, style: Style) -> String {
    if !estate.state.finished && !estate.state.draining {
        return text::hang("", 0, text::wrap(&format!("{}.", counts(estate)), style.columns()));
    }
    let closing = closing(estate);
    let failed = estate
        .waves
        .targets()
        .any(|(_, target)| estate.state.verdict(&target).is_some_and(|verdict| verdict.is_failure()));
    let is_bad = failed || estate.state.stopped.is_some() || !closing.owed.is_empty();
    let tone = if is_bad { Tone::Bad } else { Tone::Good };
    let mut out = text::hang("", 0, style.headed(tone, closing.head, &text::clean(&closing.text), style.columns()));
    for owed in &closing.owed {
        out.push_str(&text::hang("  ", 2, text::wrap(&text::clean(owed), style.columns().saturating_sub(2))));
    }
    out
}

//! Commands as they are typed, whole and on one line, however long the name of the state directory is.

use crate::life::{self, Life};
use runbook_model::{Caller, Failure, Next, RunId, Standing, Verdict};
use runbook_report::{Look, Ndjson, Plain, Reporter, Style, status};
use std::path::Path;

fn caller() -> Caller {
    Caller::naming(Path::new("/srv/a directory with  a name that is longer than a line of eighty columns/it's"))
}

fn told(mut reporter: impl Reporter, life: &Life) {
    life.records.iter().for_each(|record| reporter.record(record).unwrap());
    reporter.finish().unwrap();
}

fn account(life: &Life) -> String {
    let mut out = Vec::new();
    told(Plain::new(&mut out, caller(), Style::plain(80)), life);
    String::from_utf8(out).unwrap()
}

fn commands() -> [String; 3] {
    let run = RunId::new("7k2m");
    [Next::Rollback(run.clone()), Next::Show(run.clone()), Next::Report(run)].map(|next| caller().command(&next))
}

#[test]
fn a_command_has_a_line_of_its_own_where_two_do_not_fit() {
    let life = life::stuck();
    let [rollback, show_it, report] = commands();
    let text = account(&life);
    assert!(text.contains(&format!("Next: free 2 MB on /opt; then:\n      {rollback}\n")), "{text}");
    assert!(text.contains(&format!("Evidence:\n  {show_it}\n  {report}\n")), "{text}");
    let state = life.state();
    let (standing, runs, caller) = (Standing::of([&state], &[], None), [state.clone()], caller());
    let look = Look { standing: &standing, runs: &runs, holder: None, now_ms: 0, caller: &caller };
    assert!(status(&look, &Style::plain(80)).contains(&format!("      {rollback}\n")));
    assert!(life.report(None, &caller).contains(&format!("Next: `{rollback}`\n")));
    let all = life.shown(None, &caller, &Style::plain(80));
    assert!(all.contains(&format!("  {show_it}\n")), "{all}");
}

#[test]
fn a_hint_that_a_journal_holds_is_typed_as_here() {
    let full = Failure::missing("no space left").hint(format!("`{}` removes old backups", Next::PruneBackups));
    let life = Life::begin().started("install", 1).fails("install", full, vec![]).over(Verdict::Stopped, "");
    let prune = format!("`{}`", caller().command(&Next::PruneBackups));
    let text = account(&life);
    assert!(text.lines().any(|line| line.trim_start().trim_start_matches("next: ") == prune), "{text}");
    let report = life.report(None, &caller());
    assert!(report.contains(&format!("Next: {prune} removes old backups")), "{report}");
    let mut out = Vec::new();
    told(Ndjson::new(&mut out, caller()), &life);
    let lines = String::from_utf8(out).unwrap();
    let mut records = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    assert!(records.any(|record| record["hint"] == format!("{prune} removes old backups")), "{lines}");
}

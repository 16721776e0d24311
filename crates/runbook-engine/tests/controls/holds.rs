//! Runs that hold what they did until somebody commits it.

use crate::stage::{Held, Stage};
use crate::{begins, refusal};
use runbook_engine::{Letter, send};
use runbook_model::*;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const PROVEN: &[(&str, &str, &str)] = &[("a", "test.write", "a.txt"), ("v", "test.proven", "x")];

fn commit(by: &str) -> Letter {
    Letter::Commit { by: by.to_owned() }
}

fn holds(event: &Event) -> bool {
    matches!(event, Event::RunHeld { .. })
}

fn held(stage: &Stage) -> Held {
    let run = stage.begin(None);
    run.until(holds);
    run
}

/// Until when, by each record that says so.
fn deadlines(stage: &Stage) -> Vec<Deadline> {
    let deadline = |record: Record| match record.event {
        Event::RunHeld { deadline } => Some(deadline),
        _ => None,
    };
    stage.records().into_iter().filter_map(deadline).collect()
}

#[test]
fn the_first_commit_ends_the_run_and_is_on_record() {
    let stage = Stage::new(PROVEN).holding(HOUR);
    let run = held(&stage);
    run.tell(commit("ada"));
    run.tell(commit("bob"));
    let ending = run.ends();
    assert_eq!((ending.state.verdict(), ending.state.committed.as_deref()), (Some(Verdict::Succeeded), Some("ada")));
    assert!(stage.has("a.txt"));
    assert_eq!(stage.records().iter().filter(|record| matches!(record.event, Event::RunCommitted { .. })).count(), 1);
}

#[test]
fn silence_takes_it_back_as_a_failure() {
    let stage = Stage::new(PROVEN).holding(Duration::ZERO);
    let ending = stage.begin(None).ends();
    assert_eq!(ending.state.verdict(), Some(Verdict::RolledBack));
    assert_eq!(ending.state.rollback, Some(RollbackCause::NotCommitted));
    assert!(!stage.has("a.txt"));
}

#[test]
fn a_commit_before_there_is_anything_to_hold_commits_nothing() {
    let stage = Stage::new(&[("a", "test.write", "a.txt"), ("w", "test.wait", "go"), ("v", "test.proven", "x")]);
    let stage = stage.holding(Duration::ZERO);
    let run = stage.begin(None);
    run.until(begins("w"));
    run.tell(commit("ada"));
    assert_eq!(refusal(&run), "it does not hold");
    stage.file("go");
    let ending = run.ends();
    assert_eq!((ending.state.verdict(), ending.state.committed), (Some(Verdict::RolledBack), None));
}

#[test]
fn a_cancel_takes_back_what_holds() {
    let stage = Stage::new(PROVEN).holding(HOUR);
    let run = held(&stage);
    run.tell(Letter::Cancel);
    let ending = run.ends();
    assert_eq!(ending.state.verdict(), Some(Verdict::RolledBack));
    assert_eq!(ending.state.rollback, Some(RollbackCause::Cancelled));
    assert!(!stage.has("a.txt"));
}

#[test]
fn who_drains_keeps_it_open_and_who_resumes_holds_it_until_the_same_moment() {
    let stage = Stage::new(PROVEN).holding(HOUR);
    let run = held(&stage);
    run.tell(Letter::Drain);
    assert_eq!(run.ends().state.verdict(), None);
    assert!(stage.has("a.txt"));
    // What was meant for the process before is not for the next one.
    assert!(send(&stage.state, &stage.run, &commit("eve")).unwrap());
    let run = stage.resume(None);
    assert!(send(&stage.state, &stage.run, &commit("ada")).unwrap());
    let ending = run.ends();
    assert_eq!((ending.state.verdict(), ending.state.committed.as_deref()), (Some(Verdict::Succeeded), Some("ada")));
    assert_eq!(deadlines(&stage).len(), 1);
}

#[test]
fn who_leaves_keeps_it_open() {
    let stage = Stage::new(PROVEN).holding(HOUR);
    let run = held(&stage);
    run.tell(Letter::Leave);
    let ending = run.ends();
    assert_eq!((ending.state.verdict(), ending.left, stage.has("a.txt")), (None, true, true));
}

#[test]
fn the_time_of_another_boot_is_over() {
    let stage = Stage::new(PROVEN).holding(HOUR);
    let run = held(&stage);
    run.tell(Letter::Drain);
    let open = run.ends().state;
    let mut journal = runbook_journal::Journal::open(&stage.state).unwrap();
    let deadline = Deadline { boot: "another".to_owned(), ..open.held.unwrap() };
    let later = Record { seq: open.seq + 1, at: open.last_at, event: Event::RunHeld { deadline } };
    journal.append(&stage.run, &[later]).unwrap();
    drop(journal);
    let ending = stage.resume(None).ends();
    assert_eq!(ending.state.rollback, Some(RollbackCause::NotCommitted));
    assert!(!stage.has("a.txt"));
}

#[test]
fn a_run_that_changed_nothing_does_not_hold() {
    let stage = Stage::new(&[("v", "test.proven", "x")]).holding(Duration::ZERO);
    assert_eq!(stage.begin(None).ends().state.verdict(), Some(Verdict::Succeeded));
    assert!(deadlines(&stage).is_empty());
}

//! Journals of rollouts: one holder, nothing lost, and nothing but whole lines.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use runbook_journal::{Attempt, Error, Holder, RolloutJournal, StateDir};
use std::fs;
use std::io::Write;

fn holder() -> Holder {
    Holder { pid: std::process::id(), user: "ops".to_owned(), doing: "apply rollout demo".to_owned(), since: 1 }
}

fn bodies(dir: &StateDir, attempt: &Attempt, after: u64) -> Vec<(u64, String)> {
    dir.records_of_attempt(attempt, after).unwrap().into_iter().map(|one| (one.seq, one.body)).collect()
}

#[test]
fn an_attempt_is_read_as_it_was_written_and_has_one_holder() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::at(root.path().join("state"));
    assert_eq!(dir.attempts().unwrap(), []);
    let mut journal = RolloutJournal::begin(&dir, "demo", &holder(), |number| format!("saved {number}")).unwrap();
    let attempt = journal.attempt().clone();
    journal.append(&["one".to_owned(), "two".to_owned()]).unwrap();
    assert!(matches!(RolloutJournal::open(&dir, &attempt, &holder()), Err(Error::Held(by)) if by == holder()));
    assert!(matches!(RolloutJournal::begin(&dir, "demo", &holder(), |_| String::new()), Err(Error::Held(_))));
    assert_eq!(dir.controller_of("demo").unwrap(), Some(holder()));
    // Others read meanwhile, and another rollout goes on beside.
    assert_eq!(bodies(&dir, &attempt, 1), [(2, "two".to_owned())]);
    let other = RolloutJournal::begin(&dir, "other", &holder(), |_| String::new()).unwrap();
    drop((journal, other));
    assert_eq!(dir.controller_of("demo").unwrap(), None);
    let mut journal = RolloutJournal::open(&dir, &attempt, &holder()).unwrap();
    assert_eq!(journal.last(), 2);
    journal.append(&["three".to_owned()]).unwrap();
    assert_eq!(bodies(&dir, &attempt, 0).len(), 3);
    assert_eq!(dir.saved_of_attempt(&attempt).unwrap(), "saved 1");
    drop(journal);
    let second = RolloutJournal::begin(&dir, "demo", &holder(), |number| format!("saved {number}")).unwrap();
    assert_eq!(second.attempt().number, 2);
    assert!(matches!(dir.forget_attempt(&attempt, &holder()), Err(Error::Held(_))));
    drop(second);
    dir.forget_attempt(&attempt, &holder()).unwrap();
    let left: Vec<String> = dir.attempts().unwrap().iter().map(Attempt::to_string).collect();
    assert_eq!(left, ["demo, attempt 2", "other, attempt 1"]);
    assert!(matches!(dir.saved_of_attempt(&attempt), Err(Error::NoSuchAttempt(_))));
}

#[test]
fn half_a_line_was_never_acted_on() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::at(root.path().join("state"));
    let mut journal = RolloutJournal::begin(&dir, "demo", &holder(), |_| String::new()).unwrap();
    let attempt = journal.attempt().clone();
    journal.append(&["one".to_owned()]).unwrap();
    drop(journal);
    let records = dir.path().join("rollouts/demo/1/records");
    fs::OpenOptions::new().append(true).open(records).unwrap().write_all(b"tw").unwrap();
    assert_eq!(bodies(&dir, &attempt, 0), [(1, "one".to_owned())]);
    let mut journal = RolloutJournal::open(&dir, &attempt, &holder()).unwrap();
    journal.append(&["two".to_owned()]).unwrap();
    assert_eq!(bodies(&dir, &attempt, 0), [(1, "one".to_owned()), (2, "two".to_owned())]);
}

#[test]
fn what_is_told_is_taken_once() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::at(root.path().join("state"));
    let mut journal = RolloutJournal::begin(&dir, "demo", &holder(), |_| String::new()).unwrap();
    let attempt = journal.attempt().clone();
    assert_eq!(journal.told().unwrap(), []);
    dir.tell_attempt(&attempt, "cancel", "by ops").unwrap();
    assert_eq!(journal.told().unwrap(), [("cancel".to_owned(), "by ops".to_owned())]);
    assert_eq!(journal.told().unwrap(), []);
    for name in ["../demo", ".demo", "", "a b"] {
        assert!(RolloutJournal::begin(&dir, name, &holder(), |_| String::new()).is_err(), "{name}");
    }
}

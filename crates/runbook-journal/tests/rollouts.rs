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

fn empty(_: u32, _: Option<&Attempt>) -> Result<String, Error> {
    Ok(String::new())
}

#[test]
fn an_attempt_is_read_as_it_was_written_and_has_one_holder() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::at(root.path().join("state"));
    assert_eq!(dir.attempts().unwrap(), []);
    let mut journal =
        RolloutJournal::begin(&dir, "demo", &holder(), |number, _| Ok::<_, Error>(format!("saved {number}"))).unwrap();
    let attempt = journal.attempt().clone();
    journal.append(&["one".to_owned(), "two".to_owned()]).unwrap();
    assert!(matches!(RolloutJournal::open(&dir, &attempt, &holder()), Err(Error::Held(by)) if by == holder()));
    assert!(matches!(RolloutJournal::begin(&dir, "demo", &holder(), empty), Err(Error::Held(_))));
    assert_eq!(dir.controller_of("demo").unwrap(), Some(holder()));
    // Others read meanwhile, and another rollout goes on beside.
    assert_eq!(bodies(&dir, &attempt, 1), [(2, "two".to_owned())]);
    let other = RolloutJournal::begin(&dir, "other", &holder(), empty).unwrap();
    drop((journal, other));
    assert_eq!(dir.controller_of("demo").unwrap(), None);
    let mut journal = RolloutJournal::open(&dir, &attempt, &holder()).unwrap();
    assert_eq!(journal.last(), 2);
    journal.append(&["three".to_owned()]).unwrap();
    assert_eq!(bodies(&dir, &attempt, 0).len(), 3);
    assert_eq!(dir.saved_of_attempt(&attempt).unwrap(), "saved 1");
    drop(journal);
    let second =
        RolloutJournal::begin(&dir, "demo", &holder(), |number, _| Ok::<_, Error>(format!("saved {number}"))).unwrap();
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
    let mut journal = RolloutJournal::begin(&dir, "demo", &holder(), empty).unwrap();
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

/// Half an attempt is none.
#[test]
fn an_attempt_that_nothing_is_saved_of_does_not_begin() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::at(root.path().join("state"));
    let refused = |_, _: Option<&Attempt>| Err(Error::NoSuchAttempt("nothing to save".to_owned()));
    assert!(matches!(RolloutJournal::begin(&dir, "demo", &holder(), refused), Err(Error::NoSuchAttempt(_))));
    assert_eq!(dir.attempts().unwrap(), []);
    let first = RolloutJournal::begin(&dir, "demo", &holder(), empty).unwrap().attempt().clone();
    let before = |number, before: Option<&Attempt>| Ok::<_, Error>(format!("{number} after {}", before.unwrap()));
    let second = RolloutJournal::begin(&dir, "demo", &holder(), before).unwrap().attempt().clone();
    assert_eq!((first.number, second.number), (1, 2));
    assert_eq!(dir.saved_of_attempt(&second).unwrap(), "2 after demo, attempt 1");
}

#[test]
fn a_letter_stays_until_it_is_heard() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::at(root.path().join("state"));
    let mut journal = RolloutJournal::begin(&dir, "demo", &holder(), empty).unwrap();
    let attempt = journal.attempt().clone();
    let bodies = |journal: &mut RolloutJournal| -> Vec<String> {
        journal.letters().unwrap().into_iter().map(|letter| letter.unwrap().body).collect()
    };
    assert!(bodies(&mut journal).is_empty());
    dir.tell_attempt(&attempt, "cancel", "by ops").unwrap();
    let letter = journal.letters().unwrap().remove(0).unwrap();
    drop(journal);
    let mut journal = RolloutJournal::open(&dir, &attempt, &holder()).unwrap();
    assert_eq!(bodies(&mut journal), ["by ops"], "whoever goes on hears it");
    dir.tell_attempt(&attempt, "cancel", "by another one").unwrap();
    journal.heard(&letter).unwrap();
    assert_eq!(bodies(&mut journal), ["by another one"]);
    let letter = journal.letters().unwrap().remove(0).unwrap();
    journal.heard(&letter).unwrap();
    journal.heard(&letter).unwrap();
    assert!(bodies(&mut journal).is_empty());
}

#[test]
fn what_cannot_be_read_holds_up_no_other_letter() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::at(root.path().join("state"));
    let mut journal = RolloutJournal::begin(&dir, "demo", &holder(), empty).unwrap();
    let attempt = journal.attempt().clone();
    dir.tell_attempt(&attempt, "cancel", "by ops").unwrap();
    fs::create_dir(dir.path().join("rollouts/demo/1/told/a")).unwrap();
    let letters = journal.letters().unwrap();
    assert!(matches!(letters.as_slice(), [Err(Error::Unreadable { .. }), Ok(letter)] if letter.body == "by ops"));
    assert_eq!(journal.letters().unwrap().len(), 1, "it is told once");
}

#[test]
fn a_name_is_a_plain_word() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::at(root.path().join("state"));
    for name in ["../demo", ".demo", "", "a b"] {
        assert!(RolloutJournal::begin(&dir, name, &holder(), empty).is_err(), "{name}");
    }
}

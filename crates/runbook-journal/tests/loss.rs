//! A journal that lost something is never taken for one that has nothing: every damage against the law of `gap.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use runbook_journal::{Journal, Look, Loss, StateDir};
use runbook_model::{Event, Record, RunHeader, RunId, StepId, Verdict};
use std::fs;
use std::path::PathBuf;

/// A state directory as a killed process leaves it: one run that is over, and one that is open, both with a witness.
struct Crashed {
    temp: tempfile::TempDir,
    dir: StateDir,
}

const RECORDS: u64 = 12;

fn run(name: &str) -> RunId {
    RunId::new(name).unwrap()
}

fn record(seq: u64, event: Event) -> Record {
    Record { seq, at: 1000 + seq.cast_signed(), event }
}

fn intended() -> Event {
    Event::StepIntended {
        step: StepId::new("s").unwrap(),
        undo: runbook_model::UndoRecord::of(serde_json::json!({ "file": "/etc/app.conf" })),
    }
}

fn begin(journal: &mut Journal, name: &str) {
    let header = RunHeader {
        run: run(name),
        plan: "plan".into(),
        summary: String::new(),
        digest: String::new(),
        environment: None,
        steps: vec![StepId::new("s").unwrap()],
        host: String::new(),
        user: String::new(),
        version: String::new(),
        format: RunHeader::FORMAT,
        hold_ms: None,
    };
    journal.begin(&header, "the plan", &[record(1, Event::RunStarted(Box::new(header.clone())))]).unwrap();
}

impl Crashed {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let live = StateDir::at(temp.path().join("live"));
        let mut journal = Journal::open(&live).unwrap();
        begin(&mut journal, "over");
        let end = Event::RunFinished { verdict: Verdict::Succeeded, note: String::new() };
        journal.append(&run("over"), &[record(2, end)]).unwrap();
        drop(journal);
        let mut journal = Journal::open(&live).unwrap();
        begin(&mut journal, "open");
        (2..=RECORDS).for_each(|seq| journal.append(&run("open"), &[record(seq, intended())]).unwrap());
        // What a process that is killed leaves is what lies there while it lives.
        let crashed = Self { dir: StateDir::at(temp.path().join("crashed")), temp };
        let copied = std::process::Command::new("cp").arg("-a").args([live.path(), crashed.dir.path()]).status();
        assert!(copied.unwrap().success());
        crashed
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn look(&self) -> Look {
        Look::at(&self.dir).unwrap()
    }

    fn losses(&self) -> Vec<(Option<RunId>, Loss)> {
        self.look().gaps.into_iter().map(|gap| (gap.run, gap.loss)).collect()
    }
}

#[test]
fn a_crash_is_no_loss() {
    let crashed = Crashed::new();
    assert!(fs::metadata(crashed.file("journal.db-wal")).unwrap().len() > 0);
    assert_eq!(crashed.losses(), []);
    drop(Journal::open(&crashed.dir).unwrap());
    assert_eq!(crashed.losses(), []);
}

/// The log, cut and flipped at many places: either all records are there, or it is told that some are not.
#[test]
fn a_log_that_is_cut_or_flipped_is_told() {
    let crashed = Crashed::new();
    let log = crashed.file("journal.db-wal");
    let whole = fs::read(&log).unwrap();
    let mut told = 0;
    for at in (0..whole.len()).step_by(whole.len() / 61) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x40;
        for damaged in [&whole[..at], &flipped] {
            fs::write(&log, damaged).unwrap();
            let look = crashed.look();
            let journal = look.journal.as_ref();
            let held =
                journal.and_then(|journal| journal.records(&run("open")).ok()).map_or(0, |records| records.len());
            let lost = held as u64 != RECORDS;
            assert_eq!(!look.gaps.is_empty(), lost, "at {at} of {}: {held} records, {:?}", whole.len(), look.gaps);
            told += u32::from(lost);
        }
    }
    assert!(told > 60, "{told}");
    fs::remove_file(&log).unwrap();
    assert_eq!(crashed.losses(), [(Some(run("open")), Loss::Run)]);
}

/// The database itself, flipped at many places: what is read is what was written, or it is told.
#[test]
fn a_database_that_is_flipped_or_cut_is_told() {
    let crashed = Crashed::new();
    drop(Journal::open(&crashed.dir).unwrap());
    let database = crashed.file("journal.db");
    let whole = fs::read(&database).unwrap();
    let all = |journal: &Journal| {
        let runs = journal.runs().unwrap();
        let records: Vec<_> =
            runs.iter().map(|row| (journal.saved(&row.run).unwrap(), journal.records(&row.run).unwrap())).collect();
        format!("{runs:?} {records:?}")
    };
    let sound = all(crashed.look().journal.as_ref().unwrap());
    for at in (0..whole.len()).step_by(97) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x01;
        fs::write(&database, &flipped).unwrap();
        let Ok(look) = Look::at(&crashed.dir) else { continue };
        if look.gaps.is_empty() {
            assert_eq!(all(look.journal.as_ref().unwrap()), sound, "at {at}");
        }
    }
    for damaged in [&whole[..whole.len() / 2], &whole[..100], b"", b"my diary"] {
        fs::write(&database, damaged).unwrap();
        assert!(!crashed.losses().is_empty(), "{} bytes", damaged.len());
    }
}

#[test]
fn a_journal_that_is_gone_older_or_out_of_reach_is_told() {
    let crashed = Crashed::new();
    drop(Journal::open(&crashed.dir).unwrap());
    let database = crashed.file("journal.db");
    let both = [(Some(run("open")), Loss::Run), (Some(run("over")), Loss::Run)];
    fs::remove_file(&database).unwrap();
    assert_eq!(crashed.losses(), both);
    // Another journal in its place.
    let other = StateDir::at(crashed.temp.path().join("other"));
    begin(&mut Journal::open(&other).unwrap(), "other");
    fs::copy(other.database(), &database).unwrap();
    assert_eq!(crashed.losses(), both);
    fs::remove_file(&database).unwrap();
    fs::create_dir(&database).unwrap();
    assert_eq!(crashed.losses(), [(None, Loss::Journal)]);
}

#[test]
fn a_backup_of_which_the_journal_knows_nothing_is_told() {
    let crashed = Crashed::new();
    fs::create_dir_all(crashed.dir.backups().join("zzz-backup")).unwrap();
    fs::create_dir_all(crashed.dir.backups().join(".removed-yyy-backup")).unwrap();
    assert_eq!(crashed.losses(), [(Some(run("zzz")), Loss::Run)]);
    // A run that was killed before it began has its directory and nothing else.
    fs::create_dir_all(crashed.dir.run(&run("new"))).unwrap();
    fs::write(crashed.dir.running(&run("new")), "").unwrap();
    fs::remove_dir_all(crashed.dir.backups()).unwrap();
    assert_eq!(crashed.losses(), []);
}

#[test]
fn a_loss_stays_until_it_is_accepted_and_the_damaged_journal_is_kept() {
    let crashed = Crashed::new();
    let log = crashed.file("journal.db-wal");
    let whole = fs::read(&log).unwrap();
    fs::write(&log, &whole[..whole.len() - 1]).unwrap();
    let look = crashed.look();
    assert_eq!(crashed.losses(), [(Some(run("open")), Loss::Records)]);
    assert!(look.knows_the_beginning_of(&run("open")) && !look.knows_the_beginning_of(&run("over")));
    look.note(&crashed.dir).unwrap();
    // The run goes on: its witness is one with the journal again, and the loss is still told.
    let mut journal = Journal::open(&crashed.dir).unwrap();
    journal.append(&run("open"), &[record(RECORDS, intended()), record(RECORDS + 1, intended())]).unwrap();
    drop(journal);
    assert_eq!(crashed.losses(), [(Some(run("open")), Loss::Records)]);
    crashed.look().accept(&crashed.dir, "ops", "looked", 7).unwrap();
    assert_eq!(crashed.losses(), []);
    assert_eq!(fs::read(crashed.dir.damaged().join("1/journal.db-wal")).unwrap(), whole[..whole.len() - 1]);
    // What was accepted hides no later loss.
    let sound = fs::read(crashed.dir.database()).unwrap();
    let mut journal = Journal::open(&crashed.dir).unwrap();
    journal.append(&run("open"), &[record(RECORDS + 2, intended())]).unwrap();
    drop(journal);
    fs::write(crashed.dir.database(), sound).unwrap();
    assert_eq!(crashed.losses(), [(Some(run("open")), Loss::Records)]);
}

#[test]
fn a_whole_journal_that_was_lost_is_accepted_once() {
    let crashed = Crashed::new();
    fs::write(crashed.file("journal.db"), "my diary").unwrap();
    assert_eq!(crashed.losses(), [(None, Loss::Journal)]);
    assert!(crashed.look().gaps[0].what.contains("the disk has traces of open, over"));
    crashed.look().accept(&crashed.dir, "ops", "looked", 7).unwrap();
    assert_eq!(crashed.losses(), []);
    begin(&mut Journal::open(&crashed.dir).unwrap(), "next");
    assert_eq!(crashed.losses(), []);
    fs::remove_file(crashed.dir.database()).unwrap();
    assert_eq!(crashed.losses(), [(Some(run("next")), Loss::Run)]);
}

/// A removal of a run that is cut short, at each of its three steps: no loss is told, and what stays is whole.
#[test]
fn a_run_that_is_pruned_is_no_loss() {
    let crashed = Crashed::new();
    let over = run("over");
    let backup = crashed.dir.backups().join("over-backup");
    fs::create_dir_all(&backup).unwrap();
    let condemn = |path: PathBuf| {
        let name = format!(".removed-{}", path.file_name().unwrap().to_str().unwrap());
        fs::rename(&path, path.with_file_name(name)).unwrap();
    };
    condemn(backup);
    assert_eq!(crashed.losses(), []);
    condemn(crashed.dir.run(&over));
    assert_eq!(crashed.losses(), []);
    Journal::open(&crashed.dir).unwrap().prune(std::slice::from_ref(&over)).unwrap();
    assert_eq!(crashed.losses(), []);
    assert_eq!(crashed.look().journal.unwrap().records(&run("open")).unwrap().len() as u64, RECORDS);
    // In another order it would be one.
    fs::create_dir_all(crashed.dir.backups().join("over-backup")).unwrap();
    assert_eq!(crashed.losses(), [(Some(over), Loss::Run)]);
}

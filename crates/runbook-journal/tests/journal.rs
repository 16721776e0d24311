//! The journal and the lock on a real file system. How often a run syncs is counted where runs are: in the binary's tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use runbook_journal::{Error, Holder, Journal, Lock, Look, StateDir};
use runbook_model::{Event, Record, RunHeader, RunId, UndoRecord, Verdict};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn state_dir() -> (tempfile::TempDir, StateDir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = StateDir::at(temp.path().join("deep/state"));
    (temp, dir)
}

fn header(run: &str) -> RunHeader {
    RunHeader {
        run: RunId::new(run).unwrap(),
        plan: "plan".into(),
        summary: String::new(),
        digest: String::new(),
        environment: Some("prod".into()),
        steps: vec![],
        host: "here".into(),
        user: "ops".into(),
        version: "0".into(),
        format: RunHeader::FORMAT,
        hold_ms: None,
    }
}

fn begin(journal: &mut Journal, run: &str) -> RunId {
    let header = header(run);
    journal.begin(&header, "the plan", &[record(1, Event::RunStarted(Box::new(header.clone())))]).unwrap();
    header.run
}

fn record(seq: u64, event: Event) -> Record {
    Record { seq, at: 1000 + i64::try_from(seq).unwrap(), event }
}

fn finished(verdict: Verdict) -> Event {
    Event::RunFinished { verdict, note: String::new() }
}

fn names(dir: &StateDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_appended_is_read_back_in_order_and_runs_are_listed_latest_first() {
    let (_temp, dir) = state_dir();
    let mut journal = Journal::open(&dir).unwrap();
    let first = begin(&mut journal, "r1");
    assert_eq!(journal.open_run().unwrap(), Some(first.clone()));
    journal.append(&first, &[record(2, Event::DrainRequested), record(3, finished(Verdict::Succeeded))]).unwrap();
    let second = begin(&mut journal, "r2");
    drop(journal);
    let journal = Journal::open_to_read(&dir).unwrap().unwrap();
    assert_eq!(journal.records(&first).unwrap().iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(journal.saved(&first).unwrap(), "the plan");
    let rows = journal.runs().unwrap();
    assert_eq!(
        rows.iter().map(|row| (&row.run, row.verdict)).collect::<Vec<_>>(),
        [(&second, None), (&first, Some(Verdict::Succeeded))]
    );
    assert_eq!((rows[1].started_at, rows[1].finished_at), (1001, Some(1003)));
    assert_eq!(rows[1].environment.as_deref(), Some("prod"));
    assert!(matches!(journal.records(&RunId::new("r3").unwrap()), Err(Error::NoSuchRun(_))));
}

#[test]
fn a_reader_sees_what_the_writer_beside_it_has_written() {
    let (_temp, dir) = state_dir();
    let mut journal = Journal::open(&dir).unwrap();
    let run = begin(&mut journal, "r1");
    let seen = || Journal::open_to_read(&dir).unwrap().unwrap().runs().unwrap()[0].verdict;
    assert_eq!(seen(), None);
    journal.append(&run, &[record(2, finished(Verdict::Succeeded))]).unwrap();
    assert_eq!(seen(), Some(Verdict::Succeeded));
    assert_eq!(
        names(&dir),
        ["journal.db", "journal.db-wal", "runs"],
        "no index that a full disk could turn into a signal"
    );
    drop(journal);
    assert_eq!((seen(), names(&dir)), (Some(Verdict::Succeeded), vec!["journal.db".to_owned(), "runs".to_owned()]));
}

#[test]
fn a_resumed_run_is_open_again() {
    let (_temp, dir) = state_dir();
    let mut journal = Journal::open(&dir).unwrap();
    let run = begin(&mut journal, "r1");
    journal.append(&run, &[record(2, finished(Verdict::Stuck))]).unwrap();
    assert_eq!(journal.open_run().unwrap(), None);
    journal.append(&run, &[record(3, Event::RunResumed { version: "0".into() })]).unwrap();
    assert_eq!(journal.open_run().unwrap(), Some(run));
}

/// One commit is all or nothing: a number that is taken refuses the records beside it too.
#[test]
fn a_commit_is_whole_or_not_there() {
    let (_temp, dir) = state_dir();
    let mut journal = Journal::open(&dir).unwrap();
    let run = begin(&mut journal, "r1");
    let twice = [record(2, Event::DrainRequested), record(1, Event::CancelRequested)];
    assert!(matches!(journal.append(&run, &twice), Err(Error::Database { action: "written", .. })));
    assert_eq!(journal.records(&run).unwrap().len(), 1);
    assert!(journal.append(&RunId::new("nobody").unwrap(), &[record(1, Event::DrainRequested)]).is_err());
}

#[test]
fn reading_makes_no_file() {
    let (_temp, dir) = state_dir();
    assert!(Journal::open_to_read(&dir).unwrap().is_none());
    assert!(Look::at(&dir).unwrap().gaps.is_empty());
    assert!(Lock::holder(&dir).unwrap().is_none());
    assert!(!dir.path().exists());
    let run = begin(&mut Journal::open(&dir).unwrap(), "r1");
    let there = ["journal.db", "runs"];
    assert_eq!(names(&dir), there);
    let journal = Journal::open_to_read(&dir).unwrap().unwrap();
    assert_eq!(journal.records(&run).unwrap().len(), 1);
    assert_eq!(names(&dir), there);
    drop(journal);
    let before = fs::read(dir.database()).unwrap();
    assert_eq!(Journal::open_to_read(&dir).unwrap().unwrap().runs().unwrap().len(), 1);
    assert_eq!(fs::read(dir.database()).unwrap(), before);
}

#[test]
fn an_empty_file_becomes_a_journal_that_only_its_owner_may_read() {
    let (_temp, dir) = state_dir();
    fs::create_dir_all(dir.path()).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(dir.database(), "").unwrap();
    assert!(Journal::open_to_read(&dir).unwrap().is_none());
    begin(&mut Journal::open(&dir).unwrap(), "r1");
    assert_eq!(Journal::open(&dir).unwrap().runs().unwrap().len(), 1, "opening twice migrates once");
    assert_eq!(mode(&dir.database()), 0o600);
}

#[test]
fn the_lock_has_one_holder_who_is_named_and_takes_it_along() {
    let (_temp, dir) = state_dir();
    let holder = |pid| Holder { pid, user: "ops".into(), doing: format!("apply {pid}"), since: 7 };
    let first = Lock::acquire(&dir, &holder(1)).unwrap();
    for _ in 0..2 {
        match Lock::acquire(&dir, &holder(2)) {
            Err(Error::Held(by)) => assert_eq!(by, holder(1)),
            other => panic!("{other:?}"),
        }
    }
    drop(first);
    assert_eq!(Lock::holder(&dir).unwrap(), None);
    drop(Lock::acquire(&dir, &holder(2)).unwrap());
}

/// A look takes nothing: with many who look all the time, nobody who wants the lock is ever refused. Here they are
/// threads of one process; of looks from others the binary's tests tell.
#[test]
fn looking_keeps_nobody_out() {
    let (_temp, dir) = state_dir();
    let holder = Holder { pid: 1, user: "ops".into(), doing: "apply".into(), since: 7 };
    drop(Lock::acquire(&dir, &holder).unwrap());
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    Lock::holder(&dir).unwrap();
                }
            });
        }
        let refused = (0..200).filter(|_| Lock::acquire(&dir, &holder).is_err()).count();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(refused, 0);
    });
}

/// The kinds of locks that processes have on a file, as the kernel lists them.
fn locks(path: &std::path::Path) -> Vec<String> {
    let ending = format!(":{}", fs::metadata(path).unwrap().ino());
    let all = fs::read_to_string("/proc/locks").unwrap();
    let of_it = all.lines().filter(|line| line.split_whitespace().any(|word| word.ends_with(&ending)));
    let mut kinds: Vec<String> = of_it.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// A thread that looks while another one has the lock and writes: it sees the truth, and takes nothing from the other.
#[cfg(target_os = "linux")]
#[test]
fn a_look_from_inside_the_process_that_acts_lets_nothing_go() {
    let (_temp, dir) = state_dir();
    let holder = Holder { pid: std::process::id(), user: "ops".into(), doing: "apply".into(), since: 7 };
    let lock = Lock::acquire(&dir, &holder).unwrap();
    let mut journal = Journal::open(&dir).unwrap();
    let run = begin(&mut journal, "r1");
    let held = || (locks(&dir.lock_file()), locks(&dir.database()));
    let before = held();
    assert_eq!(before, (vec!["FLOCK".to_owned(), "POSIX".to_owned()], vec!["POSIX".to_owned()]));
    assert_eq!(Lock::at_work(&dir).unwrap(), Some((holder.clone(), None)));
    lock.attend(&run).unwrap();
    assert_eq!(Lock::at_work(&dir).unwrap(), Some((holder.clone(), Some(run.clone()))));
    // By another process: one that closes the file inside this one lets the lock go.
    let read = std::process::Command::new("cat").arg(dir.lock_file()).output().unwrap();
    let note = String::from_utf8(read.stdout).unwrap();
    assert!(
        note.starts_with('{') && note.ends_with('}') && note.contains("\"run\":\"r1\""),
        "for other processes: {note}"
    );
    assert!(matches!(Lock::acquire(&dir, &holder), Err(Error::Held(_))));
    assert_eq!(Look::at(&dir).unwrap().journal.unwrap().records(&run).unwrap().len(), 1);
    assert_eq!(held(), before);
    drop((journal, lock));
    assert_eq!(held(), (vec![], vec![]));
    assert_eq!(Lock::holder(&dir).unwrap(), None);
}

/// What another host is sent is what the witness has a digest of, byte by byte.
#[test]
fn records_after_an_offset_are_the_text_that_was_written() {
    let (_temp, dir) = state_dir();
    let mut journal = Journal::open(&dir).unwrap();
    let run = begin(&mut journal, "r1");
    let records = [record(2, Event::DrainRequested), record(3, finished(Verdict::Succeeded))];
    journal.append(&run, &records).unwrap();
    let after = |seq| journal.records_after(&run, seq).unwrap();
    let told = |seq| after(seq).iter().map(|stored| stored.seq).collect::<Vec<_>>();
    assert_eq!([0, 1, 2, 3, u64::MAX].map(told), [vec![1, 2, 3], vec![2, 3], vec![3], vec![], vec![]]);
    let wanted: Vec<String> = records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    assert_eq!(after(1).into_iter().map(|stored| stored.body).collect::<Vec<_>>(), wanted);
    assert!(matches!(journal.records_after(&RunId::new("r3").unwrap(), 0), Err(Error::NoSuchRun(_))));
}

/// The rest stays, and no reader finds what is gone.
#[test]
fn pruned_runs_go_with_their_records_and_their_room() {
    let (_temp, dir) = state_dir();
    let mut journal = Journal::open(&dir).unwrap();
    let runs: Vec<RunId> = (0..20).map(|nth| begin(&mut journal, &format!("r{nth}"))).collect();
    for run in &runs {
        let text = Event::RunFinished { verdict: Verdict::Succeeded, note: "x".repeat(20_000) };
        journal.append(run, &[record(2, text)]).unwrap();
    }
    drop(journal);
    let size = || fs::metadata(dir.database()).unwrap().len();
    let before = size();
    let (gone, stays) = runs.split_at(19);
    gone.iter().for_each(|run| fs::remove_dir_all(dir.run(run)).unwrap());
    Journal::open(&dir).unwrap().prune(gone).unwrap();
    assert!(size() * 5 < before, "{} of {before}", size());
    let look = Look::at(&dir).unwrap();
    assert_eq!(look.gaps, []);
    let journal = look.journal.unwrap();
    assert_eq!(journal.runs().unwrap().into_iter().map(|row| row.run).collect::<Vec<_>>(), stays);
    assert_eq!(journal.records(&stays[0]).unwrap().len(), 2);
    assert!(matches!(journal.records(&gone[0]), Err(Error::NoSuchRun(_))));
    drop(journal);
    // The next run begins as ever.
    let next = begin(&mut Journal::open(&dir).unwrap(), "next");
    assert_eq!(Look::at(&dir).unwrap().journal.unwrap().runs().unwrap()[0].run, next);
}

/// Every record survives its way through the journal's text.
#[test]
fn records_come_back_as_they_were() {
    let (_temp, dir) = state_dir();
    let mut journal = Journal::open(&dir).unwrap();
    let run = begin(&mut journal, "r1");
    let step = runbook_model::StepId::new("s").unwrap();
    let failure = runbook_model::Failure::failed("no \u{1F980}\n\0").hint("next");
    let events = [
        Event::StepStarted { step: step.clone(), attempt: 3 },
        Event::StepIntended {
            step: step.clone(),
            undo: UndoRecord::of(serde_json::json!({ "n": 1.5, "s": ["x", null] })),
        },
        Event::StepRetrying { step: step.clone(), failure: failure.clone(), pause_ms: u64::MAX },
        Event::StepFinished {
            step,
            outcome: runbook_model::Outcome::Failed(failure),
            results: runbook_model::Results::default(),
            readings: vec![],
        },
        Event::RollbackStarted { cause: runbook_model::RollbackCause::Cancelled },
        finished(Verdict::RolledBack),
    ];
    let records: Vec<Record> = (2..).zip(events).map(|(seq, event)| record(seq, event)).collect();
    journal.append(&run, &records).unwrap();
    assert_eq!(journal.records(&run).unwrap()[1..], records);
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A directory at `name` with these permission bits.
fn made(temp: &tempfile::TempDir, name: &str, bits: u32) -> StateDir {
    let path = temp.path().join(name);
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
    StateDir::at(path)
}

#[test]
fn a_directory_that_is_there_stays_as_it_is() {
    let temp = tempfile::tempdir().unwrap();
    let dir = made(&temp, "given", 0o755);
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    let mut journal = Journal::open(&dir).unwrap();
    begin(&mut journal, "r1");
    assert_eq!(mode(dir.path()), 0o755);
    for file in ["journal.db", "journal.db-wal", "runs/r1/.witness"] {
        assert_eq!(mode(&dir.path().join(file)), 0o600, "{file}");
    }
    drop(journal);
    Journal::open(&dir).unwrap();
}

#[test]
fn a_directory_of_others_is_refused_and_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    for (name, bits) in [("group", 0o770), ("all", 0o777), ("sticky", 0o1777)] {
        let dir = made(&temp, name, bits);
        let error = Journal::open(&dir).unwrap_err();
        assert!(matches!(error, Error::Exposed { .. }) && error.to_string().contains("chmod go-w"), "{error}");
        assert_eq!((mode(dir.path()), names(&dir)), (bits, vec![]));
    }
    let dir = made(&temp, "home", 0o755);
    fs::write(dir.path().join("letter"), "").unwrap();
    fs::write(dir.path().join("lock"), "").unwrap();
    let error = Journal::open(&dir).unwrap_err();
    assert!(matches!(error, Error::Occupied { .. }) && error.to_string().contains("letter"), "{error}");
    assert_eq!((mode(dir.path()), names(&dir)), (0o755, vec!["letter".to_owned(), "lock".to_owned()]));
}

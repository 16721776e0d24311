//! What counts of the recorded lines; that the journal itself is read right is proven on real hosts.

use super::super::journal::tests::{entries, recorded};
use super::*;

const FIRST: &str = "b7bc7e578b6544c8bfad61c7a72a5482";
const SECOND: &str = "b7a9d12e6bf6465d8371e942cd7597b0";

fn tail(unit: &str) -> JournalTail {
    JournalTail::of(Unit::named(unit, false), 0)
}

/// The lines that count, and the tail after them.
fn counted(tail: JournalTail) -> (Vec<JournalLine>, JournalTail) {
    counted_of(tail, recorded())
}

fn counted_of(mut tail: JournalTail, entries: Vec<Entry>) -> (Vec<JournalLine>, JournalTail) {
    let mut lines = Vec::new();
    for entry in entries {
        tail.judge(entry, &mut |line| lines.push(line));
    }
    (lines, tail)
}

fn times(lines: &[JournalLine], text: &str) -> usize {
    lines.iter().filter(|line| line.text == text).count()
}

#[test]
fn every_life_since_the_position_counts_but_the_one_before() {
    let (lines, tail_after) = counted(tail("talk"));
    assert_eq!((times(&lines, "ready"), times(&lines, "one\ntwo"), tail_after.lost()), (3, 0, None));
    assert_eq!(times(&lines, "talk.service: Failed with result 'exit-code'."), 1, "systemd's word counts");
    let (lines, _) = counted(JournalTail { old: BTreeSet::from([FIRST.to_owned()]), ..tail("talk") });
    assert_eq!((times(&lines, "ready"), times(&lines, "talk.service: Failed with result 'exit-code'.")), (2, 0));
    let (lines, _) = counted(JournalTail { awaited: Some(SECOND.to_owned()), ..tail("talk") });
    assert_eq!((times(&lines, "ready"), times(&lines, "talk.service: Failed with result 'exit-code'.")), (2, 0));
    let (lines, _) = counted(JournalTail { awaited: Some(FIRST.to_owned()), ..tail("talk") });
    assert_eq!(times(&lines, "ready"), 3, "what systemd restarts later is awaited as well");
}

#[test]
fn a_place_is_a_time_and_a_process() {
    let (lines, _) = counted(tail("talk"));
    let ready = lines.iter().find(|line| line.text == "ready").unwrap();
    assert_eq!(ready.place(), "journal 12:01:52 pid 3912");
}

#[test]
fn what_was_left_out_is_lost_for_that_unit_alone() {
    let (lines, flood) = counted(tail("flood"));
    assert_eq!(times(&lines, "flood again"), 1);
    assert_eq!(flood.lost(), Some("journald left lines out: Suppressed 125 messages from flood.service"));
    let unreadable = recorded().into_iter().find(|entry| entry.text.is_none()).unwrap();
    let mut tail = tail("talk");
    tail.judge(unreadable, &mut |_| panic!("it is of another process"));
    assert_eq!(tail.lost(), None);
}

#[test]
fn a_unit_that_writes_elsewhere_is_not_silent() {
    let state = |output: &str| {
        let properties = BTreeMap::from([("StandardOutput".to_owned(), output.to_owned())]);
        UnitState { properties, ..UnitState::parse("LoadState=loaded\n") }
    };
    let unit = Unit::named("talk", false);
    for here in ["journal", "inherit", "kmsg+console", ""] {
        assert_eq!(elsewhere(&unit, &state(here)), None, "{here}");
    }
    for away in ["null", "append", "file:/var/log/a.log"] {
        let why = elsewhere(&unit, &state(away));
        assert!(why.as_ref().is_some_and(|why| why.contains(away)), "{away}");
        let (_, silent) = counted(JournalTail { elsewhere: why.clone(), ..tail("other") });
        assert_eq!(silent.lost(), why.as_deref());
        let (_, speaks) = counted(JournalTail { elsewhere: why, ..tail("talk") });
        assert_eq!(speaks.lost(), None, "what it does write to the journal is there");
    }
}

/// Recorded as well: systemd 252 had the new invocation ready when journald got to the last lines of the old process.
#[test]
fn last_words_are_not_those_of_the_next_life() {
    const OLD: &str = "095a812aea2d4fca93ee2b182cf92e78";
    const NEW: &str = "31f1daeb99984c06a2c91626acc87f6a";
    let recorded = || entries(include_str!("recorded/last-words.ndjson"));
    let last = |entry: &Entry| entry.text.as_deref() == Some("Cannot find package while stopping");
    let of = recorded().into_iter().find(last).unwrap();
    let life =
        |entry: &Entry| entry.concerns(&Unit::named("talk", false), 0).and_then(|(_, life)| life.map(str::to_owned));
    assert_eq!((life(&of).as_deref(), of.pid), (Some(NEW), Some(517)), "what journald wrote down is wrong");
    let said = |tail, entries| {
        let (lines, _) = counted_of(tail, entries);
        (times(&lines, "ready"), times(&lines, "Cannot find package while stopping"))
    };
    // The connection began in the old life.
    assert_eq!(said(JournalTail { awaited: Some(NEW.to_owned()), ..tail("talk") }, recorded()), (1, 0));
    assert_eq!(said(JournalTail { old: BTreeSet::from([OLD.to_owned()]), ..tail("talk") }, recorded()), (1, 0));
    // Its earlier lines were before the position, where the process was known.
    let late: Vec<Entry> = recorded().into_iter().skip_while(|entry| !last(entry)).collect();
    let known = || JournalTail { old_pids: BTreeSet::from([517]), ..tail("talk") };
    assert_eq!(said(JournalTail { awaited: Some(NEW.to_owned()), ..known() }, late), (1, 0));
}

#[test]
fn what_was_lost_before_the_start_does_not_matter_once_the_start_is_seen() {
    let awaited = || JournalTail { awaited: Some(SECOND.to_owned()), ..tail("talk") };
    let after_loss = |mut tail: JournalTail, entries| {
        tail.lose_position();
        counted_of(tail, entries).1.lost().map(str::to_owned)
    };
    let vacuumed = Some("the journal was vacuumed since".to_owned());
    assert_eq!(after_loss(awaited(), recorded()), None);
    let headless = recorded().into_iter().filter(|entry| !entry.begins()).collect();
    assert_eq!(after_loss(awaited(), headless), vacuumed);
    assert_eq!(after_loss(tail("talk"), recorded()), vacuumed, "from a position that is gone");
    let (_, begun) = counted(awaited());
    assert_eq!(after_loss(begun, recorded()), vacuumed, "lost in the middle of its life");
}

#[test]
fn a_line_of_no_known_life_counts_once_the_unit_was_started() {
    let line =
        "{\"__CURSOR\":\"c\",\"__REALTIME_TIMESTAMP\":\"7\",\"_SYSTEMD_UNIT\":\"talk.service\",\"MESSAGE\":\"who?\"}";
    let around: Vec<Entry> = entries(line).into_iter().chain(recorded()).chain(entries(line)).collect();
    let awaited = JournalTail { awaited: Some(SECOND.to_owned()), ..tail("talk") };
    assert_eq!(times(&counted_of(awaited, around.clone()).0, "who?"), 1);
    let mut stopped = tail("talk");
    stopped.disown(String::new());
    assert_eq!(times(&counted_of(stopped, around).0, "who?"), 2);
}

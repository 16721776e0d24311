//! An odd environment: no home, no PATH, a directory that is gone, dead streams, no /proc, a clock that jumps.

use crate::bench::{Bench, RUNBOOK, SIMPLE, said};
use runbook_journal::{Journal, StateDir};
use runbook_model::{Event, RunId};
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::process::Stdio;

#[test]
fn an_odd_environment_does_not_matter() {
    let odd: &[(&str, Option<&str>)] = &[
        ("HOME", None),
        ("HOME", Some("")),
        ("HOME", Some("not/absolute")),
        ("PATH", None),
        ("PATH", Some("")),
        ("PATH", Some("/nowhere:relative:")),
        ("TZ", Some("No/Such_Zone")),
        ("TZ", Some(":")),
        ("LC_ALL", Some("xx_XX.KOI8")),
        ("TERM", None),
        ("TERM", Some("")),
        ("COLUMNS", Some("-1")),
        ("TMPDIR", Some("/nowhere")),
        ("USER", Some("\u{1b}[31mroot")),
    ];
    for (name, value) in odd {
        let bench = Bench::new();
        let plan = bench.plan("simple", SIMPLE);
        for args in
            [&["apply", &plan, "--dry-run"][..], &["apply", &plan, "--yes"], &["history"], &["rollback", "--yes"]]
        {
            let mut command = bench.command(args);
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
            println!("{name}={value:?} {args:?}");
            said(command).expect(0).never_says(&["\u{1b}"]);
        }
        assert!(!bench.host("a.txt").exists());
    }
}

#[test]
fn a_current_directory_that_is_gone_is_named_or_does_not_matter() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    let gone = |args: &str| {
        let script = format!("mkdir gone; cd gone; rmdir ../gone; exec {RUNBOOK} {args}");
        said(bench.command_of("sh", &["-c", &script]))
    };
    gone(&format!("apply {plan} --yes")).expect(0);
    gone("check plan.yaml").expect(1).says(&["plan.yaml"]);
    gone("status --state-dir relative").never_says(&["panicked"]);
    gone("rollback --yes").expect(0);
}

/// Every way in which a stream can be dead, for a run that must not notice.
#[test]
fn dead_streams_do_not_end_a_run() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let unread = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(OwnedFd::from(writer))
    };
    let makers: &[(&str, &dyn Fn() -> Stdio)] = &[("full", &full), ("nobody reads", &unread)];
    for (name, make) in makers {
        for format in ["text", "json", "ndjson"] {
            for fails in [false, true] {
                let bench = Bench::new();
                let failing = "  - { id: no, uses: command.run, needs: [copy], with: { run: [\"false\"], undo: { run: [\"true\"] } } }\n";
                let plan = bench.plan("simple", &format!("{SIMPLE}{}", if fails { failing } else { "" }));
                let mut command = bench.command(&["apply", &plan, "--yes", "--format", format]);
                let status = command.stdout(make()).stderr(make()).status().unwrap();
                let wanted = if fails { 3 } else { 0 };
                assert_eq!(status.code(), Some(wanted), "{name} {format}");
                assert_eq!(bench.host("b.txt").exists(), !fails, "{name} {format}");
                let mut command = bench.command(&["check", "none.yaml", "--format", format]);
                assert_eq!(command.stdout(make()).stderr(make()).status().unwrap().code(), Some(1), "{name} {format}");
            }
        }
    }
}

#[test]
fn closed_streams_do_not_end_a_run() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    let script = format!("exec {RUNBOOK} apply {plan} --yes <&- >&- 2>&-");
    said(bench.command_of("sh", &["-c", &script])).expect(0);
    // Nothing that was opened took the place of a closed stream.
    assert_eq!(fs::read_to_string(bench.host("b.txt")).unwrap(), "hello\n");
    bench.expect(0, &["show"]).says(&["Done."]);
}

#[test]
fn without_proc_it_is_said_before_anything_is_done() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("hiding /proc needs root");
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    let script =
        format!("mount -t tmpfs none /proc; {RUNBOOK} apply {plan} --dry-run && exec {RUNBOOK} apply {plan} --yes");
    said(bench.command_of("unshare", &["--mount", "sh", "-euc", &script])).expect(1).says(&["/proc"]);
    assert!(!bench.host("a.txt").exists());
}

/// The clock was a year ahead when the run began, and is right again.
#[test]
fn a_run_can_be_resumed_and_taken_back_before_it_began() {
    for (args, exists) in [(["resume", "--yes"], true), (["rollback", "--yes"], false), (["recover", "--boot"], false)]
    {
        let bench = Bench::new();
        let plan = bench.plan("simple", SIMPLE);
        bench.kill_at(&plan, 8);
        postdate(&StateDir::at(bench.state()));
        bench.expect(6, &["status"]);
        for look in [&["history"][..], &["show"], &["report"], &["backup", "prune"]] {
            bench.expect(0, look);
        }
        bench.expect(0, &args);
        assert_eq!(bench.host("b.txt").exists(), exists);
        for look in [&["status"][..], &["history"], &["show"], &["report"]] {
            bench.expect(0, look);
        }
        let account = bench.expect(0, &["show", "--format", "json"]).json();
        assert!(account["duration_ms"].as_i64().is_none_or(|took| took >= 0), "{account:#}");
    }
}

/// Writes the journal anew with every time a year later.
fn postdate(dir: &StateDir) {
    const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;
    let old = Journal::open(dir).unwrap();
    let run: RunId = old.open_run().unwrap().unwrap();
    let (saved, mut records) = (old.saved(&run).unwrap(), old.records(&run).unwrap());
    drop(old);
    records.iter_mut().for_each(|record| record.at += YEAR_MS);
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(dir.path().join(format!("journal.db{suffix}")));
    }
    let Event::RunStarted(header) = records[0].event.clone() else { panic!("no header") };
    Journal::open(dir).unwrap().begin(&header, &saved, &records).unwrap();
}

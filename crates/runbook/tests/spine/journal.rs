//! The journal and the screen when they fail: full, read-only, foreign, newer, closed.

use crate::bench::{Bench, every_file, file, said, shell};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_journal_that_fails_starts_nothing_more_and_the_run_resumes() {
    let text = "echo $$ > slow; until [ -e go ]; do sleep 0.01; done; echo done > slow.d";
    let slow = shell("slow", text, "").replace("      run:", "      creates: ./slow.d\n      run:");
    let bench = Bench::new(&(slow + &file("later", "slow")));
    let apply = bench.start_silent(&["apply", "plan.yaml", "--yes"], "slow");
    // As on a full disk: no file of this process may grow any more.
    let limit = Command::new("prlimit").args(["--fsize=1:1", "--pid", &apply.id().to_string()]).status().unwrap();
    assert!(limit.success());
    bench.write("go", "");
    assert_eq!(apply.ends(), Some(4));
    assert!(bench.has("slow.d") && !bench.has("later.txt"));
    bench.run(&["status"]).ends(6);
    bench.apply().ends(6);
    bench.run(&["resume", "--yes"]).ends(0);
    assert!(bench.has("later.txt"));
}

#[test]
fn a_closed_screen_does_not_change_the_run() {
    for format in ["text", "ndjson"] {
        let bench = Bench::new(&(file("a", "") + &file("b", "a")));
        let mut apply = bench.command(&["apply", "plan.yaml", "--yes", "--format", format]);
        let mut child = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(0), "{format}");
        assert!(bench.has("a.txt") && bench.has("b.txt"));
    }
}

/// As a terminal after Ctrl-S: whatever is written waits.
#[test]
fn a_screen_that_nobody_reads_does_not_hold_up_the_run() {
    let bench = Bench::new(&(file("a", "") + &file("b", "a")));
    let (screen, full) = std::io::pipe().unwrap();
    let stdout = full.try_clone().unwrap();
    let filling = std::thread::spawn(move || {
        let mut full = full;
        while full.write_all(&[b' '; 4096]).is_ok() {}
    });
    std::thread::park_timeout(Duration::from_millis(300));
    let begin = Instant::now();
    let mut apply = bench.command(&["apply", "plan.yaml", "--yes"]);
    let code = apply.stdout(stdout).stderr(Stdio::null()).status().unwrap().code();
    assert_eq!(code, Some(0));
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    assert!(bench.has("a.txt") && bench.has("b.txt"));
    bench.run(&["show"]).ends(0).says("Done.");
    drop((screen, apply));
    filling.join().unwrap();
}

#[test]
fn a_journal_of_a_newer_version_or_of_somebody_else_is_refused_and_left_alone() {
    let bench = Bench::new(&file("a", ""));
    bench.apply().ends(0);
    let path = bench.path("state/journal.db");
    let mut newer = fs::read(&path).unwrap();
    // `PRAGMA user_version` is the number at byte 60 of the file.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    let mut other = newer.clone();
    other[68..72].copy_from_slice(b"else");
    // Where runs left traces, what is no journal is one that was lost.
    let cases = [
        (newer, "newer version", [1; 4]),
        (other, "not a journal", [6, 5, 5, 5]),
        (b"my diary\n".to_vec(), "not a journal", [6, 5, 5, 5]),
    ];
    for (bytes, told, codes) in cases {
        fs::write(&path, &bytes).unwrap();
        let names = || every_file(&bench.path("state")).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
        let before = names();
        bench.plan(&file("b", ""));
        let commands =
            [&["apply", "plan.yaml", "--yes"][..], &["rollback", "--yes"], &["recover", "--boot"], &["history"]];
        for (args, code) in commands.into_iter().zip(codes) {
            bench.run(args).ends(code).says(told);
            assert!(fs::read(&path).unwrap() == bytes && !bench.has("b.txt"), "{args:?}");
        }
        assert_eq!(names(), before);
    }
}

#[test]
fn a_state_directory_that_cannot_be_used_is_named() {
    let bench = Bench::new(&file("a", ""));
    for state in ["/dev/null/state", "/proc/state"] {
        let apply = said(bench.command(&["apply", "plan.yaml", "--yes"]).env("RUNBOOK_STATE_DIR", state));
        apply.ends(1).says(state).says("--state-dir");
    }
    assert!(!bench.has("a.txt"));
}

#[test]
fn a_dry_run_and_reading_leave_no_file() {
    let bench = Bench::new(&file("a", ""));
    for args in [&["apply", "plan.yaml", "--dry-run"][..], &["status"], &["history"], &["recover", "--boot"]] {
        bench.run(args).ends(0);
        assert!(!bench.has("state"), "{args:?}");
    }
}

#[test]
fn a_dry_run_after_a_rollback_has_nothing_to_warn_of() {
    let bench = Bench::new(&file("a", ""));
    for args in [&["apply", "plan.yaml", "--yes"][..], &["rollback", "--yes"], &["recover", "--boot"]] {
        bench.run(args).ends(0);
        let plan = bench.run(&["plan", "plan.yaml"]).ends(0);
        assert!(!plan.err.contains("warning"), "after {args:?}: {}", plan.err);
    }
    assert_eq!(bench.apply_with("kill-after=4").code, None);
    bench.run(&["recover", "--boot"]).ends(0);
    let plan = bench.run(&["plan", "plan.yaml"]).ends(0);
    assert!(!plan.err.contains("warning"), "{}", plan.err);
}

#[test]
fn a_state_directory_without_runs_is_named() {
    let bench = Bench::new(&file("a", ""));
    let state = bench.path("state");
    for command in ["status", "history"] {
        bench.run(&[command]).ends(0).says("No runs on this host yet").says(state.to_str().unwrap());
    }
}

/// One durable write for each step that changes, none for one that reads.
#[test]
fn syncs_of_the_journal_are_counted() {
    let reads = |id: &str| format!("  - id: {id}\n    uses: command.capture\n    with: {{ run: [\"true\"] }}\n");
    let one = syncs(&file("a", ""));
    assert_eq!(syncs(&(file("a", "") + &reads("r") + &reads("s"))), one);
    assert_eq!(syncs(&(file("a", "") + &file("b", "a") + &file("c", "b"))), one + 2);
}

fn syncs(steps: &str) -> usize {
    let bench = Bench::new(steps);
    // The first run makes the database.
    bench.apply().ends(0);
    bench.run(&["rollback", "--yes"]).ends(0);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-e", "trace=fsync,fdatasync", "-o", "syncs"]).arg(env!("CARGO_BIN_EXE_runbook"));
    bench.settle(strace.args(["apply", "plan.yaml", "--yes"]));
    said(&mut strace).ends(0);
    bench.read("syncs").unwrap().lines().filter(|line| line.contains("journal.db-wal")).count()
}

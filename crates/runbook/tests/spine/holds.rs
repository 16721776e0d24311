//! `apply --commit-within` and `commit`.

use crate::bench::{Bench, Working, file, shell, until};
use std::process::Command;
use std::time::{Duration, Instant};

const VERIFY: &str = "  - id: verify\n    uses: verify.signals\n    needs: [a]\n    with:\n      within: 5s\n      signals:\n        \
                      there: { command: [test, -e, a.txt], kind: functional }\n";

fn bench() -> Bench {
    Bench::new(&format!("{}{VERIFY}", file("a", "")))
}

/// Applies, and returns once the run holds.
fn held<'a>(bench: &'a Bench, within: &str) -> Working<'a> {
    let apply = bench.start(&["apply", "plan.yaml", "--yes", "--commit-within", within], "a.txt");
    until("the hold", || bench.run(&["show", "--format", "ndjson"]).out.contains("\"run-held\""));
    apply
}

#[test]
fn a_run_says_until_when_it_holds_and_what_it_names_commits_it() {
    let bench = bench();
    let apply = held(&bench, "1h");
    let next = format!("Next: runbook commit {}\n", bench.shown());
    bench.run(&["status"]).ends(6).says("All is done. It holds until").says(&next);
    bench.run(&["show"]).ends(0).says("It holds until").says(&next);
    bench.run(&["report"]).ends(0).says("**Running.**").says("It holds until");
    bench.run(&["show", "--format", "json"]).ends(0).says("\"holds_until\":");
    bench.run(&["status", "--format", "json"]).ends(6).says(&format!("\"runbook commit {}\"", bench.shown()));
    bench.run(&["commit", &bench.shown()]).ends(0).says("is committed by");
    assert_eq!(apply.ends(), Some(0));
    assert!(bench.has("a.txt"));
    bench.run(&["commit"]).ends(1).says("committed it already");
    bench.run(&["status"]).ends(0).says("Nothing blocks this host");
    bench.run(&["report"]).ends(0).says("committed by");
}

/// What was changed is taken back at once, so that the run is not being cancelled any more when anybody looks.
#[test]
fn a_run_that_holds_is_cancelled_from_any_terminal() {
    let bench = bench();
    let apply = held(&bench, "1h");
    bench.run(&["cancel"]).ends(0).says("stops what runs");
    assert_eq!(apply.ends(), Some(130));
    assert!(!bench.has("a.txt"));
}

#[test]
fn a_lost_terminal_and_silence_bring_the_old_host_back() {
    let bench = bench();
    let apply = bench.start(&["apply", "plan.yaml", "--yes", "--commit-within", "1s"], "a.txt");
    apply.signal("-HUP");
    assert_eq!(apply.ends(), Some(3));
    assert!(!bench.has("a.txt"));
    bench.run(&["show"]).ends(0).says("Nobody committed it").says("commit with: runbook commit");
    bench.run(&["report"]).ends(0).says("because nobody committed it");
    bench.run(&["commit"]).ends(1).says("nobody committed it, and it goes back");
}

#[test]
fn a_run_that_nobody_watches_is_not_committed_and_goes_back_at_boot() {
    for forward in [true, false] {
        let bench = bench();
        let apply = held(&bench, "1h");
        apply.signal("-KILL");
        assert_eq!(apply.ends(), None);
        let run = bench.shown();
        let refused = bench.run(&["commit"]).ends(1).says("nobody is at work on it");
        refused.says(&format!(
            "`runbook resume {run}` holds it on while its time lasts, and then `runbook commit {run}` keeps it"
        ));
        bench.run(&["status"]).ends(6).says("nobody has committed it").says("It holds until");
        let mut args = vec!["recover", "--boot"];
        args.extend(forward.then_some("--forward"));
        bench.run(&args).ends(3);
        assert!(!bench.has("a.txt"));
    }
}

#[test]
fn a_crash_behind_the_record_of_a_commit_takes_nothing_back_and_one_before_it_takes_all_back() {
    let records = {
        let quiet = bench();
        let apply = held(&quiet, "1h");
        quiet.run(&["commit"]).ends(0);
        assert_eq!(apply.ends(), Some(0));
        quiet.run(&["show", "--format", "ndjson"]).out.matches("\"seq\":").count()
    };
    // The last record is the end of the run, and the one before it the commit.
    for (killed_before, code) in [(records, 0), (records - 1, 1)] {
        let bench = bench();
        let mut apply = bench.command(&["apply", "plan.yaml", "--yes", "--commit-within", "1h"]);
        let mut child = apply.env("RUNBOOK_FAULT", format!("kill-before={killed_before}")).spawn().unwrap();
        until("the hold", || bench.run(&["show", "--format", "ndjson"]).out.contains("\"run-held\""));
        bench.run(&["commit"]).ends(code);
        assert_eq!(child.wait().unwrap().code(), None);
        bench.run(&["recover", "--boot"]).ends(if code == 0 { 0 } else { 3 });
        assert_eq!(bench.has("a.txt"), code == 0);
    }
}

#[test]
fn a_commit_that_the_journal_does_not_take_is_none() {
    let bench = bench();
    let apply = bench.start_silent(&["apply", "plan.yaml", "--yes", "--commit-within", "1h"], "a.txt");
    until("the hold", || bench.run(&["show", "--format", "ndjson"]).out.contains("\"run-held\""));
    // As on a full disk: no file of this process may grow any more.
    let limit = Command::new("prlimit").args(["--fsize=1:1", "--pid", &apply.id().to_string()]).status().unwrap();
    assert!(limit.success());
    bench.run(&["commit"]).ends(1).says("nobody is at work on it");
    assert_eq!(apply.ends(), Some(4));
    bench.run(&["recover", "--boot"]).ends(3);
    assert!(!bench.has("a.txt"));
}

#[test]
fn a_commit_that_nobody_took_does_not_count_later() {
    let bench = bench();
    let apply = held(&bench, "1h");
    apply.signal("-STOP");
    bench.run(&["commit"]).ends(1).says("does not answer: the commit was withdrawn");
    apply.signal("-CONT");
    bench.run(&["status"]).ends(6).says("It holds until");
    bench.run(&["commit"]).ends(0);
    assert_eq!(apply.ends(), Some(0));
}

#[test]
fn a_commit_that_is_read_after_the_end_of_the_time_does_not_count() {
    let bench = bench();
    let apply = held(&bench, "3s");
    let over = Instant::now() + Duration::from_millis(3500);
    apply.signal("-STOP");
    // It waits for its answer; what stopped goes on once the time is over.
    let commit = bench.command(&["commit"]).spawn().unwrap();
    until("the end of the time", || Instant::now() > over);
    apply.signal("-CONT");
    assert_eq!(apply.ends(), Some(3));
    assert_eq!(commit.wait_with_output().unwrap().status.code(), Some(1));
    assert!(!bench.has("a.txt"));
}

#[test]
fn a_journal_that_takes_nothing_for_a_moment_at_the_end_of_the_time_is_tried_again() {
    let bench = bench();
    let apply = bench.start_silent(&["apply", "plan.yaml", "--yes", "--commit-within", "3s"], "a.txt");
    until("the hold", || bench.run(&["show", "--format", "ndjson"]).out.contains("\"run-held\""));
    let over = Instant::now() + Duration::from_millis(4000);
    let limit = |of: &str| {
        let done = Command::new("prlimit").args([&format!("--fsize={of}"), "--pid", &apply.id().to_string()]).status();
        assert!(done.unwrap().success());
    };
    limit("1:unlimited");
    until("the end of the time", || Instant::now() > over);
    limit("unlimited:unlimited");
    assert_eq!(apply.ends(), Some(3));
    assert!(!bench.has("a.txt"));
}

#[test]
fn a_time_that_is_over_is_told_before_anybody_resumes() {
    let bench = bench();
    let apply = held(&bench, "2s");
    let over = Instant::now() + Duration::from_millis(2100);
    apply.signal("-KILL");
    assert_eq!(apply.ends(), None);
    until("the end of the time", || Instant::now() > over);
    let resumed = bench.run(&["resume", "--yes"]).ends(3);
    assert!(!resumed.err.contains("to be committed"), "{}", resumed.err);
    assert!(!bench.has("a.txt"));
}

#[test]
fn times_that_nobody_can_mean_are_refused() {
    let bench = bench();
    for within in ["0s", "31d"] {
        bench.run(&["apply", "plan.yaml", "--yes", "--commit-within", within]).ends(1).says("from 1s to 30d");
    }
    assert!(!bench.has("a.txt"));
}

/// A secret that is four letters of the boot's name, by which the time is measured, is no other boot.
#[test]
fn a_secret_that_stands_in_the_name_of_the_boot_ends_no_hold() {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let vars = "vars:\n  pin: { type: secret, from: { env: PIN } }\nsteps:\n";
    let reads = shell("s", "echo $PIN > s.d", "      env: { PIN: '{{ vars.pin }}' }\n");
    let bench = Bench::new(&format!("{vars}{}{reads}{VERIFY}", file("a", "")));
    let mut apply = bench.command(&["apply", "plan.yaml", "--yes", "--commit-within", "1h"]);
    let mut child = apply.env("PIN", &boot[9..13]).spawn().unwrap();
    until("the hold", || bench.run(&["show", "--format", "ndjson"]).out.contains("\"run-held\""));
    bench.run(&["commit"]).ends(0);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_proves_nothing_is_not_held() {
    let bench = Bench::new(&file("a", ""));
    bench.run(&["apply", "plan.yaml", "--yes", "--commit-within", "1h"]).ends(1).says("there is nothing to hold");
    assert!(!bench.has("a.txt"));
    let bench = self::bench();
    bench.apply().ends(0);
    bench.run(&["commit"]).ends(1).says("it is over");
    bench.run(&["apply", "plan.yaml", "--yes", "--commit-within", "1h"]).ends(0).says("Nothing to do");
}

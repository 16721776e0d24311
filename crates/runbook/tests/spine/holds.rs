//! `apply --commit-within` and `commit`.

use crate::bench::{Bench, Working, file, until};
use std::process::Command;

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
    bench.run(&["status"]).ends(6).says("All is done and proven. It holds until").says(&next);
    bench.run(&["show"]).ends(0).says("It holds until").says(&next);
    bench.run(&["report"]).ends(0).says("**Running.**").says("It holds until");
    bench.run(&["show", "--format", "json"]).ends(0).says("\"holds_until\":");
    bench.run(&["commit", &bench.shown()]).ends(0).says("is committed by");
    assert_eq!(apply.ends(), Some(0));
    assert!(bench.has("a.txt"));
    bench.run(&["commit"]).ends(1).says("committed it already");
    bench.run(&["status"]).ends(0).says("Nothing blocks this host");
    bench.run(&["report"]).ends(0).says("committed by");
}

#[test]
fn a_lost_terminal_and_silence_bring_the_old_host_back() {
    let bench = bench();
    let apply = bench.start(&["apply", "plan.yaml", "--yes", "--commit-within", "1s"], "a.txt");
    apply.signal("-HUP");
    assert_eq!(apply.ends(), Some(3));
    assert!(!bench.has("a.txt"));
    bench.run(&["show"]).ends(0).says("Nobody committed it in time").says("commit with: runbook commit");
    bench.run(&["report"]).ends(0).says("because nobody committed it in time");
    bench.run(&["commit"]).ends(1).says("the time for it is over");
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
        refused.says(&format!("`runbook resume {run}` holds it on, and then `runbook commit {run}` keeps it"));
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
fn what_proves_nothing_is_not_held() {
    let bench = Bench::new(&file("a", ""));
    bench.run(&["apply", "plan.yaml", "--yes", "--commit-within", "1h"]).ends(1).says("there is nothing to hold");
    assert!(!bench.has("a.txt"));
    let bench = self::bench();
    bench.apply().ends(0);
    bench.run(&["commit"]).ends(1).says("it is over");
    bench.run(&["apply", "plan.yaml", "--yes", "--commit-within", "1h"]).ends(0).says("Nothing to do");
}

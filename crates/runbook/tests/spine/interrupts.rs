//! Ctrl-C, TERM and HUP, forward and on the way back; two at once.

use crate::bench::{Bench, file, kill, shell};
use runbook_host::runs;
use std::io::Write;

const APPLY: &[&str] = &["apply", "plan.yaml", "--yes"];
const DRAINS: &str = "nothing more is started";
const PAUSES: &str = "nothing more is taken back";
const CANCELS: &str = "what runs is being stopped";

/// A change, a command that waits for the file `go`, and a change after it.
fn waiting(trap: &str) -> Bench {
    let text = format!("{trap} echo $$ > slow; until [ -e go ]; do sleep 0.01; done; echo done > slow.d");
    let slow =
        shell("slow", &text, "    needs: [first]\n").replace("      run:", "      creates: ./slow.d\n      run:");
    Bench::new(&(file("first", "") + &slow + &file("later", "slow")))
}

#[test]
fn the_first_ctrl_c_finishes_what_runs_and_leaves_a_run_that_resumes() {
    let bench = waiting("");
    let apply = bench.start(APPLY, "slow");
    apply.interrupt(DRAINS);
    bench.write("go", "");
    assert_eq!(apply.ends(), Some(130));
    assert!(bench.has("slow.d") && !bench.has("later.txt"));
    bench.apply().ends(6).says("still open");
    bench.run(&["resume", "--yes"]).ends(0);
    assert!(bench.has("first.txt") && bench.has("later.txt"));
    bench.run(&["resume", "--yes"]).ends(0).says("no run is open");
}

#[test]
fn the_second_ctrl_c_stops_what_runs_and_takes_everything_back() {
    let bench = waiting("trap '' TERM;");
    let apply = bench.start(APPLY, "slow");
    apply.interrupt(DRAINS);
    apply.interrupt(CANCELS);
    assert_eq!(apply.ends(), Some(130));
    assert!(!runs(bench.pid("slow")) && !bench.has("first.txt") && !bench.has("later.txt"));
    assert_eq!(bench.read("undone").unwrap(), "slow\n");
    bench.write("go", "");
    bench.apply().ends(0);
}

#[test]
fn the_third_ctrl_c_leaves_at_once_and_the_run_resumes() {
    let bench = waiting("trap '' TERM;");
    let apply = bench.start(APPLY, "slow");
    apply.interrupt(DRAINS);
    apply.interrupt(CANCELS);
    apply.interrupt("left at once");
    assert_eq!(apply.ends(), Some(130));
    assert!(!runs(bench.pid("slow")) && bench.has("first.txt") && !bench.has("undone"));
    bench.write("go", "");
    bench.run(&["resume", "--yes"]).ends(0);
    assert!(bench.has("slow.d") && bench.has("later.txt"));
}

#[test]
fn a_ctrl_c_ends_a_pause_between_attempts_and_the_next_one_is_made_when_the_run_is_resumed() {
    let bench = Bench::new(&shell("flaky", "echo x >> tries; [ -e go ]", "    retry: { attempts: 2, backoff: 5m }\n"));
    let apply = bench.start(APPLY, "tries");
    // The failure of the first attempt has to be on record.
    crate::bench::until("the pause", || bench.run(&["show", "--format", "ndjson"]).out.contains("step-retrying"));
    apply.interrupt(DRAINS);
    assert_eq!(apply.ends(), Some(130));
    bench.write("go", "");
    bench.run(&["resume", "--yes"]).ends(0);
    assert_eq!(bench.read("tries").unwrap().lines().count(), 2);
}

#[test]
fn a_lost_terminal_is_not_a_cancel() {
    let bench = waiting("");
    let apply = bench.start(APPLY, "slow");
    apply.signal("-HUP");
    apply.signal("-HUP");
    bench.write("go", "");
    assert_eq!(apply.ends(), Some(0));
    assert!(bench.has("later.txt"));
}

#[test]
fn an_undo_is_never_stopped_half_way() {
    let slow_undo = shell("slow", "echo x > slow.d", "    needs: [first]\n")
        .replace("echo slow >> undone", "echo $$ > back; until [ -e go ]; do sleep 0.01; done; echo slow >> undone");
    let bench = Bench::new(&(file("first", "") + &slow_undo + &shell("bad", "exit 1", "    needs: [slow]\n")));
    let apply = bench.start(APPLY, "back");
    apply.interrupt(PAUSES);
    apply.interrupt(PAUSES);
    assert!(runs(bench.pid("back")));
    let notices = bench.read("stderr").unwrap();
    assert!(!notices.contains("cancels what runs"), "nothing cancels an undo: {notices}");
    assert!(notices.contains("Ctrl-C twice more leaves at once"), "{notices}");
    assert!(notices.contains("Ctrl-C again leaves at once"), "{notices}");
    bench.write("go", "");
    assert_eq!(apply.ends(), Some(130));
    assert!(bench.read("undone").unwrap().ends_with("slow\n") && bench.has("first.txt"));
    bench.run(&["resume", "--yes"]).ends(3);
    assert!(!bench.has("first.txt"));
    assert_eq!(bench.read("undone").unwrap().matches("slow").count(), 1, "nothing is taken back twice");
}

#[test]
fn two_at_once_is_one_and_the_other_says_who() {
    let bench = waiting("");
    let apply = bench.start(APPLY, "slow");
    let run = bench.shown();
    for args in [APPLY, &["resume", "--yes"], &["rollback", "--yes"], &["recover", "--boot"]] {
        bench.run(args).ends(6).says("apply spine").says(&format!("pid {}", apply.id()));
    }
    bench.run(&["status"]).ends(6).says(&run);
    bench.run(&["apply", "plan.yaml", "--dry-run"]).ends(0);
    bench.write("go", "");
    assert_eq!(apply.ends(), Some(0));
}

#[test]
fn a_lock_dies_with_its_holder_and_what_it_left_running_is_ended() {
    let bench = waiting("");
    let apply = bench.start(APPLY, "slow");
    let run = bench.latest();
    let left = bench.pid("slow");
    bench.wait_until_noted(left);
    apply.signal("-KILL");
    assert_eq!(apply.ends(), None);
    assert!(runs(left));
    // A note that names the group of somebody else, as after a number was used again.
    let mut innocent = {
        use std::os::unix::process::CommandExt;
        std::process::Command::new("sleep").arg("60").process_group(0).spawn().unwrap()
    };
    let notes = bench.path(&format!("state/runs/{run}/.running"));
    let mut notes = std::fs::OpenOptions::new().append(true).open(notes).unwrap();
    writeln!(notes, "+{} {run}/slow", innocent.id()).unwrap();
    bench.apply().ends(6).says("still open").says("runbook resume");
    bench.write("slow", "");
    let resume = bench.start(&["resume", "--yes"], "slow");
    assert!(!runs(left) && runs(innocent.id()) && bench.pid("slow") != left);
    bench.write("go", "");
    assert_eq!(resume.ends(), Some(0));
    kill(innocent.id(), "-KILL");
    innocent.wait().unwrap();
    assert!(bench.has("later.txt"));
}

/// What Ctrl-C does, from any other terminal.
#[test]
fn another_terminal_drains_and_cancels() {
    let bench = waiting("");
    let apply = bench.start(APPLY, "slow");
    bench.run(&["cancel", "--drain"]).ends(0).says("finishes what runs, starts nothing more, and stays open");
    bench.write("go", "");
    assert_eq!(apply.ends(), Some(130));
    assert!(bench.has("slow.d") && !bench.has("later.txt"));
    bench.run(&["cancel"]).ends(1).says("nobody is at work on it").says("`runbook rollback");
    bench.run(&["resume", "--yes"]).ends(0);
    bench.run(&["cancel"]).ends(1).says("is over");

    let bench = waiting("");
    let apply = bench.start(APPLY, "slow");
    bench.run(&["cancel", &bench.shown()]).ends(0).says("stops what runs");
    assert_eq!(apply.ends(), Some(130));
    assert!(!bench.has("first.txt") && !bench.has("later.txt"));
}

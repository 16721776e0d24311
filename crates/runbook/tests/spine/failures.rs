//! Failures, retries, time limits, conditions and data.

use crate::bench::{Bench, file, shell};
use runbook_host::runs;
use std::time::{Duration, Instant};

#[test]
fn a_step_is_tried_again_until_it_goes_well() {
    let tries = "echo x >> tries; [ $(wc -l < tries) -ge 3 ]";
    let bench = Bench::new(&shell("flaky", tries, "    retry: { attempts: 3, backoff: 10ms }\n"));
    bench.apply().ends(0);
    assert_eq!(bench.read("tries").unwrap().lines().count(), 3);
    let bench = Bench::new(&shell("flaky", tries, "    retry: { attempts: 2, backoff: 10ms }\n"));
    bench.apply().ends(3);
    assert_eq!(bench.read("tries").unwrap().lines().count(), 2);
    assert_eq!(bench.read("undone").unwrap(), "flaky\n");
}

#[test]
fn a_time_limit_ends_the_whole_process_group() {
    let text = "sh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 0.1; done' & wait";
    let bench = Bench::new(&shell("slow", text, "    timeout: 1500ms\n"));
    bench.apply().ends(3).says("took longer than");
    assert!(!runs(bench.pid("child")));
    assert_eq!(bench.read("undone").unwrap(), "slow\n");
}

/// The time limit of a step is for its change: an undo that takes longer is not cut off.
#[test]
fn a_short_time_limit_does_not_cut_the_undo_off() {
    let slow_undo = shell("hasty", "echo x > hasty.d; sleep 9", "    timeout: 100ms\n")
        .replace("echo hasty >> undone", "sleep 0.4; echo hasty >> undone");
    let bench = Bench::new(&slow_undo);
    bench.apply().ends(3);
    assert_eq!(bench.read("undone").unwrap(), "hasty\n");
}

#[test]
fn a_failure_is_rolled_back_by_default() {
    let bench =
        Bench::new(&(file("a", "") + &shell("b", "echo half > b.d; exit 7", "    needs: [a]\n") + &file("c", "b")));
    bench.apply().ends(3).says("exit code 7");
    assert!(!bench.has("a.txt") && !bench.has("b.d") && !bench.has("c.txt"));
    assert_eq!(bench.read("undone").unwrap(), "b\n");
    bench.run(&["rollback", "--yes"]).ends(0).says("nothing to take back");
}

#[test]
fn a_stop_leaves_everything_until_it_is_taken_back_by_hand() {
    let fails = shell("b", "echo half > b.d; exit 7", "    needs: [a]\n    on_failure: stop\n");
    let bench = Bench::new(&(file("a", "") + &fails + &file("c", "b")));
    bench.apply().ends(4);
    assert!(bench.has("a.txt") && bench.has("b.d") && !bench.has("c.txt") && !bench.has("undone"));
    bench.run(&["rollback", "--yes"]).ends(0);
    assert!(!bench.has("a.txt") && !bench.has("b.d"));
}

#[test]
fn a_failure_that_passes_is_undone_and_the_run_goes_on() {
    let fails = shell("b", "echo half > b.d; exit 7", "    on_failure: continue\n");
    let bench = Bench::new(&(fails + &file("c", "b") + &file("d", "c") + &file("e", "")));
    bench.apply().ends(0).says("`b` failed");
    assert!(!bench.has("b.d") && !bench.has("c.txt") && !bench.has("d.txt") && bench.has("e.txt"));
    assert_eq!(bench.read("undone").unwrap(), "b\n");
}

#[test]
fn what_a_step_puts_out_decides_and_is_used() {
    let uses = |id: &str, when: &str| {
        format!(
            "  - id: {id}\n    uses: file.write\n    if: \"{{{{ steps.ask.stdout == '{when}' }}}}\"\n    \
             with: {{ path: ./{id}.txt, content: \"got {{{{ steps.ask.stdout }}}}\" }}\n"
        )
    };
    let bench = Bench::new(&(shell("ask", "echo yes", "") + &uses("taken", "yes") + &uses("left", "no")));
    bench.apply().ends(0);
    assert_eq!(bench.read("taken.txt").unwrap(), "got yes");
    assert!(!bench.has("left.txt"));
}

/// Nothing will act again, so nobody waits for the moment at which it would.
#[test]
fn a_rollback_does_not_wait_for_the_pause_of_another_step() {
    let flaky = shell("flaky", "echo x > tried; exit 7", "    retry: { attempts: 3, backoff: 5m }\n");
    let bad = shell("bad", "until [ -e tried ]; do sleep 0.01; done; sleep 0.3; exit 7", "");
    let bench = Bench::new(&(flaky + &bad));
    let begin = Instant::now();
    bench.apply().ends(3);
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    assert_eq!(bench.read("undone").unwrap().lines().count(), 2);
}

/// A change that the plan lets fail and takes back was a change.
#[test]
fn a_refusal_after_a_change_that_was_taken_back_is_a_rollback() {
    let fails = shell("a", "echo half > a.d; exit 3", "    on_failure: continue\n");
    let stay = "  - id: b\n    uses: file.remove\n    needs: [c]\n    with: { path: / }\n";
    let bench = Bench::new(&(fails + &shell("c", "until [ -e undone ]; do sleep 0.01; done; exit 3", "") + stay));
    bench.apply().ends(3).says("Rolled back");
}

const SIGNALS: &str =
    "    with:\n      within: 1s\n      signals:\n        none: { command: [sh, -c, \"exit 0\"], kind: negative }\n";

/// What could not be read before a change proves nothing after its rollback.
#[test]
fn a_verification_without_a_baseline_is_told_of_and_not_called_as_it_was() {
    let ask = "  - id: ask\n    uses: command.capture\n    with: { run: [echo, old] }\n";
    let asks = "        works: { command: [grep, \"{{ steps.ask.stdout }}\", conf.txt], kind: functional }\n";
    let conf = "  - id: conf\n    uses: file.write\n    needs: [ask]\n    with: { path: ./conf.txt, content: new }\n";
    let verify = format!("  - id: verify\n    uses: verify.signals\n    needs: [conf]\n{SIGNALS}{asks}");
    let bench = Bench::new(&format!("{ask}{conf}{verify}"));
    bench.write("conf.txt", "old");
    let told = bench.apply().ends(3);
    let told = told.says("no baseline").says("`ask`").says("2 signals read");
    let told = told.says("is not proven");
    assert!(!told.out.contains("as it was."), "{}", told.out);
    bench.run(&["show"]).ends(0).says("not read before the change");
    assert_eq!(bench.read("conf.txt").unwrap(), "old");
}

#[test]
fn a_rollback_without_any_verification_claims_none() {
    let bench = Bench::new(&(file("a", "") + &shell("b", "exit 7", "    needs: [a]\n")));
    let told = bench.apply().ends(3).says("Every step was taken back; no signal was compared.");
    assert!(!told.out.contains("as it was"), "{}", told.out);
}

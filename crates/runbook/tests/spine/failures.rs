//! Failures, retries, time limits, conditions and data.

use crate::bench::{Bench, file, lives, shell};

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
    assert!(!lives(bench.pid("child")));
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

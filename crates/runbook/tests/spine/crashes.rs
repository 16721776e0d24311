//! Crashes at every record, and how an open or stuck run is settled.

use crate::bench::{Bench, file, shell};
use runbook_host::runs;

fn plan() -> String {
    let made = shell("b", "echo b > b.d", "    needs: [a]\n").replace("      run:", "      creates: ./b.d\n      run:");
    let backup = "  - id: backup\n    uses: backup.create\n    with: { paths: [./kept] }\n";
    backup.to_owned() + &file("a", "backup") + &made + &file("c", "b")
}

fn bench(steps: &str) -> Bench {
    let bench = Bench::new(steps);
    std::fs::create_dir(bench.path("kept")).unwrap();
    bench.write("kept/data", "precious");
    bench
}

fn is_there(bench: &Bench) -> [bool; 3] {
    ["a.txt", "b.d", "c.txt"].map(|name| bench.has(name))
}

/// The records of the plan: its header, four predictions, two for the backup, three for each change, and the end.
const RECORDS: u64 = 17;
/// The header and the predictions are one commit; before that there is no run.
const HEADER: u64 = 5;
/// The outcome of the last step is one commit with the end.
const LAST: u64 = RECORDS - 1;

#[test]
fn a_run_that_is_killed_at_any_record_can_be_resumed() {
    each_crash(|bench, begun, _| {
        bench.run(&["resume", "--yes"]).ends(0);
        assert_eq!(is_there(bench), [begun; 3]);
    });
}

#[test]
fn a_run_that_is_killed_at_any_record_can_be_taken_back() {
    each_crash(|bench, _, over| {
        bench.run(&["recover", "--boot"]).ends(0);
        assert_eq!(is_there(bench), [over; 3]);
    });
}

/// Calls `settle` with whether the run had begun and whether it was over.
fn each_crash(settle: impl Fn(&Bench, bool, bool)) {
    for record in 1..=RECORDS {
        for when in ["kill-before", "kill-after"] {
            let bench = bench(&plan());
            let point = format!("{when}={record}");
            assert_eq!(bench.apply_with(&point).code, None, "{point}");
            let before = when == "kill-before";
            settle(&bench, !before || record > HEADER, !before && record >= LAST);
        }
    }
    bench(&plan()).apply_with(&format!("kill-after={}", RECORDS + 1)).ends(0);
}

#[test]
fn a_rollback_that_is_killed_at_any_record_is_gone_on_with() {
    let failing = plan() + &shell("d", "exit 1", "    needs: [c]\n");
    for record in 1..60 {
        let bench = bench(&failing);
        if let Some(code) = bench.apply_with(&format!("kill-after={record}")).code {
            assert_eq!(code, 3);
            assert!(record > 20);
            return;
        }
        let resumed = bench.run(&["resume", "--yes"]);
        assert!(matches!(resumed.code, Some(0 | 3)), "{record}\n{}\n{}", resumed.out, resumed.err);
        assert_eq!(is_there(&bench), [false; 3], "{record}");
    }
    panic!("the run does not end");
}

/// A step that has nothing to do never acts, so the forecast is all that the next process knows of it.
#[test]
fn what_a_step_without_work_puts_out_is_known_to_the_next_process() {
    let uses = "  - id: uses\n    uses: file.write\n    \
                with: { path: \"{{ steps.same.path | dirname }}/uses.txt\", content: new }\n";
    let steps = file("same", "") + uses + &file("last", "uses");
    let bench = || {
        let bench = Bench::new(&steps);
        bench.write("same.txt", "same");
        bench
    };
    let taken_back = bench();
    taken_back.apply().ends(0);
    taken_back.run(&["rollback", "--yes"]).ends(0);
    assert!(!taken_back.has("uses.txt"));
    for (args, code, there) in [(["resume", "--yes"], 0, true), (["recover", "--boot"], 0, false)] {
        for point in ["kill-after=4", "kill-after=6", "kill-after=8"] {
            let bench = bench();
            assert_eq!(bench.apply_with(point).code, None, "{point}");
            bench.run(&args).ends(code);
            assert_eq!((bench.has("uses.txt"), bench.has("last.txt")), (there, there), "{point}");
        }
    }
}

#[test]
fn recover_settles_without_being_asked() {
    let bench = bench(&plan());
    bench.run(&["recover", "--boot"]).ends(0);
    assert_eq!(bench.apply_with("kill-after=7").code, None);
    bench.apply().ends(6);
    bench.run(&["recover", "--boot"]).ends(0);
    assert_eq!(is_there(&bench), [false; 3]);
    bench.run(&["recover", "--boot"]).ends(0);
    assert_eq!(bench.apply_with("kill-after=7").code, None);
    bench.run(&["recover", "--boot", "--forward"]).ends(0);
    assert_eq!(is_there(&bench), [true; 3]);
}

#[test]
fn recover_says_what_it_can_be_asked_for_and_wants_a_reason() {
    let bench = bench(&plan());
    assert_eq!(bench.apply_with("kill-after=7").code, None);
    for args in [&["recover"][..], &["recover", "--forward"]] {
        bench.run(args).ends(1).says("--boot").says("--accept");
    }
    for reason in ["", "  "] {
        bench.run(&["recover", "--accept", reason]).ends(1).says("who looked");
    }
    bench.run(&["recover", "--boot", "--accept", "seen"]).ends(1);
    bench.apply().ends(6);
    bench.run(&["recover", "--accept", "seen"]).ends(0);
}

#[test]
fn a_resumed_run_does_not_do_more_at_once_than_it_began_with() {
    let alone = |id: &str| shell(id, &format!("mkdir busy && sleep 0.2 && rmdir busy && echo x > {id}.d"), "");
    let bench = Bench::new(&(alone("a") + &alone("b") + &alone("c")));
    assert_eq!(bench.apply_with("kill-after=4").code, None);
    bench.run(&["resume", "--yes"]).ends(0);
    assert!(["a.d", "b.d", "c.d"].iter().all(|file| bench.has(file)));
}

#[test]
fn a_stuck_run_lets_nothing_else_change_the_host_until_it_is_settled() {
    let failing = plan() + &shell("d", "exit 1", "    needs: [c]\n");
    let bench = bench(&failing);
    bench.apply_with("fail-undo=b").ends(5).says("`b`").says("`a`");
    assert_eq!(is_there(&bench), [true, true, false]);
    bench.apply().ends(6).says("stuck");
    let next = format!("Next: put right what is named above, then: runbook rollback {}", bench.shown());
    bench.run(&["recover", "--boot"]).ends(5).says("Stuck.").says(&next);
    bench.run(&["recover", "--boot", "--forward", "--format", "json"]).ends(5).says("\"exit\": 5").says("is stuck");
    bench.run(&["resume", "--yes"]).ends(5).says(&next);
    assert_eq!(is_there(&bench), [true, true, false]);
    bench.run(&["rollback", "--yes"]).ends(0);
    assert_eq!(is_there(&bench), [false; 3]);
    assert_eq!(bench.read("undone").unwrap(), "d\nb\n");

    bench.apply_with("fail-undo=b").ends(5);
    bench.run(&["recover", "--accept", "put right by hand"]).ends(0);
    bench.run(&["show"]).ends(0).says("put right by hand");
    bench.plan(&file("e", ""));
    bench.apply().ends(0);
}

#[test]
fn a_run_that_is_closed_by_hand_leaves_nothing_running() {
    let bench = Bench::new(&shell("slow", "echo $$ > slow; sleep 60", ""));
    let apply = bench.start(&["apply", "plan.yaml", "--yes"], "slow");
    let left = bench.pid("slow");
    bench.wait_until_noted(left);
    apply.signal("-KILL");
    assert_eq!(apply.ends(), None);
    assert!(runs(left));
    bench.run(&["recover", "--accept", "not wanted any more"]).ends(0);
    assert!(!runs(left));
}

#[test]
fn an_older_run_is_not_taken_back_from_under_a_later_one() {
    let bench = Bench::new(&file("a", ""));
    bench.apply().ends(0);
    let older = bench.latest();
    bench.plan(&file("b", ""));
    bench.apply().ends(0);
    let later = bench.shown();
    bench.run(&["rollback", &older, "--yes"]).ends(1).says(&later);
    assert!(bench.has("a.txt"));
    bench.run(&["rollback", &later, "--yes"]).ends(0);
    bench.run(&["rollback", &older, "--yes"]).ends(0);
    assert!(!bench.has("a.txt") && !bench.has("b.txt"));
    bench.run(&["rollback", "--yes"]).ends(0).says("nothing to take back");
}

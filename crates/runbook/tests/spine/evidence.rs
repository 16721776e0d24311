//! A verification is read after every change that it stands behind, and never passes unread.

use crate::bench::{Bench, file, shell};

fn verify(command: &str, more: &str) -> String {
    format!(
        "  - id: verify\n    uses: verify.signals\n{more}    with:\n      within: 5s\n      signals:\n        \
         works: {{ command: [sh, -c, '{command}'], role: blocking, kind: functional }}\n        \
         clean: {{ command: [sh, -c, '! grep ERROR change.d'], role: blocking, kind: negative }}\n"
    )
}

#[test]
fn a_verification_waits_for_the_changes_before_it_without_being_told() {
    let change = shell("change", "until [ -e go ]; do sleep 0.01; done; echo ERROR > change.d", "    needs: [first]\n");
    let bench = Bench::new(&(file("first", "") + &change + &verify("true", "")));
    bench.write("go", "");
    bench.apply().ends(3).says("1 of 2 blocking signals is red");
    assert!(!bench.has("first.txt"));
}

#[test]
fn a_fault_that_was_there_before_is_told_apart_from_the_new_one() {
    let change = shell("change", "echo ERROR > change.d", "");
    let bench = Bench::new(&(change + &verify("false", "    needs: [change]\n")));
    bench.write("change.d", "");
    bench.apply().ends(3).says("1 of 2 blocking signals is red: `clean`; not green yet: `works` (as before)");
}

#[test]
fn a_verification_serves_a_change_of_a_file() {
    let bench = Bench::new(&(file("first", "") + &verify("[ -e first.txt ] && touch read", "")));
    bench.apply().ends(0).says("2 of 2 blocking signals are green");
    assert!(bench.has("read"));
    bench.apply().ends(0).says("Nothing to do");
}

#[test]
fn a_plan_of_evidence_alone_is_run_for_its_sake() {
    let bench = Bench::new(&verify("touch read", ""));
    bench.apply().ends(0).says("green");
    assert!(bench.has("read"));
    bench.plan(&verify("false", ""));
    bench.apply().ends(3).says("red");
    bench.write("kept", "precious");
    bench.plan("  - id: backup\n    uses: backup.create\n    with: { paths: [./kept] }\n");
    bench.apply().ends(0);
    bench.run(&["backup", "list"]).ends(0).says("kept");
}

#[test]
fn only_a_gate_says_that_it_may_be_tried_again_as_it_is() {
    let edit = "  - id: edit\n    uses: json.edit\n    with: { path: ./a.json, set: { /a: 1 } }\n";
    let bench = Bench::new(edit);
    bench.write("a.json", "{ broken");
    bench.apply().ends(1);
    bench.plan(
        "  - id: gate\n    uses: gate.approve\n    with: { message: go?, within: 10ms }\n  - id: edit\n    \
         uses: json.edit\n    with: { path: ./a.json, set: { /a: 1 } }\n",
    );
    bench.write("a.json", "{}");
    bench.apply().ends(6);
}

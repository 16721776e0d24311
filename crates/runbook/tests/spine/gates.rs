//! A gate that waits: a look at the host shows it, with the command that answers.

use crate::bench::{Bench, file, until};
use std::fs::File;

fn gate(within: &str) -> String {
    let go = "  - id: go\n    uses: gate.approve\n    needs: [a]\n    with: { message: Stop the gateway?";
    format!("{}{go}, within: {within} }}\n{}", file("a", ""), file("b", "go"))
}

#[test]
fn a_gate_that_waits_says_so_at_once_and_to_everybody() {
    let bench = Bench::new(&gate("1m"));
    let mut apply = bench.command(&["apply", "plan.yaml", "--yes"]);
    let mut child = apply.stdout(File::create(bench.path("out")).unwrap()).spawn().unwrap();
    until("the question", || bench.read("out").is_some_and(|out| out.contains("waits for: ")));
    let out = bench.read("out").unwrap();
    let answer = out.split("waits for: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(answer, format!("runbook approve {} go", bench.shown()));
    assert!(out.contains("Stop the gateway?"), "{out}");
    let next = format!("Next: {answer}\n");
    bench.run(&["status"]).ends(6).says("It is running: apply spine").says("asks: Stop the gateway?").says(&next);
    let show = bench.run(&["show"]).ends(0).says("At work on it: apply spine").says(&next);
    assert!(!show.out.contains("resume") && !show.out.contains("rollback"), "{}", show.out);
    let report = bench.run(&["report"]).ends(0).says("**Running.**");
    assert!(!report.out.contains("nothing goes on"), "{}", report.out);
    let status: serde_json::Value =
        serde_json::from_str(&bench.run(&["status", "--format", "json"]).ends(6).out).unwrap();
    assert_eq!(status["steps"][1]["waits_for"]["answer"], answer);
    let words: Vec<&str> = answer.split(' ').skip(1).collect();
    bench.run(&words).ends(0);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(bench.has("b.txt"));
    assert_eq!(bench.read("out").unwrap().matches(&answer).count(), 1);
}

#[test]
fn a_gate_that_nobody_answered_names_no_run_that_is_over() {
    let bench = Bench::new(&gate("10ms"));
    let said = bench.apply().ends(3).says("nobody approved within").says("the new run shows the command");
    let next = said.out.lines().find(|line| line.contains("next: ")).unwrap();
    assert!(!next.contains("runbook approve"), "{next}");
}

//! One run a host: where two would change the same, the second one waits for nobody and says who is at work.

use crate::bench::{Bench, said};
use std::process::Stdio;
use std::time::{Duration, Instant};

const WAITS: &str = "steps:\n  - id: a\n    uses: command.run\n    with:\n      run: [sh, -c, \"touch HOST/begun; until [ -e HOST/go ]; do sleep 0.01; done\"]\n      \
                     undo: { run: [\"true\"] }\n      effects: { writes: [{ path: HOST/app }] }\n";

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn another_state_directory_is_the_same_host() {
    let bench = Bench::new();
    let waits = bench.plan("waits", WAITS);
    // The same place by another name.
    std::os::unix::fs::symlink(bench.path("host"), bench.path("alias")).unwrap();
    let alias = bench.path("alias").display().to_string();
    let below = bench.plan(
        "below",
        &format!("steps:\n  - id: w\n    uses: file.write\n    with: {{ path: {alias}/app, content: x }}\n"),
    );
    let beside =
        bench.plan("beside", "steps:\n  - id: w\n    uses: file.write\n    with: { path: HOST/other, content: x }\n");
    // A user has claims where it has a directory that goes with its session.
    let runtime = bench.path("runtime");
    std::fs::create_dir(&runtime).unwrap();
    let apply = |plan: &str, state: &str| {
        let mut command = bench.command(&["apply", plan, "--yes", "--state-dir", bench.path(state).to_str().unwrap()]);
        command.env("XDG_RUNTIME_DIR", &runtime);
        command
    };
    let mut first = apply(&waits, "one").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the first run", || bench.host("begun").exists());
    said(apply(&below, "two")).expect(6).says(&["another runbook is at work on this host: apply waits", "changes"]);
    said(apply(&beside, "two")).expect(0);
    std::fs::write(bench.host("go"), "").unwrap();
    assert!(first.wait().unwrap().success());
    said(apply(&below, "two")).expect(0);
}

#[test]
fn approvals_at_the_same_time_are_one_approval() {
    let bench = Bench::new();
    let plan = bench.plan("gate", "steps:\n  - id: go\n    uses: gate.approve\n    with: { message: Go on?, within: 60s }\n  - id: w\n    uses: file.write\n    needs: [go]\n    with: { path: HOST/f, content: x }\n");
    let mut run =
        bench.command(&["apply", &plan, "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut waiting = String::new();
    until("the gate", || {
        let status = bench.run(&["status", "--format", "json"]);
        let status: serde_json::Value = serde_json::from_str(&status.out).unwrap_or_default();
        waiting = status["run"]["run"].as_str().unwrap_or_default().to_owned();
        status["steps"].as_array().into_iter().flatten().any(|step| step["waits_for"].is_object())
    });
    let approve = || {
        bench
            .command(&["approve", &waiting, "go", "--because", "it is fine"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let racing: Vec<_> = (0..8).map(|_| approve()).collect();
    for one in racing {
        let output = one.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() || text.contains("waits no longer"), "{text}");
    }
    assert!(run.wait().unwrap().success());
}

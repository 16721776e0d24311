//! One run a host: where two would change the same, the second one waits for nobody and says who is at work.

use crate::bench::{Bench, said};
use crate::stops::{can_stop, stopping};
use crate::waits::until;
use std::process::Stdio;

const WRITES: &str = "steps:\n  - { id: a, uses: file.write, with: { path: HOST/f, content: CONTENT } }\n";
const WAITS: &str = "steps:\n  - id: a\n    uses: command.run\n    with:\n      run: [sh, -c, \"touch HOST/begun; until [ -e HOST/go ]; do sleep 0.01; done\"]\n      \
                     undo: { run: [\"true\"] }\n      effects: { writes: [{ path: HOST/app }] }\n";

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

/// A look at who is at work holds nothing, at no moment of it.
#[test]
fn a_look_at_the_lock_keeps_nobody_out() {
    if !can_stop() {
        test_rules::skip("no strace to stop a look with");
        return;
    }
    let bench = Bench::new();
    let plan = |content: &str| bench.plan("plan", &WRITES.replace("CONTENT", content));
    bench.expect(0, &["apply", &plan("first"), "--yes"]);
    let lock = bench.path("state/lock").display().to_string();
    let plan = plan("other");
    for look in [&["status"][..], &["apply", &plan, "--dry-run"]] {
        let mut stops = 0;
        stopping(&bench, "%file,flock,fcntl", look, &lock, |call| {
            stops += 1;
            let said = bench.run(&["apply", &plan, "--yes"]);
            assert_eq!(said.code, Some(0), "{look:?} stands after {call}: {said:#?}");
        })
        .expect(0);
        assert!(stops > 1, "{look:?} did not look at the lock");
    }
}

/// The second one comes at every moment of the first, which is told so and no more.
#[test]
fn approvals_at_the_same_time_are_one_approval() {
    if !can_stop() {
        test_rules::skip("no strace to stop an approval with");
        return;
    }
    let bench = Bench::new();
    let gate = "  - { id: go, uses: gate.approve, needs: [a], with: { message: Go on?, within: 60s } }\n";
    let plan = bench.plan("gate", &(WRITES.to_owned() + gate));
    bench.kill_at(&plan, 3);
    let run = bench.run(&["status", "--format", "json"]).json()["run"]["run"].as_str().unwrap().to_owned();
    let mailbox = bench.path(&format!("state/runs/{run}/.controls"));
    let approve = ["approve", &run, "go", "--because", "it is fine"];
    let mut stops = 0;
    for nth in 1.. {
        let _ = std::fs::remove_dir_all(&mailbox);
        stops = 0;
        let first = stopping(&bench, "%file", &approve, mailbox.to_str().unwrap(), |call| {
            stops += 1;
            if stops == nth {
                let second = bench.run(&approve);
                assert_eq!(second.code, Some(0), "the first stands after {call}: {second:#?}");
            }
        });
        assert_eq!(first.code, Some(0), "{nth}: {first:#?}");
        let names: Vec<_> = std::fs::read_dir(&mailbox).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["approve-go.json"], "{nth}");
        if stops < nth {
            break;
        }
    }
    assert!(stops > 2, "the approval was hardly stopped");
    bench.expect(0, &["resume", "--yes"]);
}

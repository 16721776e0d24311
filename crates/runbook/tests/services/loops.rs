//! Services that do not stay up, supervisors whose number was used before, and a `runbook` inside of what it stops.

use crate::support::{Scratch, script, until};
use runbook_model::{FailureKind, UndoPhase};
use serde_json::json;
use std::fs;
use std::process::Command;

/// A service that ends while `broken` is there.
fn fragile(scratch: &Scratch) {
    script(&scratch.path("fragile"), "[ ! -e broken ] || exit 1\necho up\nexec sleep 1000\n");
    let with = json!({ "name": "demo", "run": ["./fragile"], "ready_log": "up", "restart": "always" });
    scratch.step("process.start", with).applied();
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}

fn supervisor(scratch: &Scratch) -> u64 {
    scratch.state("demo")["supervisor"]["pid"].as_u64().unwrap()
}

#[test]
fn the_way_back_of_a_service_that_did_not_stay_up_is_its_supervisor() {
    let scratch = Scratch::new();
    fragile(&scratch);
    fs::write(scratch.path("broken"), "").unwrap();
    kill(scratch.pid("demo"));
    until("the loop", || scratch.state("demo")["phase"] == "waiting");
    let before = supervisor(&scratch);
    // The repair succeeds, the verification after it does not: everything goes back to the loop that was.
    fs::remove_file(scratch.path("broken")).unwrap();
    let mut repair = scratch.step("process.restart", json!({ "name": "demo" }));
    repair.applied();
    fs::write(scratch.path("broken"), "").unwrap();
    repair.undo(UndoPhase::Halt);
    let said = repair.undo(UndoPhase::Undo);
    assert!(said.contains("is about to be started again by its supervisor, as before"), "{said}");
    let after = supervisor(&scratch);
    assert_ne!(after, before);
    repair.undo(UndoPhase::Undo);
    assert_eq!(supervisor(&scratch), after, "undoing twice is undoing once");
    fs::remove_file(scratch.path("broken")).unwrap();
    until("the next start", || scratch.state("demo")["phase"] == "running");
}

#[test]
fn a_program_that_is_absent_for_a_moment_is_started_when_it_is_back() {
    let scratch = Scratch::new();
    fragile(&scratch);
    fs::rename(scratch.path("fragile"), scratch.path("away")).unwrap();
    kill(scratch.pid("demo"));
    until("a start that fails", || scratch.state("demo")["not_started"].is_string());
    let state = scratch.state("demo");
    assert_eq!((&state["phase"], &state["last_exit"]), (&json!("waiting"), &json!("signal 9")));
    fs::rename(scratch.path("away"), scratch.path("fragile")).unwrap();
    until("the next start", || scratch.state("demo")["phase"] == "running");
    assert!(scratch.state("demo")["not_started"].is_null());
}

#[test]
fn a_runbook_inside_of_the_service_that_it_would_stop_refuses() {
    let scratch = Scratch::new();
    let plan = "kind: Plan\nversion: 1\nname: stop\nsteps:\n  - { id: stop, uses: process.stop, with: { name: demo }, allow: \
                [{ rule: verify-is-functional, because: test }, { rule: verify-is-negative, because: test }] }\n";
    fs::write(scratch.path("stop.yaml"), plan).unwrap();
    let runbook = env!("CARGO_BIN_EXE_runbook");
    // A shell in between has an environment of its own, as sudo gives one.
    let inner =
        format!("env -i PATH=\"$PATH\" {runbook} apply --state-dir state --yes stop.yaml > said 2>&1; echo $? > code");
    script(&scratch.path("holder"), &format!("until [ -e go ]; do sleep 0.02; done\n{inner}\nexec sleep 1000\n"));
    scratch.step("process.start", json!({ "name": "demo", "run": ["./holder"] })).applied();
    fs::write(scratch.path("go"), "").unwrap();
    let read = |name: &str| fs::read_to_string(scratch.path(name)).unwrap_or_default();
    until("the run to end", || read("code").ends_with('\n'));
    let said = read("said");
    assert!(said.contains("this runbook runs inside service `demo`"), "{said}");
    assert_ne!(read("code"), "0\n");
    assert!(!scratch.step("process.stop", json!({ "name": "demo" })).no_change(), "the service still runs");
}

/// In a container that is started again, numbers begin anew: every supervisor may have the number of the last one.
#[test]
fn a_supervisor_with_the_number_of_an_older_one_is_not_taken_for_it() {
    let scratch = Scratch::new();
    let container = |command: &str| {
        let flags = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "sh", "-c", command];
        Command::new("unshare").args(flags).current_dir(scratch.dir.path()).output().unwrap()
    };
    if !container("true").status.success() {
        assert!(std::env::var_os("CI").is_none(), "this host allows no namespaces, and the test was not run");
        return;
    }
    let plan = "kind: Plan\nversion: 1\nname: start\nsteps:\n  - { id: start, uses: process.start, with: { name: demo, run: \
                [sleep, \"500\"] }, allow: [{ rule: verify-is-functional, because: test }, { rule: verify-is-negative, because: test }] }\n";
    fs::write(scratch.path("start.yaml"), plan).unwrap();
    let start = format!("{} apply --state-dir state --yes start.yaml", env!("CARGO_BIN_EXE_runbook"));
    for _ in 0..5 {
        let done = container(&start);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }
}

#[test]
fn what_cannot_be_started_at_first_is_told_at_once() {
    let scratch = Scratch::new();
    fs::write(scratch.path("text"), "").unwrap();
    let with = json!({ "name": "demo", "run": ["./text"] });
    let failure = scratch.step("process.start", with).apply().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Failed);
    assert!(failure.message.contains("cannot be started: cannot run"), "{failure:?}");
}

/// Nothing in such a plan ties the cache to the change but the service that is started in the end.
#[test]
fn a_cache_is_cleared_for_the_start_behind_it() {
    let scratch = Scratch::new();
    script(&scratch.path("app"), "exec sleep 1000\n");
    let start = json!({ "name": "demo", "run": ["./app"], "cwd": scratch.path("") });
    scratch.step("process.start", start).applied();
    fs::create_dir(scratch.path("jiti")).unwrap();
    fs::write(scratch.path("jiti/plugin.cjs"), "compiled yesterday").unwrap();
    let plan = "kind: Plan\nversion: 1\nname: upgrade\nsteps:\n  \
        - { id: backup, uses: backup.create, with: { paths: [./app] } }\n  \
        - { id: stop, uses: process.stop, with: { name: demo } }\n  \
        - { id: change, uses: file.write, with: { path: ./app, mode: \"0755\", content: \"#!/bin/sh\\nexec sleep 2000\\n\" } }\n  \
        - { id: clear, uses: jiti-cache.clear, with: { dir: ./jiti } }\n  \
        - id: start\n    uses: process.start\n    with: { name: demo, run: [./app] }\n    \
          allow: [{ rule: verify-is-functional, because: test }, { rule: verify-is-negative, because: test }]\n";
    fs::write(scratch.path("plan.yaml"), plan).unwrap();
    let apply = ["apply", "plan.yaml", "--state-dir", "state", "--yes"];
    let run = Command::new(env!("CARGO_BIN_EXE_runbook")).args(apply).current_dir(scratch.dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("jiti removed, 1 entries"), "{said}");
    assert!(!scratch.path("jiti").exists());
    let again =
        Command::new(env!("CARGO_BIN_EXE_runbook")).args(apply).current_dir(scratch.dir.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&again.stdout).contains("Nothing to do"), "{again:?}");
    scratch.step("process.stop", json!({ "name": "demo" })).applied();
}

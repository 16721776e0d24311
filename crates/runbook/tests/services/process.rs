//! Services of the embedded supervisor with real processes: what goes wrong at night.

use crate::support::{Scratch, script, until};
use runbook_host::runs;
use runbook_model::UndoPhase;
use serde_json::{Value as Json, json};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// A service that logs and then sleeps in the foreground.
fn sleeper(scratch: &Scratch) -> Json {
    let path = scratch.path("sleeper");
    if !path.exists() {
        script(&path, "echo up\nexec sleep 1000\n");
    }
    json!({ "name": "demo", "run": [path], "ready_log": "up", "grace": "5s" })
}

fn kill(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

#[test]
fn a_service_starts_once_outlives_the_step_and_stops() {
    let scratch = Scratch::new();
    let mut start = scratch.step("process.start", sleeper(&scratch));
    assert!(!start.no_change());
    let outputs = start.applied();
    let pid = scratch.pid("demo");
    assert_eq!(outputs["service"], json!({ "name": "demo", "state": "up", "pid": pid }));
    assert!(runs(pid) && start.no_change());
    assert_eq!(start.confirm(), runbook_step::Confirmation::There);
    let mut stop = scratch.step("process.stop", json!({ "name": "demo" }));
    assert!(!stop.no_change());
    stop.applied();
    assert!(!runs(pid) && stop.no_change());
    stop.undo(UndoPhase::Undo);
    assert!(start.no_change() && scratch.pid("demo") != pid);
    let again = scratch.pid("demo");
    stop.undo(UndoPhase::Undo);
    assert_eq!(scratch.pid("demo"), again, "undoing twice is undoing once");
    start.undo(UndoPhase::Halt);
    start.undo(UndoPhase::Undo);
    assert!(!runs(again));
    let files = scratch.state_dir().join("processes/demo/spec.json");
    assert!(!files.exists(), "a service that was not known before is not known again");
}

#[test]
fn what_ends_at_once_is_a_failure_that_shows_its_log_and_leaves_nothing() {
    let scratch = Scratch::new();
    script(&scratch.path("broken"), "echo old; echo 'listen: Address already in use' >&2; exit 3\n");
    let failure = scratch.step("process.start", json!({ "name": "demo", "run": ["./broken"] })).apply().unwrap_err();
    assert_eq!(failure.message, "service `demo` ended with exit code 3 right after it was started");
    assert!(failure.detail.contains("Address already in use"), "{failure:?}");
    assert!(failure.hint.unwrap().contains("taken by another process"));
    assert!(scratch.step("process.stop", json!({ "name": "demo" })).no_change());
}

#[test]
fn what_never_comes_up_is_a_failure_and_is_brought_down() {
    let scratch = Scratch::new();
    let mut with = sleeper(&scratch);
    with["ready_log"] = json!("never said");
    with["ready_within"] = json!("200ms");
    let failure = scratch.step("process.start", with).apply().unwrap_err();
    assert_eq!(failure.message, "service `demo` did not come up: it had 200ms to log `never said`");
    assert_eq!(failure.detail, "up");
    assert!(scratch.step("process.stop", json!({ "name": "demo" })).no_change());
}

#[test]
fn missing_programs_and_directories_are_named() {
    let scratch = Scratch::new();
    for (with, wanted) in [
        (json!({ "name": "demo", "run": ["./gone"] }), "the program "),
        (json!({ "name": "demo", "run": ["no-such-program-anywhere"] }), "no-such-program-anywhere"),
        (json!({ "name": "demo", "run": ["sleep", "9"], "cwd": "gone" }), "is not there"),
        (json!({ "name": "demo", "run": ["sleep", "9"], "log": "gone/log" }), "cannot write the log"),
    ] {
        let failure = scratch.step("process.start", with).apply().unwrap_err();
        assert!(failure.message.contains(wanted), "{failure:?}");
    }
}

#[test]
fn a_daemon_that_leaves_the_foreground_is_refused_and_ended() {
    let scratch = Scratch::new();
    script(
        &scratch.path("daemon"),
        "setsid sh -c 'echo $$ > child.pid; exec sleep 1000' &\nuntil [ -s child.pid ]; do :; done\n",
    );
    let failure = scratch.step("process.start", json!({ "name": "demo", "run": ["./daemon"] })).apply().unwrap_err();
    assert!(failure.message.contains("leaving 1 of its processes behind"), "{failure:?}");
    assert!(failure.hint.unwrap().contains("foreground"));
    let child: u32 = std::fs::read_to_string(scratch.path("child.pid")).unwrap().trim().parse().unwrap();
    assert!(!runs(child));
}

#[test]
fn a_stop_ends_children_in_other_sessions_and_those_that_ignore_term() {
    let scratch = Scratch::new();
    script(
        &scratch.path("stubborn"),
        "trap '' TERM\nsetsid sh -c 'trap \"\" TERM; echo $$ > child.pid; while :; do sleep 1000; done' &\n\
         until [ -s child.pid ]; do :; done\necho up\nwhile :; do sleep 1000; done\n",
    );
    let with = json!({ "name": "demo", "run": ["./stubborn"], "ready_log": "up", "grace": "200ms" });
    scratch.step("process.start", with).applied();
    let child: u32 = std::fs::read_to_string(scratch.path("child.pid")).unwrap().trim().parse().unwrap();
    let pid = scratch.pid("demo");
    assert!(runs(child) && runs(pid));
    scratch.step("process.stop", json!({ "name": "demo" })).applied();
    assert!(!runs(child) && !runs(pid));
}

#[test]
fn a_crash_is_followed_by_a_restart_and_a_crash_loop_by_an_end() {
    let scratch = Scratch::new();
    scratch.step("process.start", sleeper(&scratch)).applied();
    let first = scratch.pid("demo");
    let mark = scratch.state("demo")["log_since"].clone();
    kill(first, "-KILL");
    until("the restart", || scratch.pid("demo") != first && runs(scratch.pid("demo")));
    let state = scratch.state("demo");
    assert_eq!((&state["restarts"], &state["last_exit"]), (&json!(1), &json!("signal 9")));
    assert_eq!(state["log_since"], mark, "a restart by itself does not move the position");
    // A shorter limit, written where the supervisor reads it, for a loop that ends within the test.
    scratch.step("process.stop", json!({ "name": "demo" })).applied();
    let dir = scratch.state_dir().join("processes/demo");
    let mut spec: Json = serde_json::from_slice(&std::fs::read(dir.join("spec.json")).unwrap()).unwrap();
    spec["program"] = json!("/bin/false");
    spec["limit"] = json!({ "restarts": 4, "within_ms": 60000, "first_pause_ms": 1, "longest_pause_ms": 2 });
    std::fs::write(dir.join("spec.json"), spec.to_string()).unwrap();
    let supervisor = Command::new(env!("CARGO_BIN_EXE_runbook")).arg("supervise").arg(dir.join("spec.json")).status();
    assert!(supervisor.unwrap().success());
    let gave_up = "it ended 5 times in a row, last with exit code 1";
    assert_eq!(scratch.state("demo")["phase"], json!({ "gave-up": gave_up }));
}

#[test]
fn a_service_whose_supervisor_was_killed_is_found_and_stopped() {
    let scratch = Scratch::new();
    script(&scratch.path("family"), "setsid sleep 1000 &\necho $! > child.pid\necho up\nwait\n");
    scratch.step("process.start", json!({ "name": "demo", "run": ["./family"], "ready_log": "up" })).applied();
    let state = scratch.state("demo");
    let (supervisor, main) = (state["supervisor"]["pid"].as_u64().unwrap(), scratch.pid("demo"));
    let child: u32 = std::fs::read_to_string(scratch.path("child.pid")).unwrap().trim().parse().unwrap();
    kill(u32::try_from(supervisor).unwrap(), "-KILL");
    until("the supervisor to be gone", || !runs(u32::try_from(supervisor).unwrap()));
    assert!(runs(main) && runs(child));
    let mut stop = scratch.step("process.stop", json!({ "name": "demo" }));
    assert!(!stop.no_change());
    stop.applied();
    assert!(!runs(main) && !runs(child) && stop.no_change());
}

#[test]
fn a_process_that_was_left_behind_is_found_by_its_mark_when_all_else_is_dead() {
    let scratch = Scratch::new();
    script(&scratch.path("family"), "setsid sleep 1000 &\necho $! > child.pid\necho up\nwait\n");
    scratch.step("process.start", json!({ "name": "demo", "run": ["./family"], "ready_log": "up" })).applied();
    let state = scratch.state("demo");
    let supervisor = u32::try_from(state["supervisor"]["pid"].as_u64().unwrap()).unwrap();
    let (main, child) = (scratch.pid("demo"), std::fs::read_to_string(scratch.path("child.pid")).unwrap());
    let child: u32 = child.trim().parse().unwrap();
    kill(supervisor, "-KILL");
    until("the supervisor to be gone", || !runs(supervisor));
    kill(main, "-KILL");
    until("the service to be gone", || !runs(main));
    assert!(runs(child));
    let mut stop = scratch.step("process.stop", json!({ "name": "demo" }));
    assert!(!stop.no_change());
    stop.applied();
    assert!(!runs(child));
}

#[test]
fn a_stale_number_is_never_touched() {
    let scratch = Scratch::new();
    scratch.step("process.start", sleeper(&scratch)).applied();
    scratch.step("process.stop", json!({ "name": "demo" })).applied();
    // The numbers of the state now belong to a process that has nothing to do with the service.
    let mut bystander = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
    let path = scratch.state_dir().join("processes/demo/state.json");
    let mut state = scratch.state("demo");
    let old = state["supervisor"].clone();
    for field in ["supervisor", "child"] {
        state[field] = old.clone();
        state[field]["pid"] = json!(bystander.id());
    }
    std::fs::write(&path, state.to_string()).unwrap();
    let mut stop = scratch.step("process.stop", json!({ "name": "demo" }));
    assert!(stop.no_change());
    stop.applied();
    assert!(runs(bystander.id()));
    scratch.step("process.start", sleeper(&scratch)).applied();
    assert!(runs(bystander.id()));
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[test]
fn two_supervisors_of_one_service_are_impossible() {
    let scratch = Scratch::new();
    scratch.step("process.start", sleeper(&scratch)).applied();
    let before = scratch.state("demo");
    let spec = scratch.state_dir().join("processes/demo/spec.json");
    let second = Command::new(env!("CARGO_BIN_EXE_runbook")).arg("supervise").arg(spec).status().unwrap();
    assert!(!second.success());
    assert_eq!(scratch.state("demo"), before);
}

#[test]
fn a_restart_is_needed_only_when_what_runs_was_changed() {
    let scratch = Scratch::new();
    scratch.step("process.start", sleeper(&scratch)).applied();
    let first = scratch.pid("demo");
    std::fs::create_dir(scratch.path("app")).unwrap();
    let with = json!({ "name": "demo", "watch": ["app"] });
    // The script was written just before the start, perhaps within one tick of the clock that stamps files.
    scratch.step("process.restart", with.clone()).applied();
    let second = scratch.pid("demo");
    assert!(second != first && !runs(first));
    let mut restart = scratch.step("process.restart", with);
    assert!(restart.no_change());
    std::fs::write(scratch.path("app/VERSION"), "2").unwrap();
    assert!(!restart.no_change());
    restart.applied();
    assert_eq!(restart.confirm(), runbook_step::Confirmation::There);
    assert!(restart.no_change());
    let third = scratch.pid("demo");
    restart.undo(UndoPhase::Halt);
    assert!(!runs(third));
    restart.undo(UndoPhase::Undo);
    let fourth = scratch.pid("demo");
    restart.undo(UndoPhase::Undo);
    assert!(runs(fourth) && scratch.pid("demo") == fourth);
}

#[test]
fn a_restart_changes_parameters_and_its_undo_brings_the_old_ones_back() {
    let scratch = Scratch::new();
    script(&scratch.path("shows"), "echo \"colour $COLOUR of $0\"\nexec sleep 1000\n");
    let with = json!({ "name": "demo", "run": ["./shows"], "env": { "COLOUR": "red" }, "ready_log": "colour" });
    let log =
        |scratch: &Scratch| std::fs::read_to_string(scratch.state_dir().join("processes/demo/output.log")).unwrap();
    scratch.step("process.start", with).applied();
    let mut restart = scratch.step("process.restart", json!({ "name": "demo", "env": { "COLOUR": "blue" } }));
    assert!(!restart.no_change());
    restart.applied();
    assert!(log(&scratch).trim_end().ends_with("shows") && log(&scratch).contains("colour blue"));
    restart.undo(UndoPhase::Halt);
    restart.undo(UndoPhase::Undo);
    let lines: Vec<String> = log(&scratch).lines().map(str::to_owned).collect();
    assert!(lines.last().unwrap().contains("colour red"), "{lines:?}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn what_a_service_inherits_is_chosen() {
    let scratch = Scratch::new();
    script(&scratch.path("shows"), "env\necho up\nexec sleep 1000\n");
    let with = json!({ "name": "demo", "run": ["./shows"], "env": { "MINE": "1" }, "ready_log": "up" });
    scratch.step("process.start", with).applied();
    let log = std::fs::read_to_string(scratch.state_dir().join("processes/demo/output.log")).unwrap();
    assert!(log.contains("MINE=1") && log.contains("PATH="));
    assert!(!log.contains("CARGO") && !log.contains("RUNBOOK_STEP"), "{log}");
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = scratch.state_dir().join("processes/demo").join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("spec.json"), 0o600);
}

#[test]
fn every_half_done_start_stop_and_restart_can_be_taken_back() {
    for kind in ["process.start", "process.stop", "process.restart"] {
        for ran_before in [false, true] {
            if kind == "process.restart" && !ran_before {
                continue;
            }
            for acts in 0.. {
                let scratch = Scratch::new();
                if ran_before {
                    scratch.step("process.start", sleeper(&scratch)).applied();
                }
                let before = scratch.pid("demo");
                let with = match kind {
                    "process.start" => {
                        let mut with = sleeper(&scratch);
                        with["env"] = json!({ "CHANGED": "1" });
                        with
                    }
                    "process.restart" => json!({ "name": "demo", "env": { "CHANGED": "1" } }),
                    _ => json!({ "name": "demo" }),
                };
                let mut step = scratch.step(kind, with);
                let done = step.apply_within(acts).is_ok();
                for phase in [UndoPhase::Halt, UndoPhase::Undo, UndoPhase::Undo] {
                    step.undo(phase);
                }
                let down = scratch.step("process.stop", json!({ "name": "demo" })).no_change();
                assert_eq!(down, !ran_before, "{kind}, {acts} acts");
                if ran_before {
                    assert!(scratch.step("process.start", sleeper(&scratch)).no_change(), "{kind}, {acts} acts");
                    assert!(scratch.pid("demo") != before && !runs(before));
                }
                if done {
                    break;
                }
            }
        }
    }
}

#[test]
fn names_that_are_no_directory_names_are_refused() {
    let scratch = Scratch::new();
    for name in ["../x", "a/b", ".hidden", "", "a b"] {
        assert_eq!(scratch.faults("process.stop", json!({ "name": name })).len(), 1, "{name}");
    }
    assert!(!Path::new(&scratch.state_dir()).exists());
}

//! Scenarios of services of the supervisor.

use conformance::{Scenario, World, scenarios};
use serde_json::{Value as Json, json};
use std::path::Path;

scenarios![
    start_a_new_service,
    start_with_other_parameters,
    start_what_is_down,
    start_what_runs,
    start_what_does_not_stay,
    start_a_missing_program,
    stop_what_runs,
    stop_what_is_down,
    restart_with_other_parameters,
    restart_after_a_change,
    restart_what_is_down,
    restart_what_is_new,
    restart_what_is_unknown,
];

/// A service that says what it was given and sleeps.
fn parameters(world: &World, colour: &str) -> Json {
    let program = world.root.join("service");
    if !program.exists() {
        world.file_with_mode("service", "#!/bin/sh\necho \"up $COLOUR\"\nexec sleep 1000\n", 0o755);
    }
    json!({ "name": "demo", "run": ["./service"], "env": { "COLOUR": colour }, "ready_log": "up" })
}

fn start(world: &World) {
    world.apply("process.start", &parameters(world, "red"));
}

fn stop(world: &World) {
    world.apply("process.stop", &json!({ "name": "demo" }));
}

/// Whether the service runs, and with which parameters; not which process it is.
fn service(world: &World) -> String {
    let dir = world.state.join("processes/demo");
    let read = |name: &str| -> Json {
        serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap_or_default()).unwrap_or_default()
    };
    let (spec, pid) = (read("spec.json"), read("state.json")["child"]["pid"].as_u64().unwrap_or(0));
    let runs = u32::try_from(pid).is_ok_and(runbook_host::runs);
    let mut environment = Vec::new();
    // The script replaces itself by another program; in that moment there is no environment to be read.
    while runs && environment.is_empty() && Path::new(&format!("/proc/{pid}/exe")).exists() {
        environment = world.reader().environment_of(u32::try_from(pid).unwrap());
    }
    let colour = environment.into_iter().find(|entry| entry.starts_with(b"COLOUR=") && runs).unwrap_or_default();
    let colour = String::from_utf8(colour).unwrap();
    format!("runs: {runs}\n{colour}\nspec: {}\n{}", spec["env"], world.tree_without_times())
}

fn about_the_service(scenario: Scenario) -> Scenario {
    scenario.observing(service).teardown(stop)
}

fn start_a_new_service() -> Scenario {
    about_the_service(Scenario::change("process.start", |world| parameters(world, "red")).afterwards(|world, done| {
        assert_eq!(done.results.outputs["service"]["state"], "up");
        assert!(service(world).starts_with("runs: true\nCOLOUR=red\n"));
    }))
}

fn start_with_other_parameters() -> Scenario {
    about_the_service(Scenario::change("process.start", |world| {
        start(world);
        parameters(world, "blue")
    }))
}

fn start_what_is_down() -> Scenario {
    about_the_service(Scenario::change("process.start", |world| {
        start(world);
        stop(world);
        parameters(world, "blue")
    }))
}

fn start_what_runs() -> Scenario {
    about_the_service(Scenario::nothing_to_do("process.start", |world| {
        start(world);
        parameters(world, "red")
    }))
}

fn start_what_does_not_stay() -> Scenario {
    let scenario = Scenario::refusal("process.start", "exit code 3 right after it was started", |world| {
        world.file_with_mode("broken", "#!/bin/sh\necho no >&2\nexit 3\n", 0o755);
        json!({ "name": "demo", "run": ["./broken"] })
    });
    scenario.observing(|world| world.tree()).teardown(stop)
}

fn start_a_missing_program() -> Scenario {
    about_the_service(Scenario::refusal(
        "process.start",
        "is not there",
        |_| json!({ "name": "demo", "run": ["./no"] }),
    ))
}

fn stop_what_runs() -> Scenario {
    about_the_service(Scenario::change("process.stop", |world| {
        start(world);
        json!({ "name": "demo" })
    }))
}

fn stop_what_is_down() -> Scenario {
    about_the_service(Scenario::nothing_to_do("process.stop", |world| {
        start(world);
        stop(world);
        json!({ "name": "demo" })
    }))
}

fn restart_with_other_parameters() -> Scenario {
    about_the_service(Scenario::change("process.restart", |world| {
        start(world);
        json!({ "name": "demo", "env": { "COLOUR": "blue" } })
    }))
}

fn restart_after_a_change() -> Scenario {
    about_the_service(Scenario::change("process.restart", |world| {
        start(world);
        world.file("app/VERSION", "2\n");
        json!({ "name": "demo", "watch": ["app"] })
    }))
}

fn restart_what_is_down() -> Scenario {
    about_the_service(Scenario::change("process.restart", |world| {
        start(world);
        stop(world);
        json!({ "name": "demo" })
    }))
}

fn restart_what_is_new() -> Scenario {
    about_the_service(Scenario::nothing_to_do("process.restart", |world| {
        world.file("app/VERSION", "2\n");
        start(world);
        let with = json!({ "name": "demo", "watch": ["app"] });
        // The start may have been within one tick of the clock that stamps files; a restart waits that out.
        world.apply("process.restart", &with);
        with
    }))
}

fn restart_what_is_unknown() -> Scenario {
    about_the_service(Scenario::refusal("process.restart", "no service `demo`", |_| json!({ "name": "demo" })))
}

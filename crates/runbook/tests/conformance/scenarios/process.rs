//! Scenarios of services, evidence about them, and ports. What goes wrong with real services is in `tests/services`.

use crate::harness::{Scenario, scenarios};
use crate::world::World;
use runbook_model::Resource;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::{Command, Stdio};

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
    inspect_what_runs,
    inspect_what_is_unknown,
    free_a_port,
    free_a_free_port,
    free_a_port_of_another_program,
    verify_a_service,
    verify_what_is_red,
];

/// A service that says what it was given and sleeps.
fn parameters(world: &World, colour: &str) -> Json {
    let program = world.root.join("service");
    if !program.exists() {
        world.file_with_mode("service", "#!/bin/sh\necho \"up $COLOUR\"\nexec sleep 1000\n", 0o755);
    }
    json!({ "name": "demo", "run": ["./service"], "env": { "COLOUR": colour }, "ready_log": "up" })
}

fn run(world: &World, kind: &str, with: &Json) {
    let step = world.bind(kind, with);
    world.work(i64::MAX, None, |work| step.apply(work, &Json::Null)).unwrap();
}

fn start(world: &World) {
    run(world, "process.start", &parameters(world, "red"));
}

fn stop(world: &World) {
    run(world, "process.stop", &json!({ "name": "demo" }));
}

/// Whether the service runs, and with which parameters; not which process it is.
fn service(world: &World) -> String {
    let dir = world.state.join("processes/demo");
    let read = |name: &str| -> Json {
        serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap_or_default()).unwrap_or_default()
    };
    let (spec, pid) = (read("spec.json"), read("state.json")["child"]["pid"].as_u64().unwrap_or(0));
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let runs = stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'));
    let mut environment = String::new();
    // The script replaces itself by another program; in that moment there is no environment to be read.
    while runs && environment.is_empty() && Path::new(&format!("/proc/{pid}/exe")).exists() {
        environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_default();
    }
    let colour = environment.split('\0').find(|entry| entry.starts_with("COLOUR=") && runs).unwrap_or("").to_owned();
    format!("runs: {runs}\n{colour}\nspec: {}\n{}", spec["env"], world.tree_without_times())
}

fn about_the_service(scenario: Scenario) -> Scenario {
    scenario.observing(service).teardown(stop)
}

fn start_a_new_service() -> Scenario {
    about_the_service(Scenario::change("process.start", |world| parameters(world, "red")).afterwards(|world, done| {
        assert_eq!(done.outputs["service"]["state"], "up");
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
        run(world, "process.restart", &with);
        with
    }))
}

fn restart_what_is_unknown() -> Scenario {
    about_the_service(Scenario::refusal("process.restart", "no service `demo`", |_| json!({ "name": "demo" })))
}

fn inspect_what_runs() -> Scenario {
    about_the_service(Scenario::nothing_to_do("service.inspect", |world| {
        world.file("package.json", "{ \"version\": \"1.2.3\" }");
        start(world);
        json!({ "manager": "process", "name": "demo" })
    }))
    .afterwards(|world, done| {
        assert_eq!(done.outputs["version"], "1.2.3");
        assert_eq!(done.outputs["package_root"], *world.root.to_string_lossy());
    })
}

fn inspect_what_is_unknown() -> Scenario {
    let with = || json!({ "manager": "process", "name": "demo" });
    about_the_service(Scenario::refusal("service.inspect", "no service `demo`", move |_| with()))
}

/// A process that listens on a port and belongs to nobody; its number and port are kept in the world.
fn orphan(world: &World) -> u16 {
    let gateway = Path::new(env!("CARGO_BIN_EXE_runbook")).with_file_name("demo-gateway");
    if !gateway.exists() {
        assert!(Command::new(env!("CARGO")).args(["build", "-p", "demo-gateway"]).status().unwrap().success());
    }
    let app = world.home.join("app");
    assert!(Command::new(&gateway).args(["make-release", "1.0.0"]).arg(&app).status().unwrap().success());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut serve = Command::new(&gateway);
    serve.arg("serve").arg("--app").arg(&app).arg("--state").arg(world.home.join("data"));
    let mut child = serve.args(["--port", &port.to_string()]).stdout(Stdio::null()).spawn().unwrap();
    std::fs::write(world.state.join("orphan"), child.id().to_string()).unwrap();
    std::thread::spawn(move || child.wait());
    while world.reader().port_owners(port).unwrap().is_free() {
        std::thread::yield_now();
    }
    port
}

fn runs(world: &World) -> String {
    let pid = std::fs::read_to_string(world.state.join("orphan")).unwrap_or_default();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    format!("orphan runs: {}", stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}

fn end_the_orphan(world: &World) {
    if let Ok(pid) = std::fs::read_to_string(world.state.join("orphan")) {
        let _ = Command::new("kill").args(["-KILL", &pid]).stderr(Stdio::null()).status();
    }
}

fn free_a_port() -> Scenario {
    Scenario::change("port.orphan-kill", |world| json!({ "port": orphan(world), "expect": "demo-gateway" }))
        .without_undo()
        .observing(runs)
        .teardown(end_the_orphan)
        .afterwards(|world, _| assert_eq!(runs(world), "orphan runs: false"))
}

fn free_a_free_port() -> Scenario {
    Scenario::nothing_to_do("port.orphan-kill", |_| {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        json!({ "port": port, "expect": "gateway" })
    })
}

fn free_a_port_of_another_program() -> Scenario {
    let with = |world: &mut World| json!({ "port": orphan(world), "expect": "node" });
    Scenario::refusal("port.orphan-kill", "which is not `node`", with).observing(runs).teardown(end_the_orphan)
}

fn verify_a_service() -> Scenario {
    about_the_service(
        Scenario::change("verify.signals", |world| {
            start(world);
            world.services = vec![Resource::Process("demo".to_owned())];
            json!({ "within": "5s", "watch": "20ms", "signals": {
                "up": { "log": "up red", "kind": "functional" },
                "errors": { "log_absent": "error", "kind": "negative" },
                "runs": { "process": "demo" },
                "answers": { "command": ["true"] },
            }})
        })
        .without_undo(),
    )
    .afterwards(|_, done| assert_eq!(done.outputs["green"], json!(["answers", "errors", "runs", "up"])))
}

fn verify_what_is_red() -> Scenario {
    let with = || json!({ "within": "50ms", "signals": { "answers": { "command": ["false"] } } });
    Scenario::refusal("verify.signals", "1 of 1 blocking signals is red: `answers`", move |_| with())
}

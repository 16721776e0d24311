//! `service.inspect` under the laws that every kind obeys.

use conformance::{Scenario, World, scenarios};
use runbook_launch::KINDS;
use serde_json::json;

conformance::table!(KINDS, ALL);

conformance::supervisor!(runbook_services::process::supervise);

scenarios![inspect_what_runs, inspect_what_is_unknown];

fn world() -> World {
    World::of(&[KINDS, runbook_services::KINDS]).supervised_by(conformance::own_program())
}

/// A service that says that it is up, and sleeps.
fn start(world: &World) {
    world.file_with_mode("service", "#!/bin/sh\necho up\nexec sleep 1000\n", 0o755);
    world.apply("process.start", &json!({ "name": "demo", "run": ["./service"], "ready_log": "up" }));
}

/// What its supervisor says, which process it is included, and every file.
fn service(world: &World) -> String {
    let said = std::fs::read_to_string(world.state.join("processes/demo/state.json"));
    said.unwrap_or_default() + &world.tree()
}

fn stop(world: &World) {
    world.apply("process.stop", &json!({ "name": "demo" }));
}

fn about_the_service(scenario: Scenario) -> Scenario {
    scenario.observing(service).teardown(stop)
}

fn inspect_what_runs() -> Scenario {
    about_the_service(Scenario::nothing_to_do("service.inspect", |world| {
        world.file("package.json", "{ \"version\": \"1.2.3\" }");
        start(world);
        json!({ "manager": "process", "name": "demo" })
    }))
    .afterwards(|world, done| {
        assert_eq!(done.results.outputs["version"], "1.2.3");
        assert_eq!(done.results.outputs["package_root"], *world.root.to_string_lossy());
    })
}

fn inspect_what_is_unknown() -> Scenario {
    let with = || json!({ "manager": "process", "name": "demo" });
    about_the_service(Scenario::refusal("service.inspect", "no service `demo`", move |_| with()))
}

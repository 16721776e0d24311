//! `verify.signals` under the laws that every kind obeys.

use conformance::{Scenario, World, scenarios};
use runbook_model::Resource;
use runbook_signals::KINDS;
use serde_json::json;

conformance::table!(KINDS, ALL);

conformance::supervisor!(runbook_services::process::supervise);

scenarios![verify_a_service, verify_what_is_red];

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

fn verify_a_service() -> Scenario {
    let with = |world: &mut World| {
        start(world);
        world.services = vec![Resource::Process("demo".to_owned())];
        json!({ "within": "5s", "watch": "20ms", "signals": {
            "up": { "log": "up", "kind": "functional" },
            "errors": { "log_absent": "error", "kind": "negative" },
            "runs": { "process": "demo" },
            "answers": { "command": ["true"] },
        }})
    };
    Scenario::change("verify.signals", with)
        .without_undo()
        .observing(service)
        .resulting(World::tree_without_times)
        .teardown(stop)
        .afterwards(|_, done| assert_eq!(done.results.outputs["green"], json!(["answers", "errors", "runs", "up"])))
}

fn verify_what_is_red() -> Scenario {
    let with = || json!({ "within": "50ms", "signals": { "answers": { "command": ["false"] } } });
    Scenario::refusal("verify.signals", "1 of 1 blocking signals is red: `answers`", move |_| with())
}

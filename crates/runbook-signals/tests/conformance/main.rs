//! `verify.signals` under the laws that every kind obeys.

use conformance::{DemoService, Scenario, World, scenarios};
use runbook_model::Resource;
use runbook_signals::KINDS;
use serde_json::json;

conformance::table!(KINDS, ALL);

conformance::supervisor!(runbook_services::process::supervise);

scenarios![verify_a_service, verify_what_is_red];

fn world() -> World {
    World::of(&[KINDS, runbook_services::KINDS]).supervised_by(conformance::own_program())
}

const SERVICE: DemoService = DemoService { start: "process.start", stop: "process.stop" };

fn verify_a_service() -> Scenario {
    let with = |world: &mut World| {
        SERVICE.start(world);
        world.services = vec![Resource::Process("demo".to_owned())];
        json!({ "within": "5s", "watch": "20ms", "signals": {
            "up": { "log": "up", "kind": "functional" },
            "errors": { "log_absent": "error", "kind": "negative" },
            "runs": { "process": "demo" },
            "answers": { "command": ["true"] },
        }})
    };
    SERVICE
        .around(Scenario::change("verify.signals", with))
        .without_undo()
        .resulting(World::tree_without_times)
        .afterwards(|_, done| assert_eq!(done.results.outputs["green"], json!(["answers", "errors", "runs", "up"])))
}

fn verify_what_is_red() -> Scenario {
    let with = || json!({ "within": "50ms", "signals": { "answers": { "command": ["false"] } } });
    Scenario::refusal("verify.signals", "1 of 1 blocking signals is red: `answers`", move |_| with())
}

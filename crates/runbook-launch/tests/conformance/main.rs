//! `service.inspect` under the laws that every kind obeys.

use conformance::{DemoService, Scenario, World, scenarios};
use runbook_launch::KINDS;
use serde_json::json;

conformance::table!(KINDS, ALL);

conformance::supervisor!(runbook_services::process::supervise);

scenarios![inspect_what_runs, inspect_what_is_unknown];

fn world() -> World {
    World::of(&[KINDS, runbook_services::KINDS]).supervised_by(conformance::own_program())
}

const SERVICE: DemoService = DemoService { start: "process.start", stop: "process.stop" };

fn inspect_what_runs() -> Scenario {
    SERVICE
        .around(Scenario::nothing_to_do("service.inspect", |world| {
            world.file("package.json", "{ \"version\": \"1.2.3\" }");
            SERVICE.start(world);
            json!({ "manager": "process", "name": "demo" })
        }))
        .afterwards(|world, done| {
            assert_eq!(done.results.outputs["version"], "1.2.3");
            assert_eq!(done.results.outputs["package_root"], *world.root.to_string_lossy());
        })
}

fn inspect_what_is_unknown() -> Scenario {
    let with = || json!({ "manager": "process", "name": "demo" });
    SERVICE.around(Scenario::refusal("service.inspect", "no service `demo`", move |_| with()))
}

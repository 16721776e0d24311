//! A service for kinds that look at one: it says that it is up, and sleeps.

use crate::{Scenario, World};
use serde_json::json;

/// The service, by the kinds that start and stop it.
#[derive(Clone, Copy, Debug)]
pub struct DemoService {
    /// The kind that starts it.
    pub start: &'static str,
    /// The kind that stops it.
    pub stop: &'static str,
}

impl DemoService {
    /// Starts it as `demo`.
    pub fn start(self, world: &World) {
        world.file_with_mode("service", "#!/bin/sh\necho up\nexec sleep 1000\n", 0o755);
        world.apply(self.start, &json!({ "name": "demo", "run": ["./service"], "ready_log": "up" }));
    }

    /// A scenario that may start it. What its supervisor says, which process it is included, and every file stay as they are
    /// where nothing is to change.
    pub fn around(self, scenario: Scenario) -> Scenario {
        let said = |world: &World| {
            let said = std::fs::read_to_string(world.state.join("processes/demo/state.json"));
            said.unwrap_or_default() + &world.tree()
        };
        scenario.observing(said).teardown(move |world| {
            world.apply(self.stop, &json!({ "name": "demo" }));
        })
    }
}

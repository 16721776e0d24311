//! What a run told, as the lines of `--format ndjson`.

use runbook_model::Reading;
use serde_json::Value as Json;

/// What a run told.
pub(crate) struct Told {
    pub(crate) events: Vec<Json>,
    pub(crate) code: i32,
}

impl Told {
    pub(crate) fn event(&self, name: &str) -> &Json {
        let is = |event: &&Json| event["event"] == name || event["type"] == name;
        self.events.iter().rev().find(is).unwrap_or_else(|| panic!("no {name} in {:#?}", self.events))
    }

    /// Which record says that `step` changed the host.
    pub(crate) fn place(&self, step: &str) -> i64 {
        let is =
            |event: &&Json| event["event"] == "step-finished" && event["step"] == step && event["outcome"] == "changed";
        let event = self.events.iter().find(is);
        event.unwrap_or_else(|| panic!("{step} changed nothing: {:#?}", self.events))["seq"].as_i64().unwrap()
    }

    /// The row of `signal` in the last event called `name`.
    pub(crate) fn row(&self, name: &str, signal: &str) -> Reading {
        let rows: Vec<Reading> = serde_json::from_value(self.event(name)["readings"].clone()).unwrap();
        rows.into_iter().find(|row| row.signal == signal).unwrap()
    }

    pub(crate) fn after(&self, signal: &str) -> Reading {
        let is = |event: &&Json| event["event"] == "step-finished" && event["step"] == "verify";
        let event = self.events.iter().find(is).unwrap_or_else(|| panic!("verify did not end: {:#?}", self.events));
        let rows: Vec<Reading> = serde_json::from_value(event["readings"].clone()).unwrap();
        rows.into_iter().find(|row| row.signal == signal).unwrap()
    }

    /// How long the verification after the change took.
    pub(crate) fn took_ms(&self) -> i64 {
        let at = |name: &str| {
            let is = |event: &&Json| event["event"] == name && event["step"] == "verify";
            self.events.iter().find(is).and_then(|event| event["at"].as_i64()).unwrap()
        };
        at("step-finished") - at("step-started")
    }

    pub(crate) fn verdict(&self) -> (&str, i32) {
        (self.event("run-finished")["verdict"].as_str().unwrap(), self.code)
    }
}

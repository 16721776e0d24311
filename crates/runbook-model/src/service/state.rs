//! A service before or after a step, as records say it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A service, and whether it is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Its name.
    pub name: String,
    /// Whether it is up, or about to be.
    pub up: bool,
}

impl ServiceState {
    /// The service `name`.
    pub fn new(name: impl Into<String>, up: bool) -> Self {
        Self { name: name.into(), up }
    }

    /// As the output `service` of a step tells it to a plan: `{"name": "demo", "state": "up"}`.
    pub fn output(&self) -> Value {
        json!({ "name": self.name, "state": if self.up { "up" } else { "down" } })
    }
}

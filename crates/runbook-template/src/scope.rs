//! The values that templates may read.

use runbook_model::{HostFacts, Outputs, Plan, StepId};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::fmt;

/// The values that templates may read. `Debug` prints names and never a value, for a variable may be a secret.
#[derive(Clone, PartialEq)]
pub struct Scope {
    /// `vars.*`
    pub vars: Map<String, Json>,
    /// `steps.<id>.*`
    pub steps: BTreeMap<StepId, Outputs>,
    /// `host.*`
    pub host: HostFacts,
    /// `environment`; empty text in templates if none was chosen.
    pub environment: Option<String>,
}

impl Scope {
    /// A scope without variables and outputs.
    pub fn new(host: HostFacts, environment: Option<String>) -> Self {
        Self { vars: Map::new(), steps: BTreeMap::new(), host, environment }
    }

    /// What templates of `plan` may read before any step has run: its variables but no secrets.
    pub fn of(plan: &Plan) -> Self {
        let mut scope = Self::new(plan.host.clone(), plan.environment.clone());
        let known = plan.vars.iter().filter_map(|var| Some((var.name.clone(), var.value.as_ref()?.to_json())));
        scope.vars = known.collect();
        scope
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("vars", &self.vars.keys().collect::<Vec<_>>())
            .field("steps", &self.steps.keys().collect::<Vec<_>>())
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

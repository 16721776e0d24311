//! A forecast as plain data: what people and programs are shown of it.

use crate::{Forecast, Predicted};
use runbook_model::{Excerpt, StepId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a plan would do, with the secrets of the plan struck out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Foretold {
    /// One entry a step, in the order of the schedule.
    pub steps: Vec<Predicted>,
    /// What steps read for people without acting, where that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub excerpts: BTreeMap<StepId, Excerpt>,
}

impl Foretold {
    /// Whether the plan has anything to do.
    pub fn has_work(&self) -> bool {
        self.steps.iter().any(|step| step.needed)
    }
}

impl Forecast {
    /// What is shown of it. Outputs themselves hold secrets in the clear, for the steps behind, so they are not handed out.
    pub fn foretold(&self) -> Foretold {
        let excerpt = |(step, results): (&StepId, &runbook_model::Results)| {
            Some((step.clone(), Excerpt::of(&self.secrets.redact_outputs(results.outputs.clone()))?))
        };
        Foretold { steps: self.steps.clone(), excerpts: self.outputs.iter().filter_map(excerpt).collect() }
    }
}

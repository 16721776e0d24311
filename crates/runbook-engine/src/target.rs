//! The rule `exact-target` on a host that was read: a step that replaces a program has to be about the installation that
//! the inspected services of the plan execute.

use crate::Program;
use crate::binding::Values;
use crate::predict::Forecast;
use runbook_host::Reader;
use runbook_model::{Failure, Installation, Refusal, StepDef, misses_its_target};

impl Program {
    /// Why steps that this run needs are not about what its services execute, as far as it is known before the first
    /// change.
    pub(crate) fn missed_targets(&self, forecast: &Forecast, host: &Reader) -> Vec<Failure> {
        let needed = forecast.steps.iter().filter(|step| step.needed).filter_map(|step| self.step(&step.step));
        needed.filter_map(|def| self.missed_target(def, forecast.values(), host)).collect()
    }

    /// Why the step is not about what the inspected services execute; `None` also where that is not known.
    pub(crate) fn missed_target(&self, def: &StepDef, values: Values<'_>, host: &Reader) -> Option<Failure> {
        if def.allow.iter().any(|allow| allow.rule == Refusal::ExactTarget) {
            return None;
        }
        let inspected = self.execution.inspections.iter();
        let found: Vec<Installation> =
            inspected.filter_map(|step| values.outputs.get(step)?.installation.as_deref().cloned()).collect();
        if found.is_empty() {
            return None;
        }
        let declaration = self.declared(def, values)?;
        let why = misses_its_target(&found, &declaration, &|path| host.where_it_would_be(path))?;
        let failure = Failure::refused(format!("step `{}` is not about what the service runs: {why}", def.id));
        Some(failure.hint(
            "take its path from the inspection; if this is meant, except the step from `exact-target` with a reason",
        ))
    }
}

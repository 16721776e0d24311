//! What the steps before one bring of what it lacks.

use crate::Program;
use crate::foreseen::ForeseenChanges;
use crate::predict::Forecast;
use runbook_model::{Purpose, StepDef, StepId};
use runbook_step::Lack;
use std::collections::HashSet;

/// What comes of a lack by the steps before.
pub(crate) enum Mended {
    /// A step writes just that.
    Surely,
    /// A step may write it, as it may write anything.
    Perhaps(StepId),
    No,
}

/// What the steps before would change.
#[derive(Default)]
pub(crate) struct Before {
    pub(crate) foreseen: ForeseenChanges,
    /// Steps that start a service, which may make files while it runs.
    pub(crate) starts: HashSet<StepId>,
}

impl Program {
    pub(crate) fn mended(&self, def: &StepDef, lack: &Lack, before: &Before) -> Mended {
        let by_package = || before.foreseen.installs().filter(|_| lack.installed);
        if before.foreseen.writes(&lack.on).or_else(by_package).is_some() {
            return Mended::Surely;
        }
        if let Some(step) = before.foreseen.writes_anywhere() {
            return Mended::Perhaps(step.clone());
        }
        if lack.installed || before.starts.is_empty() {
            return Mended::No;
        }
        let earlier = self.execution.schedule.ancestors(&def.id);
        let starts = before.starts.iter().filter(|start| earlier.contains(start)).min();
        starts.cloned().map_or(Mended::No, Mended::Perhaps)
    }

    pub(crate) fn add(&self, def: &StepDef, forecast: &Forecast, before: &mut Before) {
        let declared = self.declared(def, forecast.values());
        let effects = declared.as_ref().map_or(self.effects(&def.id), |declared| declared.effects.as_slice());
        before.foreseen.add(&def.id, effects);
        let declaration = self.execution.schedule.declaration(&def.id);
        if declaration.is_some_and(|it| it.purpose == Purpose::Attendant && it.starts().next().is_some()) {
            before.starts.insert(def.id.clone());
        }
    }
}

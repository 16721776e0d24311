//! What is in the way of a run that was interrupted, asked before it goes on: of the steps that are still to be done, and of
//! nothing that is done.

use crate::predict::{Begun, Forecast, Known, Predicted};
use crate::preflight::Obstacle;
use crate::secrets::Secrets;
use crate::undo_sources::{Way, missing};
use crate::{Program, forward};
use runbook_host::Reader;
use runbook_journal::StateDir;
use runbook_model::{Failure, Role, RunId, RunState, StepId, StepStatus};
use runbook_schedule::Reason;
use std::collections::HashSet;

impl Program {
    /// What is in the way of going forward from `state`: what is gone of the way back, and what the steps that are left would
    /// fail for. Reads the host, and writes nothing. Empty for a run in which nothing more begins.
    pub fn obstacles_ahead(&self, state: &RunState, dir: &StateDir, run: &RunId, host: &Reader) -> Vec<Obstacle> {
        let gone = self.missing(state, dir, run, Way::On).into_iter().map(|what| {
            let failure = Failure::missing(format!("its way back is not whole: {what}"));
            Obstacle { failure: failure.hint("put a copy of it in its place and resume again"), certain: true }
        });
        let mut found: Vec<Obstacle> = gone.collect();
        if !forward::nothing_begins(state, &self.execution) {
            found.extend(self.obstacles(&self.forecast_rest(state, host), host));
        }
        found
    }

    /// Whether everything is there that taking the run back relies on.
    pub fn can_go_back(&self, state: &RunState, dir: &StateDir, run: &RunId) -> bool {
        self.missing(state, dir, run, Way::Back).is_empty()
    }

    /// What is gone or damaged of what the run kept that taking it back relies on, one line each. On the way back scripts are
    /// [obstacles](Self::obstacles_back), for a run that is open goes back as far as it can.
    pub(crate) fn missing(&self, state: &RunState, dir: &StateDir, run: &RunId, way: Way) -> Vec<String> {
        let mut missing = missing(state, &self.execution, dir, run, way);
        if way == Way::On {
            missing.extend(self.damaged_for_undo(state).into_iter().map(|(_, failure)| failure.message));
        }
        missing
    }

    /// What the steps that are left would do on the host as the others left it.
    fn forecast_rest(&self, state: &RunState, host: &Reader) -> Forecast {
        let done = state.steps().filter(|(_, known)| known.status.satisfies());
        let outputs = done.map(|(step, known)| (step.clone(), known.usable_results().clone())).collect();
        let left = self.left(state);
        let secrets = Secrets::going_on(self.plan(), &self.provider, &outputs);
        let seen = self.foresee(host, Known { outputs, ..Known::default() }, &secrets, &left);
        let predicted = |step: &StepId| {
            let prediction = seen.predictions.get(step)?.clone();
            let needed = state.step(step).is_some_and(|known| known.needed != Some(false));
            Some(Predicted { step: step.clone(), prediction: secrets.redact_prediction(prediction), needed })
        };
        let steps = self.execution.schedule.order().iter().filter_map(predicted).collect();
        let Known { outputs, failures } = seen.known;
        Forecast { steps, outputs, failures, secrets, begun: self.begun(state) }
    }

    /// The steps that may still act. What needs a step that failed is skipped, and so is not asked.
    fn left(&self, state: &RunState) -> HashSet<StepId> {
        use StepStatus::{FailedTouched, FailedUntouched, Intended, Pending, Retrying, Started, Undoing, Undone};
        let (mut left, mut lost) = (HashSet::new(), HashSet::new());
        for step in self.execution.schedule.order() {
            let needs_lost = || {
                let edges = self.execution.schedule.explain(step).into_iter();
                edges.into_iter().any(|edge| lost.contains(&edge.before) && edge.reasons.iter().any(Reason::is_written))
            };
            match state.status(step) {
                FailedTouched | FailedUntouched | Undoing | Undone => drop(lost.insert(step.clone())),
                Pending if needs_lost() => drop(lost.insert(step.clone())),
                Pending | Started | Intended | Retrying => drop(left.insert(step.clone())),
                _ => {}
            }
        }
        left
    }

    fn begun(&self, state: &RunState) -> Begun {
        let starts = |role: &Role| role.starts().is_some();
        let mut begun = Begun::default();
        for (step, known) in state.steps() {
            // What a verification that has begun cannot read, a person is asked about.
            let asks = || known.status == StepStatus::Started && self.plays(step, Role::verifies);
            if matches!(known.status, StepStatus::Intended | StepStatus::Retrying) || asks() {
                begun.acting.insert(step.clone());
            }
            if known.status == StepStatus::Changed && self.plays(step, starts) {
                begun.started.insert(step.clone());
            }
        }
        begun
    }
}

//! What is wrong is said before anything stops: everything that this run would fail for on the host as it is, unless a
//! step before brings it.

use crate::Program;
use crate::binding::{Unbound, Values};
use crate::mended::{Before, Mended};
use crate::predict::Forecast;
use crate::secrets::Secrets;
use crate::undo_sources::Way;
use runbook_host::Reader;
use runbook_model::{Failure, FailureKind, OnFailure, Reference, RunState, StepDef};
use runbook_step::Lack;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Something that stands in the way of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Obstacle {
    /// What a step would fail with; its message names the step.
    pub failure: Failure,
    /// Whether the run cannot succeed with it; else a step before may bring what is missing, or the run ends well
    /// without it.
    pub certain: bool,
}

impl Program {
    /// What is in the way of the steps that this run needs, with the secrets of the plan struck out. Reads the host, and
    /// writes nothing.
    pub fn obstacles(&self, forecast: &Forecast, host: &Reader) -> Vec<Obstacle> {
        let certain = |failure| Obstacle { failure, certain: true };
        let mut found: Vec<Obstacle> = self.missing_secrets(forecast).into_iter().map(certain).collect();
        found.extend(self.missed_targets(forecast, host).into_iter().map(certain));
        found.extend(self.without_way_back(forecast, host).into_iter().map(certain));
        found.extend(self.not_executable_there(host));
        found.extend(forecast.secrets.short().into_iter().map(|name| {
            let what = "it is struck out as it is, and in no encoding and no other letters; use a longer one";
            let failure = Failure::failed(format!("the secret `{name}` is shorter than 6 characters: {what}"));
            Obstacle { failure, certain: false }
        }));
        let mut before = Before { starts: forecast.begun.started.clone(), ..Before::default() };
        let mut asked = HashSet::new();
        for step in forecast.steps.iter().filter(|step| step.needed).map(|predicted| &predicted.step) {
            let Some(def) = self.step(step) else { continue };
            let secrets = self.lacks_of_secrets(def, host, &mut asked);
            for lack in self.lacks(def, forecast, host).into_iter().chain(secrets) {
                found.extend(self.obstacle(def, lack, &before));
            }
            self.add(def, forecast, &mut before);
        }
        let redact = |one: Obstacle| Obstacle { failure: forecast.secrets.redact_failure(one.failure), ..one };
        let mut told = HashSet::new();
        found.into_iter().map(redact).filter(|one| told.insert(one.failure.message.clone())).collect()
    }

    /// What the commands would fail for that take the run back from `state`, unless a step that is taken back before brings it.
    pub fn obstacles_back(&self, state: &RunState, host: &Reader) -> Vec<Obstacle> {
        let outputs = state.steps().map(|(step, known)| (step.clone(), known.usable_results().clone())).collect();
        let secrets = Secrets::going_on(self.plan(), &self.provider, &outputs);
        let mut touched: Vec<_> = state.steps().filter(|(_, known)| known.status.may_have_touched()).collect();
        touched.sort_by_key(|(_, known)| std::cmp::Reverse(known.intent_seq));
        let damaged = self.damaged_for_undo(state).into_iter().map(|(step, failure)| {
            let message = format!("step `{step}` could not be taken back: {}", failure.message);
            Obstacle { failure: Failure { message, ..failure }, certain: true }
        });
        let (mut found, mut before) = (damaged.collect::<Vec<_>>(), Before::default());
        for def in touched.into_iter().filter_map(|(step, _)| self.step(step)) {
            let asked = self.bind_to_ask(Way::Back, def, Values::early(&outputs, &secrets));
            for Lack { failure, on, .. } in asked.map(|(bound, _)| bound.lacks_to_undo(host)).unwrap_or_default() {
                let message = format!("step `{}` could not be taken back: {}", def.id, failure.message);
                let lack = Lack::new(Failure { message, ..failure }, on).of_installed();
                let certain = match self.mended(def, &lack, &before) {
                    Mended::Surely => continue,
                    Mended::Perhaps(_) => false,
                    Mended::No => true,
                };
                found.push(Obstacle { failure: secrets.redact_failure(lack.failure), certain });
            }
            before.foreseen.add(&def.id, self.effects(&def.id));
        }
        found
    }

    fn obstacle(&self, def: &StepDef, lack: Lack, before: &Before) -> Option<Obstacle> {
        let id = &def.id;
        let what = &lack.failure.message;
        let (message, certain) = match self.mended(def, &lack, before) {
            Mended::Surely => return None,
            Mended::No if lack.decides && def.on_failure != OnFailure::Continue => {
                (format!("step `{id}` would fail: {what}"), true)
            }
            Mended::No => (format!("step `{id}`: {what}"), false),
            Mended::Perhaps(step) => {
                (format!("step `{id}` would fail: {what}, if step `{step}` does not bring it"), false)
            }
        };
        Some(Obstacle { failure: Failure { message, ..lack.failure }, certain })
    }

    /// What the step lacks, and what its probe failed with.
    fn lacks(&self, def: &StepDef, forecast: &Forecast, host: &Reader) -> Vec<Lack> {
        let holds = match self.holds(def, forecast.values()) {
            Ok(holds) => Some(holds),
            Err(Unbound::Waits(_)) => None,
            Err(Unbound::Wrong(failure)) => return vec![Lack::new(failure, [])],
        };
        if holds == Some(false) {
            return Vec::new();
        }
        let (bound, partial) = match self.bind_to_ask(Way::On, def, forecast.values()) {
            Ok(bound) => bound,
            // Not known yet, or told as a missing secret.
            Err(_) if self.waits(def, forecast) => return Vec::new(),
            Err(Unbound::Waits(_)) => return Vec::new(),
            Err(Unbound::Wrong(failure)) => return vec![Lack::new(failure, [])],
        };
        let failed = forecast.failures.get(&def.id);
        let mut lacks = bound.lacks(host, failed);
        // With something else in the place of a content, only what has nothing to do with it is certain.
        if partial {
            lacks.retain(|lack| lack.failure.kind == FailureKind::Missing);
        }
        if let Some(failure) = failed.filter(|failure| !lacks.iter().any(|lack| lack.failure == **failure)) {
            let tries_again = def.retry.attempts > 1 && failure.kind == FailureKind::Failed;
            let effects = self.effects(&def.id).iter().map(|effect| effect.resource.clone());
            let lack = Lack::new(failure.clone(), effects);
            lacks.push(if tries_again { lack.only_told() } else { lack });
        }
        // Whether it runs at all, or once more, is not known.
        let told = holds.is_none() || forecast.begun.acting.contains(&def.id);
        lacks.into_iter().map(|lack| if told { lack.only_told() } else { lack }).collect()
    }

    /// Whether the step uses something that is not known before the run.
    fn waits(&self, def: &StepDef, forecast: &Forecast) -> bool {
        def.with.waits_for().into_iter().any(|reference| match reference {
            Reference::Secret(name) => forecast.secrets.get(self.plan(), name, None).is_err(),
            Reference::Output { step, output } => !forecast.values().has(step, output),
        })
    }

    /// What the secrets of the step lack.
    fn lacks_of_secrets(&self, def: &StepDef, host: &Reader, asked: &mut HashSet<String>) -> Vec<Lack> {
        let mut lacks = Vec::new();
        for reference in def.with.waits_for() {
            let Reference::Secret(name) = reference else { continue };
            if asked.insert(name.clone()) {
                let told = |lack: Lack| {
                    let message = format!("the secret `{name}` is not to be had: {}", lack.failure.message);
                    Lack { failure: Failure { message, ..lack.failure }, ..lack }
                };
                lacks.extend(self.provider.lacks(self.plan(), name, host).into_iter().map(told));
            }
        }
        lacks
    }
}

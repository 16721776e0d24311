//! What every step would do, read from the host without changing it: the dry run, and the first act of every apply.

use crate::Program;
use crate::aging::{ages, only_starts};
use crate::binding::{Unbound, Values};
use crate::foreseen::ForeseenChanges;
use crate::secrets::Secrets;
use runbook_host::Reader;
use runbook_model::{
    Declaration, Effect, Failure, Prediction, Purpose, Reading, Reference, Results, Role, SignalVerdict, StepDef,
    StepId,
};
use runbook_step::Step;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What one step would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// The step.
    pub step: StepId,
    /// What it would do.
    pub prediction: Prediction,
    /// Whether it has to run.
    pub needed: bool,
}

/// What the whole plan would do, in the order of the schedule.
#[derive(Debug)]
pub struct Forecast {
    /// One entry a step.
    pub steps: Vec<Predicted>,
    /// Outputs that are known without acting.
    pub(crate) outputs: HashMap<StepId, Results>,
    /// What probes failed with, whatever an earlier step may mend of it.
    pub(crate) failures: HashMap<StepId, Failure>,
    /// What was fetched: the run strikes these out from its first record on.
    pub(crate) secrets: Secrets,
    /// Of a run that goes on: what other steps have done by now.
    pub(crate) begun: Begun,
}

/// What a run has begun before it goes on.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    /// Steps that may have changed the host already, and verifications that have begun: what becomes of them is known
    /// when they are looked at.
    pub(crate) acting: HashSet<StepId>,
    /// Steps that brought a service up, which may make files since.
    pub(crate) started: HashSet<StepId>,
}

impl Forecast {
    /// Whether the plan has anything to do here.
    pub fn has_work(&self) -> bool {
        self.steps.iter().any(|step| step.needed)
    }

    pub(crate) fn values(&self) -> Values<'_> {
        Values::early(&self.outputs, &self.secrets)
    }
}

/// What probes found so far.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) outputs: HashMap<StepId, Results>,
    pub(crate) failures: HashMap<StepId, Failure>,
}

/// What steps would do, each behind the ones before it.
pub(crate) struct Foreseen {
    pub(crate) known: Known,
    pub(crate) predictions: HashMap<StepId, Prediction>,
    /// The steps whose condition is false.
    skipped: HashSet<StepId>,
}

/// What is said of a step whose `if` is false.
pub(crate) const CONDITION_IS_FALSE: &str = "its condition is false";

impl Program {
    /// Probes every step. Writes nothing, and executes nothing.
    pub fn forecast(&self, host: &Reader) -> Forecast {
        let secrets = Secrets::fetched(self.plan(), &self.provider);
        let all = self.execution.schedule.order().iter().cloned().collect();
        let Foreseen { known, mut predictions, skipped } = self.foresee(host, Known::default(), &secrets, &all);
        let needed = self.needed(&predictions, &skipped);
        for step in &needed {
            if let (Some(stop), Some(prediction)) = (self.stopped_by(step, &needed), predictions.get_mut(step))
                && prediction.is_no_change()
            {
                *prediction = Prediction::change(format!("it is started again, `{stop}` brings it down"));
            }
        }
        self.foretell_renewed(&needed, &mut predictions);
        let of = |step: &StepId| {
            let prediction = secrets.redact_prediction(predictions.remove(step)?);
            Some(Predicted { step: step.clone(), prediction, needed: needed.contains(step) })
        };
        let steps = self.execution.schedule.order().iter().filter_map(of).collect();
        let Known { outputs, failures } = known;
        Forecast { steps, outputs, failures, secrets, begun: Begun::default() }
    }

    /// What those of the steps that are in `left` would do, in the order of the schedule.
    pub(crate) fn foresee(
        &self,
        host: &Reader,
        mut known: Known,
        secrets: &Secrets,
        left: &HashSet<StepId>,
    ) -> Foreseen {
        let mut predictions: HashMap<StepId, Prediction> = HashMap::new();
        let mut skipped = HashSet::new();
        let mut foreseen = ForeseenChanges::default();
        for step in self.execution.schedule.order().iter().filter(|step| left.contains(*step)) {
            let Some(def) = self.step(step) else { continue };
            let prediction = match self.holds(def, Values::early(&known.outputs, secrets)) {
                Ok(false) => {
                    skipped.insert(step.clone());
                    Prediction::no_change(CONDITION_IS_FALSE)
                }
                Ok(true) => self.predict(def, host, &mut known, &foreseen, secrets),
                Err(unbound) => unpredictable(unbound),
            };
            if !prediction.is_no_change() && self.purpose(step) == Purpose::Principal {
                foreseen.add(step, self.effects(step));
            }
            predictions.insert(step.clone(), hide_replaced(def, prediction));
        }
        Foreseen { known, predictions, skipped }
    }

    /// A service that is up and is started behind a change is restarted: what runs is older than the change.
    fn foretell_renewed(&self, needed: &HashSet<StepId>, predictions: &mut HashMap<StepId, Prediction>) {
        let schedule = &self.execution.schedule;
        for step in schedule.order().iter().filter(|step| needed.contains(*step)) {
            let Some(declaration) = schedule.declaration(step).filter(|declaration| only_starts(declaration)) else {
                continue;
            };
            let is_up = predictions.get(step).is_some_and(Prediction::is_no_change);
            let acts = |earlier: &&StepId| {
                needed.contains(*earlier) && !predictions.get(*earlier).is_none_or(Prediction::is_no_change)
            };
            let mut acting = schedule.ancestors(step).into_iter().filter(acts);
            let older_than = acting.find(|earlier| ages(&self.execution, earlier, declaration));
            if let (true, Some(earlier)) = (is_up, older_than) {
                let what = format!("it runs, and is restarted: `{earlier}` changes what it may run");
                predictions.insert(step.clone(), Prediction::change(what));
            }
        }
    }

    /// Why the secrets that this run will ask for are not to be had, if they are not: to be told before a service is
    /// down. Those that only the run can have are not asked for before their time.
    pub(crate) fn missing_secrets(&self, forecast: &Forecast) -> Vec<Failure> {
        let plan = self.plan();
        let mut missing = Vec::new();
        for (name, _) in plan.secrets() {
            let secret = Reference::Secret(name.to_owned());
            let asks = |def: &StepDef| def.with.waits_for().contains(&&secret);
            let mut needed = forecast.steps.iter().filter(|step| step.needed).filter_map(|step| self.step(&step.step));
            if needed.any(asks) {
                missing.extend(forecast.secrets.missing_early(plan, name));
            }
        }
        missing
    }

    /// Why steps that this run needs could not be taken back by this user on this host, as far as that is known before the
    /// first change. What an earlier step replaces, or may have a command do anything to, is not looked at: it may be
    /// otherwise by then, and the step proves it before it begins.
    pub(crate) fn without_way_back(&self, forecast: &Forecast, host: &Reader) -> Vec<Failure> {
        let (mut commands, mut others) = (ForeseenChanges::default(), ForeseenChanges::default());
        let mut found = Vec::new();
        let begins = |step: &&Predicted| step.needed && !forecast.begun.acting.contains(&step.step);
        for step in forecast.steps.iter().filter(begins) {
            let effects = self.effects(&step.step);
            let disturbed = commands.disturbs(effects).or_else(|| others.replaces(effects)).is_some();
            let known = if disturbed { None } else { self.step(&step.step) };
            let bound = known.and_then(|def| self.bind(def, forecast.values()).ok());
            let refused = bound.and_then(|bound| bound.can_undo(host).err());
            found.extend(refused.map(|failure| {
                let message = format!("step `{}` is not begun: {}", step.step, failure.message);
                Failure { message, ..failure }
            }));
            if self.purpose(&step.step) == Purpose::Principal && !step.prediction.is_no_change() {
                let runs = |it: &Declaration| !it.commands.is_empty();
                let by_command = self.execution.schedule.declaration(&step.step).is_some_and(runs);
                if by_command { &mut commands } else { &mut others }.add(&step.step, effects);
            }
        }
        found
    }

    fn predict(
        &self,
        def: &StepDef,
        host: &Reader,
        known: &mut Known,
        foreseen: &ForeseenChanges,
        secrets: &Secrets,
    ) -> Prediction {
        let bound = match self.bind(def, Values::early(&known.outputs, secrets)) {
            Ok(bound) => bound,
            Err(unbound) => return unpredictable(unbound),
        };
        let disturbed = foreseen.disturbs(self.effects(&def.id));
        let probed = bound.probe(host);
        known.failures.extend(probed.as_ref().err().map(|failure| (def.id.clone(), failure.clone())));
        let probe = match (probed, disturbed) {
            // What is in the way now may not be there then.
            (Err(_), Some(until)) => return Prediction::Unknown { until: until.clone() },
            (Err(failure), None) => return Prediction::CannotPredict { because: failure.message },
            (Ok(probe), _) => probe,
        };
        match disturbed {
            // Stops, starts and verifications are needed whenever what disturbs them is.
            Some(_) if self.purpose(&def.id) == Purpose::Attendant => {
                with_glance(probe.prediction, glance(bound.as_ref(), host))
            }
            // Nor could anything tell after that step.
            Some(_) if matches!(probe.prediction, Prediction::CannotPredict { .. }) => probe.prediction,
            Some(until) => Prediction::Unknown { until: until.clone() },
            None => {
                known.outputs.insert(def.id.clone(), probe.results);
                with_glance(probe.prediction, glance(bound.as_ref(), host))
            }
        }
    }

    pub(crate) fn effects(&self, step: &StepId) -> &[Effect] {
        self.execution.schedule.declaration(step).map_or(&[], |declaration| declaration.effects.as_slice())
    }

    pub(crate) fn purpose(&self, step: &StepId) -> Purpose {
        self.execution.schedule.declaration(step).map_or(Purpose::Principal, |declaration| declaration.purpose)
    }

    pub(crate) fn plays(&self, step: &StepId, part: impl Fn(&Role) -> bool) -> bool {
        self.execution.schedule.plays(step, part)
    }
}

/// What a step with a secret replaces may be the secret of yesterday, which nobody can recognise.
fn hide_replaced(def: &StepDef, prediction: Prediction) -> Prediction {
    let uses_secret = def.with.waits_for().iter().any(|reference| matches!(reference, Reference::Secret(_)));
    match prediction {
        Prediction::Change { summary, diff: Some(diff) } if uses_secret => {
            let shown = diff.lines().enumerate().map(|(nth, line)| match line.strip_prefix('-') {
                // The first two lines name the file.
                Some(_) if nth > 1 => "-(not shown: this file holds a secret)\n".to_owned(),
                _ => format!("{line}\n"),
            });
            Prediction::Change { summary, diff: Some(shown.collect()) }
        }
        other => other,
    }
}

/// What a verification can see now.
fn glance(step: &dyn Step, host: &Reader) -> Vec<Reading> {
    step.verification().map(|verification| verification.glance(host)).unwrap_or_default()
}

/// Says what is not as a verification wants it before anything is changed: an old fault is known before the question.
fn with_glance(prediction: Prediction, rows: Vec<Reading>) -> Prediction {
    let named = |verdict: SignalVerdict, text: &str| {
        let of = rows.iter().filter(|row| row.verdict == verdict);
        let names: Vec<String> = of.map(|row| format!("`{}` ({})", row.signal, row.read)).collect();
        if names.is_empty() { String::new() } else { format!("; {text}: {}", names.join(", ")) }
    };
    match prediction {
        Prediction::Change { summary, diff } => {
            let red = named(SignalVerdict::Red, "already red");
            let unread = named(SignalVerdict::Unread, "cannot be read now");
            Prediction::Change { summary: format!("{summary}{red}{unread}"), diff }
        }
        other => other,
    }
}

fn unpredictable(unbound: Unbound) -> Prediction {
    match unbound {
        Unbound::Waits(until) => Prediction::Unknown { until },
        Unbound::Wrong(failure) => Prediction::CannotPredict { because: failure.message },
    }
}

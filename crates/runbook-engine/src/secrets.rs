//! Secrets: fetched before they could be seen, kept in memory alone, and struck out of everything that is recorded.
//!
//! `secrets/marks.rs` recognises them, `secrets/strike.rs` strikes them out.

mod characters;
mod encodings;
mod marks;
mod skeleton;
mod strike;

pub(crate) use self::marks::placeholder;

use self::marks::{ENCODED, Marks, Place};

use runbook_host::Host;
use runbook_model::{Event, Failure, Outputs, Plan, Prediction, Reference, Results, StepId};
use runbook_step::{Early, SecretProvider, SecretValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The secrets of one run.
pub(crate) struct Secrets {
    provider: Arc<dyn SecretProvider>,
    known: Mutex<Known>,
    /// Outputs that another process of this run knew and the journal does not: a secret was struck out of them.
    lost: BTreeMap<(StepId, String), String>,
}

/// What was fetched so far.
#[derive(Default)]
struct Known {
    values: BTreeMap<String, SecretValue>,
    /// Those that are handed in, be they there or not.
    handed_in: BTreeSet<String>,
    marks: Marks,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl Secrets {
    /// The secrets of `plan`, with those that steps use and that can be had now fetched: what is never fetched cannot
    /// be struck out. Which step lacks one is told when it is bound.
    pub(crate) fn fetched(plan: &Plan, provider: &Arc<dyn SecretProvider>) -> Self {
        let secrets = Self { provider: Arc::clone(provider), known: Mutex::default(), lost: BTreeMap::new() };
        for name in used(plan) {
            let _ = secrets.get(plan, name, None);
        }
        secrets
    }

    /// The same for a run that another process began: `outputs` are those that its journal holds.
    pub(crate) fn going_on(
        plan: &Plan,
        provider: &Arc<dyn SecretProvider>,
        outputs: &HashMap<StepId, Results>,
    ) -> Self {
        let mut secrets = Self::fetched(plan, provider);
        for (step, outputs) in outputs {
            for (output, value) in &outputs.outputs {
                let lost = struck(plan, value).next().map(|name| ((step.clone(), output.clone()), name.to_owned()));
                secrets.lost.extend(lost);
            }
        }
        secrets
    }

    /// The secret that was struck out of an output which this process has only from the journal.
    pub(crate) fn lost_in(&self, step: &StepId, output: &str) -> Option<&str> {
        self.lost.get(&(step.clone(), output.to_owned())).map(String::as_str)
    }

    /// The value of the secret variable `name`, fetched at its first use. Without a host, only those are to be had that
    /// are before the run.
    pub(crate) fn get(&self, plan: &Plan, name: &str, host: Option<&Host>) -> Result<SecretValue, Failure> {
        if let Some(value) = self.known().values.get(name) {
            return Ok(value.clone());
        }
        let value = match (self.provider.before_the_run(plan, name)?, host) {
            (Early::Known(value), _) => value,
            (Early::InTheRun, Some(host)) => self.provider.fetch(plan, name, host)?,
            (Early::InTheRun, None) => {
                return Err(Failure::missing(format!("the secret `{name}` is not fetched before the run")));
            }
            (Early::HandedIn, _) => {
                self.known().handed_in.insert(name.to_owned());
                let what = format!("the secret `{name}` is handed in while the run waits for it, and was not");
                return Err(Failure::missing(what));
            }
        };
        self.know(name, value.clone());
        Ok(value)
    }

    /// A secret that was handed in.
    pub(crate) fn know(&self, name: &str, value: SecretValue) {
        let mut known = self.known();
        known.marks.add(name, value.expose());
        known.values.insert(name.to_owned(), value);
    }

    /// Whether the secret is handed in, as far as that was asked.
    pub(crate) fn is_handed_in(&self, name: &str) -> bool {
        self.known().handed_in.contains(name)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the secret is not to be had, if that can be known before the run.
    pub(crate) fn missing_early(&self, plan: &Plan, name: &str) -> Option<Failure> {
        let is_known = self.known().values.contains_key(name);
        if is_known { None } else { self.provider.before_the_run(plan, name).err() }
    }

    /// The secrets of those fetched so far that are too short to be recognised in other forms.
    pub(crate) fn short(&self) -> Vec<String> {
        let known = self.known();
        let short = known.values.iter().filter(|(_, value)| value.expose().trim().len() < ENCODED);
        short.map(|(name, _)| name.clone()).collect()
    }

    /// `event` with every secret that was fetched so far struck out of what it says; `None` where it would still hold
    /// one, and must not be written. What the run itself goes by (ids, kinds of events, verdicts) is never touched: a
    /// secret that is a common word must not break the journal.
    pub(crate) fn redact(&self, event: Event) -> Option<Event> {
        // Written before anything is fetched, and from parts of the plan that cannot hold secrets.
        if matches!(event, Event::RunStarted(_)) {
            return Some(event);
        }
        self.strike(event, Place::Told)
    }

    /// `prediction` with every secret that was fetched so far struck out.
    pub(crate) fn redact_prediction(&self, prediction: Prediction) -> Prediction {
        let untold = "what it would do holds a secret, and cannot be told without it";
        self.strike(prediction, Place::Told).unwrap_or(Prediction::CannotPredict { because: untold.to_owned() })
    }

    /// `outputs` with every secret that was fetched so far struck out.
    pub(crate) fn redact_outputs(&self, outputs: Outputs) -> Outputs {
        self.strike(outputs, Place::Output).unwrap_or_default()
    }

    /// `failure` with every secret that was fetched so far struck out.
    pub(crate) fn redact_failure(&self, failure: Failure) -> Failure {
        let untold = Failure::new(failure.kind, "what went wrong holds a secret, and cannot be told without it");
        self.strike(failure, Place::Told).unwrap_or(untold)
    }

    /// `text` with every secret that was fetched so far struck out.
    pub(crate) fn redact_text(&self, text: String) -> String {
        self.strike(text, Place::Told).unwrap_or_default()
    }

    /// The name of the secret that `value` holds, if one stands in it that is too long to be there by accident.
    pub(crate) fn surely_in(&self, value: &Json) -> Option<String> {
        let known = self.known();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        known.marks.surely_in(&text).map(str::to_owned)
    }

    fn strike<T: Serialize + DeserializeOwned>(&self, value: T, place: Place) -> Option<T> {
        let known = self.known();
        strike::strike(value, &known.marks, place).ok()
    }
}

/// The secrets of `plan` that were struck out of `tree`.
pub(crate) fn struck<'a, T: Serialize>(plan: &'a Plan, tree: &T) -> impl Iterator<Item = &'a str> + use<'a, T> {
    let text = serde_json::to_string(tree).unwrap_or_default();
    plan.secrets().map(|(name, _)| name).filter(move |name| text.contains(&placeholder(name)))
}

/// The secrets that steps of `plan` read.
fn used(plan: &Plan) -> BTreeSet<&str> {
    let secret = |reference: &Reference| match reference {
        Reference::Secret(name) => plan.vars.iter().find(|var| var.name == *name).map(|var| var.name.as_str()),
        Reference::Output { .. } => None,
    };
    plan.steps.iter().flat_map(|step| step.with.waits_for()).filter_map(secret).collect()
}

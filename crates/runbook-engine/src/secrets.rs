//! Secrets: fetched before they could be seen, kept in memory alone, and struck out of everything that is recorded.
//!
//! `secrets/marks.rs` recognises them, `secrets/strike.rs` strikes them out.

mod encodings;
mod marks;
mod skeleton;
mod strike;

pub(crate) use self::marks::placeholder;

use self::marks::{ENCODED, Marks, Place};

use runbook_host::{Command, Host, io_failure, read_once};
use runbook_model::{Event, Failure, Outputs, Plan, Prediction, Reference, Results, SecretSource, StepId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long whoever hands a secret over may take; a person may have to unlock it.
const PATIENCE: Duration = Duration::from_secs(120);
/// A secret may be this large.
const LARGEST: u64 = 1 << 20;

/// The secrets of one run.
#[derive(Default)]
pub(crate) struct Secrets {
    known: Mutex<Known>,
    /// Outputs that another process of this run knew and the journal does not: a secret was struck out of them.
    lost: BTreeMap<(StepId, String), String>,
}

/// What was fetched so far.
#[derive(Default)]
struct Known {
    values: BTreeMap<String, String>,
    marks: Marks,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl Secrets {
    /// The secrets of `plan`, with those that steps use and that need no command fetched: what is never fetched cannot
    /// be struck out. Which step lacks one is told when it is bound.
    pub(crate) fn fetched(plan: &Plan) -> Self {
        let secrets = Self::default();
        for name in used(plan) {
            let _ = secrets.get(plan, name, None);
        }
        secrets
    }

    /// The same for a run that another process began: `outputs` are those that its journal holds.
    pub(crate) fn going_on(plan: &Plan, outputs: &HashMap<StepId, Results>) -> Self {
        let mut secrets = Self::fetched(plan);
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

    /// The value of the secret variable `name`, fetched at its first use. Without a host, secrets that come from a
    /// command are not to be had.
    pub(crate) fn get(&self, plan: &Plan, name: &str, host: Option<&Host>) -> Result<String, Failure> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known().values.get(name) {
            return Ok(value.clone());
        }
        let source = plan.vars.iter().find(|var| var.name == name).and_then(|var| var.secret.as_ref());
        let source = source.ok_or_else(|| Failure::missing(format!("the secret `{name}` has no source")))?;
        let value = fetch(name, source, host, plan)?;
        let mut known = known();
        known.marks.add(name, &value);
        known.values.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    /// The secrets of those fetched so far that are too short to be recognised in other forms.
    pub(crate) fn short(&self) -> Vec<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let short = known.values.iter().filter(|(_, value)| value.trim().len() < ENCODED);
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
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        known.marks.surely_in(&text).map(str::to_owned)
    }

    fn strike<T: Serialize + DeserializeOwned>(&self, value: T, place: Place) -> Option<T> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        strike::strike(value, &known.marks, place).ok()
    }
}

/// The secrets of `plan` that were struck out of `tree`.
pub(crate) fn struck<'a, T: Serialize>(plan: &'a Plan, tree: &T) -> impl Iterator<Item = &'a str> + use<'a, T> {
    let text = serde_json::to_string(tree).unwrap_or_default();
    let secrets = plan.vars.iter().filter(|var| var.secret.is_some()).map(|var| var.name.as_str());
    secrets.filter(move |name| text.contains(&placeholder(name)))
}

/// The secrets that steps of `plan` read.
fn used(plan: &Plan) -> BTreeSet<&str> {
    let secret = |reference: &Reference| match reference {
        Reference::Secret(name) => plan.vars.iter().find(|var| var.name == *name).map(|var| var.name.as_str()),
        Reference::Output { .. } => None,
    };
    plan.steps.iter().flat_map(|step| step.with.waits_for()).filter_map(secret).collect()
}

/// What one secret unlocks may be another one: the variables that no other program inherits.
fn inherited(plan: &Plan) -> BTreeMap<String, String> {
    let variables = plan.vars.iter().filter_map(|var| match &var.secret {
        Some(SecretSource::Env(variable)) => Some((variable.clone(), std::env::var(variable).ok()?)),
        _ => None,
    });
    variables.collect()
}

fn fetch(name: &str, source: &SecretSource, host: Option<&Host>, plan: &Plan) -> Result<String, Failure> {
    match source {
        SecretSource::Env(variable) => std::env::var(variable).map_err(|_| {
            Failure::missing(format!(
                "the secret `{name}` is to come from the environment variable {variable}, which is not set"
            ))
            .hint("make it available to this command")
        }),
        SecretSource::File(file) => {
            let path = PathBuf::from(file);
            let named =
                |failure: Failure| Failure { message: format!("the secret `{name}`: {}", failure.message), ..failure };
            let bytes = read_once(&path, LARGEST, PATIENCE).map_err(named)?;
            let bytes =
                bytes.ok_or_else(|| io_failure("read the secret", &path, &std::io::ErrorKind::NotFound.into()))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::failed(format!("the secret `{name}`: {} is not UTF-8 text", path.display())))?;
            Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
        }
        SecretSource::Command(argv) => {
            let host = host.ok_or_else(|| {
                Failure::missing(format!("the secret `{name}` comes from a command, which is not run now"))
            })?;
            let line = Command::new(argv.iter().cloned());
            let output = host.run(&Command { env: inherited(plan), limit: Some(PATIENCE), ..line })?;
            if !output.status.success() {
                let line = Command::new(argv.iter().cloned()).line();
                let message =
                    format!("the secret `{name}` is to come from `{line}`, which ended with {}", output.ending());
                return Err(Failure::missing(message));
            }
            Ok(output.text())
        }
    }
}

//! Secrets: fetched before they could be seen, kept in memory alone, and struck out of everything that is recorded.

use runbook_model::{Event, Failure, Outputs, Plan, Prediction, Reference, SecretSource, StepId};
use runbook_steps::host::{Command, Host, io_failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;

/// The secrets of one run.
#[derive(Default)]
pub(crate) struct Secrets {
    known: Mutex<BTreeMap<String, String>>,
    /// Outputs that another process of this run knew and the journal does not: a secret was struck out of them.
    lost: BTreeMap<(StepId, String), String>,
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
    pub(crate) fn going_on<'a>(plan: &Plan, outputs: impl Iterator<Item = (&'a StepId, &'a Outputs)>) -> Self {
        let mut secrets = Self::fetched(plan);
        for (step, outputs) in outputs {
            for (output, value) in outputs {
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
        if let Some(known) = self.known.lock().ok().and_then(|known| known.get(name).cloned()) {
            return Ok(known);
        }
        let source = plan.vars.iter().find(|var| var.name == name).and_then(|var| var.secret.as_ref());
        let source = source.ok_or_else(|| Failure::missing(format!("the secret `{name}` has no source")))?;
        let value = fetch(name, source, host)?;
        if let Ok(mut known) = self.known.lock() {
            known.insert(name.to_owned(), value.clone());
        }
        Ok(value)
    }

    /// `event` with every secret that was fetched so far struck out of what it says. What the run itself goes by (ids,
    /// kinds of events, verdicts) is never touched: a secret that is a common word must not break the journal.
    pub(crate) fn redact(&self, event: Event) -> Event {
        // Written before anything is fetched, and from parts of the plan that cannot hold secrets.
        if matches!(event, Event::RunStarted(_)) {
            return event;
        }
        self.strike(event)
    }

    /// `prediction` with every secret that was fetched so far struck out.
    pub(crate) fn redact_prediction(&self, prediction: Prediction) -> Prediction {
        self.strike(prediction)
    }

    /// `outputs` with every secret that was fetched so far struck out.
    pub(crate) fn redact_outputs(&self, outputs: Outputs) -> Outputs {
        self.strike(outputs)
    }

    /// `note` with every secret that was fetched so far struck out.
    pub(crate) fn redact_note(&self, note: String) -> String {
        self.strike(note)
    }

    fn strike<T: Serialize + DeserializeOwned>(&self, value: T) -> T {
        let Ok(known) = self.known.lock() else { return value };
        let mut marks: Vec<Mark> = known.iter().flat_map(|(name, secret)| Mark::of(name, secret)).collect();
        // The longest first, or the rest of a longer one would stay.
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.text.len()));
        if marks.is_empty() {
            return value;
        }
        let Ok(mut tree) = serde_json::to_value(&value) else { return value };
        strike(&mut tree, &marks, false);
        serde_json::from_value(tree).unwrap_or(value)
    }
}

/// What stands where a secret was struck out.
pub(crate) fn placeholder(name: &str) -> String {
    format!("(secret {name})")
}

/// The secrets of `plan` that were struck out of `tree`.
pub(crate) fn struck<'a>(plan: &'a Plan, tree: &Json) -> impl Iterator<Item = &'a str> {
    let text = tree.to_string();
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

/// Fields that the run goes by. They hold names that the plan may not take from a secret.
const STRUCTURE: &[&str] = &[
    "event",
    "prediction",
    "outcome",
    "cause",
    "verdict",
    "phase",
    "step",
    "until",
    "kind",
    "role",
    "signal",
    "lost",
    "answer",
];
/// Data that steps hand from one phase to the next; any name may stand in it.
const DATA: &[&str] = &["undo", "marks", "outputs"];
/// A secret that is shorter than this may be a part of a path by chance.
const LONG: usize = 16;

/// A text that must not be shown, and what is shown in its place.
struct Mark {
    text: String,
    shown: String,
}

impl Mark {
    /// The secret; each line of one that has several, for a diff shows lines apart; and both as JSON writes them.
    fn of(name: &str, secret: &str) -> Vec<Self> {
        let lines = secret.lines().filter(|line| line.len() >= 4);
        let mut texts: Vec<String> = std::iter::once(secret).chain(lines).map(str::to_owned).collect();
        let quoted = |text: &String| {
            let quoted = Json::from(text.as_str()).to_string();
            quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text).to_owned()
        };
        texts.extend(texts.clone().iter().map(quoted));
        texts.retain(|text| !text.is_empty());
        texts.into_iter().map(|text| Self { text, shown: placeholder(name) }).collect()
    }

    /// Paths cannot be made from secrets, and undo data that names another path would be no way back.
    fn applies_to(&self, text: &str, data: bool) -> bool {
        let is_path = data && text.starts_with('/') && !text.contains('\n');
        text.contains(&self.text) && (!is_path || text == self.text || self.text.len() >= LONG)
    }
}

fn strike(tree: &mut Json, marks: &[Mark], data: bool) {
    match tree {
        Json::String(text) => {
            for mark in marks {
                if mark.applies_to(text, data) {
                    *text = text.replace(&mark.text, &mark.shown);
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| strike(item, marks, data)),
        Json::Object(map) => map
            .iter_mut()
            .filter(|(key, _)| data || !STRUCTURE.contains(&key.as_str()))
            .for_each(|(key, item)| strike(item, marks, data || DATA.contains(&key.as_str()))),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn fetch(name: &str, source: &SecretSource, host: Option<&Host>) -> Result<String, Failure> {
    match source {
        SecretSource::Env(variable) => std::env::var(variable).map_err(|_| {
            Failure::missing(format!(
                "the secret `{name}` is to come from the environment variable {variable}, which is not set"
            ))
        }),
        SecretSource::File(file) => {
            let path = PathBuf::from(file);
            let text = std::fs::read_to_string(&path).map_err(|error| io_failure("read the secret", &path, &error))?;
            Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
        }
        SecretSource::Command(argv) => {
            let host = host.ok_or_else(|| {
                Failure::missing(format!("the secret `{name}` comes from a command, which is not run now"))
            })?;
            let output = host.run(&Command::new(argv.iter().cloned()))?;
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

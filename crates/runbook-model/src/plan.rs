//! A plan after reading: checked words, spanned parameters, resolved variables.

use crate::{HostFacts, Node, Refusal, Resolved, SecretSource, Span, StepId, words};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What to do on one host. Everything that needs no step's output is resolved; secrets are still references.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `name:`
    pub name: String,
    /// `summary:` rendered; empty if none.
    pub summary: String,
    /// BLAKE3 of the resolved plan, in hex; the first seven digits are what is printed.
    pub digest: String,
    /// The environment that was chosen with `--env`.
    pub environment: Option<String>,
    /// The directory that relative paths of the plan start from; absolute.
    pub base: String,
    /// The host it was resolved for.
    pub host: HostFacts,
    /// Every variable with the value that won.
    pub vars: Vec<Resolved>,
    /// `window:`
    pub window: Option<Window>,
    /// `retention:`
    pub retention: Retention,
    /// `review:`
    pub review: Vec<Review>,
    /// `steps:` in the order of the file.
    pub steps: Vec<StepDef>,
}

impl Plan {
    /// The source of the secret variable `name`.
    pub fn secret(&self, name: &str) -> Option<&SecretSource> {
        self.vars.iter().find(|var| var.name == name).and_then(|var| var.secret.as_ref())
    }

    /// The secret variables, each with its source.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &SecretSource)> {
        self.vars.iter().filter_map(|var| Some((var.name.as_str(), var.secret.as_ref()?)))
    }
}

/// One step as the plan writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepDef {
    /// Its id.
    pub id: StepId,
    /// Where the id stands.
    pub id_span: Span,
    /// The name of its kind.
    pub uses: String,
    /// Where that name stands.
    pub uses_span: Span,
    /// Its parameters; an empty map if there are none.
    pub with: Node,
    /// Steps that must come before, each with the place that says so.
    pub needs: Vec<(StepId, Span)>,
    /// `if:` as a boolean, or as an expression that waits for a step.
    pub condition: Option<Node>,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// How often and how fast it is tried again.
    pub retry: Retry,
    /// What a failure of it leads to.
    pub on_failure: OnFailure,
    /// Exceptions from refusals, each with its reason.
    pub allow: Vec<Allow>,
}

/// How often a failed step is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// The pause before the second attempt; doubles with each further one.
    pub backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 1, backoff: Duration::from_secs(1) }
    }
}

words! {
    /// What a step's failure leads to.
    #[derive(Default)]
    OnFailure {
        /// The run rolls back.
        #[default]
        Rollback = "rollback",
        /// The run stops where it is.
        Stop = "stop",
        /// The run goes on as if the step had done nothing; its half-done work is undone.
        Continue = "continue",
    }
}

/// An exception from a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allow {
    /// The refusal.
    pub rule: Refusal,
    /// Why the exception is right; shown in the plan, the review and the report.
    pub because: String,
    /// Where it stands.
    pub span: Span,
}

/// Evidence that a person read what has to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// What was read: `changelog`, `issues`, …
    pub what: String,
    /// The version it was read for.
    pub version: String,
    /// Who read it.
    pub by: String,
    /// Where it can be read.
    pub link: Option<String>,
    /// Where the entry stands.
    pub span: Span,
}

/// When the plan may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// An IANA zone name.
    pub zone: String,
    /// Where it stands.
    #[serde(skip)]
    pub zone_span: Span,
    /// `mon` to `sun`; the day on which the window opens. All days if empty.
    pub days: Vec<String>,
    /// Minutes from midnight at which it opens.
    pub from: u16,
    /// Minutes from midnight at which it closes; before `from` means on the next day.
    pub to: u16,
}

/// How long backups of this plan are kept. A backup goes only when both limits allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// At least this long.
    pub keep_for: Duration,
    /// At least this many.
    pub keep_last: u32,
}

impl Default for Retention {
    /// One business cycle (report 2, §13, line 12) and three runs.
    fn default() -> Self {
        Self { keep_for: Duration::from_secs(7 * 24 * 3600), keep_last: 3 }
    }
}

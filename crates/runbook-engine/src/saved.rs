//! A plan as a run keeps it.

use runbook_model::{Plan, Roles, SourceMap};
use runbook_step::{Bundle, Declared};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is saved with a run, so that resume, rollback and reports need nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The resolved plan; secrets are references.
    pub plan: Plan,
    /// The texts that its spans point into.
    pub sources: SourceMap,
    /// How many steps may run at the same time, in each process that takes the run up.
    pub parallel: usize,
    /// The parts that the steps play, as their kinds declare them: [`compile`] fills it in. `None` in what an older
    /// `runbook` saved.
    #[serde(default)]
    pub roles: Option<Roles>,
    /// What the external kinds of the plan declared when it was judged first; empty before that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, Declared>,
    /// The files that the plan brings: [`compile`] fills it in. `None` in what an older `runbook` saved, which read them in the checkout.
    #[serde(default)]
    pub bundle: Option<Bundle>,
    /// Whether it was judged on another host, where its directory is: whatever is called so here is something else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
}

impl Saved {
    /// A plan that was loaded now and that nobody has judged yet.
    pub fn new(plan: Plan, sources: SourceMap, parallel: usize) -> Self {
        Self { plan, sources, parallel, roles: None, kinds: BTreeMap::new(), bundle: None, elsewhere: false }
    }
}

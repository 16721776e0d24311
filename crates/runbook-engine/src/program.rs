//! A plan that can run: what a run, a forecast and a look ahead go by.

use crate::Execution;
use crate::saved::Saved;
use runbook_host::Reader;
use runbook_model::{Plan, StepDef, StepId};
use runbook_step::{ArgContext, Catalogue, Contents, PlanFile, PlanFiles, SecretProvider};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A plan that can run.
pub struct Program {
    /// The plan and its texts.
    pub saved: Saved,
    /// The order and the policies.
    pub execution: Execution,
    pub(crate) catalogue: Catalogue,
    /// Where its secrets come from.
    pub(crate) provider: Arc<dyn SecretProvider>,
    pub(crate) context: ArgContext,
    /// Where the run keeps the files of the plan, once it has begun.
    pub(crate) kept: Option<PathBuf>,
    pub(crate) places: HashMap<StepId, usize>,
}

impl Program {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.saved.plan
    }

    /// The same program, which reads the files of its bundle in `contents`.
    #[must_use]
    pub(crate) fn with_files(mut self, contents: Contents) -> Self {
        let bundle = self.saved.bundle.clone();
        self.context.files = bundle.map(|bundle| Arc::new(PlanFiles { bundle, contents }));
        self
    }

    /// The files that the plan brings, each with its content.
    pub fn files(&self) -> impl Iterator<Item = PlanFile> {
        self.context.files.iter().flat_map(|files| files.all())
    }

    /// A reader of this host, whose programs do not inherit the variables that the plan takes secrets from.
    pub fn reader(&self, state_dir: &Path) -> Reader {
        let mut variables = self.provider.withheld(self.plan());
        // Without these no program finds its way.
        variables.retain(|name| !["PATH", "HOME"].contains(&name.as_str()));
        Reader::new(state_dir, &self.plan().host.home).withholding(variables)
    }

    /// The step called `id` as the plan writes it.
    pub fn step(&self, id: &StepId) -> Option<&StepDef> {
        self.places.get(id).and_then(|at| self.saved.plan.steps.get(*at))
    }
}

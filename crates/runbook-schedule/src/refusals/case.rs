//! What a refusal may look at, what it finds, and how `allow` excepts it.

use super::REFUSALS;
use crate::coverage::Cover;
use crate::steps::Steps;
use runbook_model::{Code, Diagnostic, Refusal, Span, StepDef};
use std::collections::HashSet;

/// What refusals look at.
pub(crate) struct Scene<'a> {
    pub(crate) steps: &'a Steps<'a>,
    /// Which backups hold what each step writes.
    pub(crate) covers: &'a [Cover],
    /// The place of each step in the schedule's order.
    pub(crate) position: &'a [usize],
}

/// One place where a plan breaks a rule.
pub(super) struct Case {
    diagnostic: Diagnostic,
    /// The steps of which any may carry the `allow`.
    steps: Vec<usize>,
    /// Broken, but told by another rule already.
    told: bool,
}

impl Case {
    /// The step `at` breaks the rule; the diagnostic tells how.
    pub(super) fn new(at: usize, diagnostic: Diagnostic) -> Self {
        Self { diagnostic, steps: vec![at], told: false }
    }

    /// The same, where any of `steps` may carry the `allow`.
    pub(super) fn allowed_at(mut self, steps: impl IntoIterator<Item = usize>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// The same; reported only unless another rule tells it.
    pub(super) fn told_if(mut self, told: bool) -> Self {
        self.told = told;
        self
    }
}

impl<'a> Scene<'a> {
    /// Whether the step carries an exception from `rule`.
    pub(super) fn allows(&self, at: usize, rule: Refusal) -> bool {
        self.steps.defs.get(at).is_some_and(|def| def.allow.iter().any(|allow| allow.rule == rule))
    }

    pub(super) fn cover(&self, at: usize) -> &Cover {
        self.covers.get(at).unwrap_or(&Cover::NoPath)
    }

    /// The error that the step at `at` has a backup which comes too late.
    pub(super) fn too_late(&self, def: &StepDef, backup: usize) -> Diagnostic {
        let backup = self.steps.defs.get(backup);
        let name = backup.map_or("?", |backup| backup.id.as_str());
        let message = format!("`{name}` holds what `{}` changes, but `needs` or data put it after the change", def.id);
        let diagnostic = Diagnostic::error(Code::UNREACHABLE_BACKUP, def.id_span, message)
            .help(format!("take out what makes `{name}` wait for `{}`; `runbook graph` shows every reason", def.id));
        match backup {
            Some(backup) => diagnostic.related(backup.id_span, "the backup"),
            None => diagnostic,
        }
    }
}

/// Everything that is refused, and every `allow` that excepts nothing.
pub(crate) fn check(scene: &Scene<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut used: HashSet<(usize, Refusal)> = HashSet::new();
    for rule in REFUSALS {
        for case in (rule.cases)(scene) {
            let allowing: Vec<usize> = case.steps.into_iter().filter(|at| scene.allows(*at, rule.name)).collect();
            if allowing.is_empty() && !case.told {
                found.push(case.diagnostic);
            }
            used.extend(allowing.into_iter().map(|at| (at, rule.name)));
        }
    }
    for (at, def, _) in scene.steps.each() {
        for allow in &def.allow {
            let checked_here = REFUSALS.iter().any(|rule| rule.name == allow.rule);
            if checked_here && !used.contains(&(at, allow.rule)) {
                let message = format!("step `{}` allows {}, which it does not break", def.id, allow.rule);
                let warning = Diagnostic::warning(Code::UNUSED_ALLOW, allow.span, message);
                found.push(warning.help("remove the exception; it would only hide a later fault"));
            }
        }
    }
    found
}

/// Where the parameter `name` of the step stands; without it, where its id stands.
pub(crate) fn parameter(def: &StepDef, name: &str) -> Span {
    def.with.get(name).map_or(def.id_span, |entry| entry.value.span)
}

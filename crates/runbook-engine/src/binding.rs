//! From a step of the plan to a bound step: the last templates rendered, the last parameters judged.

use crate::Program;
use crate::secrets::Secrets;
use runbook_model::{Diagnostic, Diagnostics, Failure, FailureKind, Node, Outputs, Reference, StepDef, StepId, Value};
use runbook_steps::host::Host;
use runbook_steps::{Args, Step, check_parameters};
use runbook_template::{Scope, condition, render_node};
use std::collections::HashMap;

/// Why a step cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unbound {
    /// It uses an output that is not known yet.
    Waits(StepId),
    /// It is wrong, now that it is known.
    Wrong(Failure),
}

impl From<Failure> for Unbound {
    fn from(failure: Failure) -> Self {
        Self::Wrong(failure)
    }
}

impl Unbound {
    /// The same for a moment at which everything has to be known.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Wrong(failure) => failure,
            Self::Waits(step) => Failure::failed(format!("it uses an output that step `{step}` did not put out")),
        }
    }
}

impl Program {
    /// The bound step, from the outputs of earlier steps. `host` is needed for secrets that come from commands.
    pub(crate) fn bind(
        &self,
        def: &StepDef,
        outputs: &HashMap<StepId, Outputs>,
        secrets: &Secrets,
        host: Option<&Host>,
    ) -> Result<Box<dyn Step>, Unbound> {
        let rendered = self.render(&def.with, outputs, secrets, host)?;
        let node = rendered.as_ref().unwrap_or(&def.with);
        let kind = self
            .catalogue
            .get(&def.uses)
            .ok_or_else(|| Failure::missing(format!("there is no kind `{}` in this version of runbook", def.uses)))?;
        let args = Args { doc: kind.doc(), node, context: &self.context, step_span: def.id_span };
        if rendered.is_some() {
            let mut found = Diagnostics::default();
            if check_parameters(&args, &mut found) {
                kind.check(&args, &mut found);
            }
            if let Some(fault) =
                found.into_sorted().into_iter().find(|fault| fault.severity == runbook_model::Severity::Error)
            {
                return Err(self.fault(&fault).into());
            }
        }
        kind.bind(&args).map_err(|fault| self.fault(&fault).into())
    }

    /// Whether the step's condition holds.
    pub(crate) fn holds(
        &self,
        def: &StepDef,
        outputs: &HashMap<StepId, Outputs>,
        secrets: &Secrets,
    ) -> Result<bool, Unbound> {
        match &def.condition {
            None => Ok(true),
            Some(Node { value: Value::Bool(holds), .. }) => Ok(*holds),
            Some(node) => {
                let scope = self.scope(node, outputs, secrets, None)?;
                condition(node, &scope).map_err(|fault| self.fault(&fault).into())
            }
        }
    }

    /// `None` where nothing waits.
    fn render(
        &self,
        node: &Node,
        outputs: &HashMap<StepId, Outputs>,
        secrets: &Secrets,
        host: Option<&Host>,
    ) -> Result<Option<Node>, Unbound> {
        if node.waits_for().is_empty() {
            return Ok(None);
        }
        let scope = self.scope(node, outputs, secrets, host)?;
        render_node(node, &scope).map(Some).map_err(|faults| match faults.first() {
            Some(fault) => self.fault(fault).into(),
            None => Failure::failed("a template cannot be rendered").into(),
        })
    }

    /// Everything that `node` reads: all plain variables, and only those outputs and secrets that it waits for.
    fn scope(
        &self,
        node: &Node,
        outputs: &HashMap<StepId, Outputs>,
        secrets: &Secrets,
        host: Option<&Host>,
    ) -> Result<Scope, Unbound> {
        let plan = self.plan();
        let mut scope = Scope::new(plan.host.clone(), plan.environment.clone());
        for var in &plan.vars {
            if let Some(value) = &var.value {
                scope.vars.insert(var.name.clone(), value.to_json());
            }
        }
        for reference in node.waits_for() {
            match reference {
                Reference::Secret(name) => {
                    scope.vars.insert(name.clone(), secrets.get(plan, name, host)?.into());
                }
                Reference::Output { step, output } => {
                    let known = outputs.get(step).filter(|known| known.contains_key(output));
                    let known = known.ok_or_else(|| Unbound::Waits(step.clone()))?;
                    scope.steps.insert(step.clone(), known.clone());
                }
            }
        }
        Ok(scope)
    }

    /// A fault that was found only now, as the operator reads it.
    fn fault(&self, fault: &Diagnostic) -> Failure {
        let place = self.saved.sources.place(fault.primary.span);
        let at = place.map(|place| format!(" ({place})")).unwrap_or_default();
        let failure = Failure::new(FailureKind::Refused, format!("{}{at}", fault.message));
        Failure { hint: fault.help.clone(), ..failure }
    }
}

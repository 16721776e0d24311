//! From a step of the plan to a bound step: the last templates rendered, the last parameters judged.

use crate::Program;
use crate::secrets::{Secrets, placeholder};
use crate::undo_sources::Way;
use runbook_host::{Host, Unusable};
use runbook_model::{
    Code, Declaration, Diagnostic, Diagnostics, Entry, Failure, FailureKind, Later, Next, Node, Plan, Reference,
    Results, StepDef, StepId, Value,
};
use runbook_step::{Args, Param, ParamType, SecretValue, Step, check_parameters};
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
            Self::Waits(step) => Failure::failed(format!("it uses what step `{step}` puts out, and that is not known")),
        }
    }
}

/// What the templates of a step read.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    /// The outputs of earlier steps.
    pub(crate) outputs: &'a HashMap<StepId, Results>,
    pub(crate) secrets: &'a Secrets,
    /// Needed for secrets that come from commands.
    pub(crate) host: Option<&'a Host>,
}

impl<'a> Values<'a> {
    /// What is known before the run.
    pub(crate) fn early(outputs: &'a HashMap<StepId, Results>, secrets: &'a Secrets) -> Self {
        Self { outputs, secrets, host: None }
    }

    /// Whether this output is known.
    pub(crate) fn has(self, step: &StepId, output: &str) -> bool {
        self.outputs.get(step).is_some_and(|known| known.outputs.contains_key(output))
    }

    fn secret(self, plan: &Plan, name: &str) -> Result<SecretValue, Failure> {
        self.secrets.get(plan, name, self.host)
    }
}

impl Program {
    /// The bound step.
    pub(crate) fn bind(&self, def: &StepDef, values: Values<'_>) -> Result<Box<dyn Step>, Unbound> {
        self.bind_for(Way::On, def, values)
    }

    fn bind_for(&self, way: Way, def: &StepDef, values: Values<'_>) -> Result<Box<dyn Step>, Unbound> {
        self.refuse_exposed(def, values)?;
        let rendered = self.render(&def.with, values)?;
        self.bind_rendered(way, def, rendered)
    }

    /// An output that holds a secret may stand where the secret itself may, and nowhere else.
    fn refuse_exposed(&self, def: &StepDef, values: Values<'_>) -> Result<(), Unbound> {
        let holds = |reference: &Reference| match reference {
            Reference::Output { step, output } => {
                values.secrets.surely_in(values.outputs.get(step)?.outputs.get(output)?)
            }
            Reference::Secret(_) => None,
        };
        let tainted: Vec<(Reference, String)> =
            def.with.waits_for().into_iter().filter_map(|one| Some((one.clone(), holds(one)?))).collect();
        let (Some((Reference::Output { step, output }, name)), Some(kind)) =
            (tainted.first(), self.catalogue.get(&def.uses))
        else {
            return Ok(());
        };
        let node = as_secrets(&def.with, &tainted);
        let args = Args { doc: kind.doc(), node: &node, context: &self.context, step_span: def.id_span };
        let mut found = Diagnostics::default();
        check_parameters(&args, &mut found);
        kind.check(&args, &mut found);
        match found.into_sorted().into_iter().find(|fault| fault.code == Code::SECRET_EXPOSED) {
            None => Ok(()),
            Some(fault) => {
                let failure = self.fault(&fault);
                let message = format!("`steps.{step}.{output}` holds the secret `{name}`: {}", failure.message);
                Err(Failure { message, ..failure }.into())
            }
        }
    }

    /// The bound step for the way back, which must not depend on what only the way forward needed. A secret that is not
    /// to be had now, or that was struck out of an output, is left out, and the host refuses whatever would use it.
    pub(crate) fn bind_to_undo(
        &self,
        def: &StepDef,
        values: Values<'_>,
    ) -> Result<(Box<dyn Step>, Vec<Unusable>), Unbound> {
        let missing = |reference: &Reference| match reference {
            Reference::Secret(name) => values.secret(self.plan(), name).err().map(|why| (name.clone(), why)),
            Reference::Output { step, output } => {
                values.secrets.lost_in(step, output).map(|name| (name.to_owned(), lost(name, step)))
            }
        };
        self.bind_without(Way::Back, def, values, &missing)
    }

    /// The bound step before the run, with something in the place of content that is not known before it: for asking
    /// what the step lacks, and for nothing else. Whether anything is missing in it is the second value.
    pub(crate) fn bind_to_ask(
        &self,
        way: Way,
        def: &StepDef,
        values: Values<'_>,
    ) -> Result<(Box<dyn Step>, bool), Unbound> {
        let missing = |reference: &Reference| match reference {
            Reference::Secret(name) => values.secret(self.plan(), name).err().map(|why| (name.clone(), why)),
            Reference::Output { step, output } => {
                let why = || Failure::missing(format!("what step `{step}` puts out is not known"));
                (!values.has(step, output)).then(|| (output.clone(), why()))
            }
        };
        let (bound, unusable) = self.bind_without(way, def, values, &missing)?;
        Ok((bound, !unusable.is_empty()))
    }

    /// The bound step with placeholders for the contents that `missing` names, with why they are.
    fn bind_without(
        &self,
        way: Way,
        def: &StepDef,
        values: Values<'_>,
        missing: &dyn Fn(&Reference) -> Option<(String, Failure)>,
    ) -> Result<(Box<dyn Step>, Vec<Unusable>), Unbound> {
        let unusable = |reference: &Reference| {
            let (name, why) = missing(reference)?;
            Some((reference.clone(), Unusable { text: placeholder(&name), why }))
        };
        let missing: Vec<(Reference, Unusable)> = def.with.waits_for().into_iter().filter_map(unusable).collect();
        if missing.is_empty() {
            return Ok((self.bind_for(way, def, values)?, Vec::new()));
        }
        let with = without(&def.with, &missing);
        self.refuse_placeholders(def, &missing)?;
        let rendered = self.render(&with, values)?.unwrap_or(with);
        let bound = self.bind_rendered(way, def, Some(rendered))?;
        Ok((bound, missing.into_iter().map(|(_, unusable)| unusable).collect()))
    }

    /// Content that is missing is missed when it is used; a path or a name that is missing would be taken for another.
    fn refuse_placeholders(&self, def: &StepDef, missing: &[(Reference, Unusable)]) -> Result<(), Unbound> {
        let params = self.catalogue.get(&def.uses).map(|kind| kind.doc().params).unwrap_or_default();
        let is_name = |param: &&Param| !matches!(param.ty, ParamType::Content | ParamType::Env | ParamType::Any);
        for param in params.iter().filter(is_name) {
            let waits_for = def.with.get(param.name).map(|entry| entry.value.waits_for()).unwrap_or_default();
            if let Some((_, unusable)) = missing.iter().find(|(reference, _)| waits_for.contains(&reference)) {
                return Err(unusable.why.clone().into());
            }
        }
        Ok(())
    }

    /// What the step declares, now that its parameters are known; `None` if they are not.
    pub(crate) fn declared(&self, def: &StepDef, values: Values<'_>) -> Option<Declaration> {
        let rendered = self.render(&def.with, values).ok()?;
        let kind = self.catalogue.get(&def.uses)?;
        let node = rendered.as_ref().unwrap_or(&def.with);
        Some(kind.declare(&Args { doc: kind.doc(), node, context: &self.context, step_span: def.id_span }))
    }

    /// The step from parameters in which nothing waits any more: `rendered`, or those of the plan if nothing did.
    fn bind_rendered(&self, way: Way, def: &StepDef, rendered: Option<Node>) -> Result<Box<dyn Step>, Unbound> {
        let node = rendered.as_ref().unwrap_or(&def.with);
        let unknown = || Failure::missing(format!("there is no kind `{}` in this version of runbook", def.uses));
        let kind = self.catalogue.get(&def.uses).ok_or_else(unknown)?;
        let context = self.context();
        let args = Args { doc: kind.doc(), node, context: &context, step_span: def.id_span };
        if let Some(failure) = self.changed_script(way, &args, def) {
            return Err(failure.into());
        }
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

    /// Whether taking `def` back uses its parameter.
    pub(crate) fn undo_uses(&self, def: &StepDef, param: &str) -> bool {
        self.catalogue.get(&def.uses).is_none_or(|kind| kind.undo_uses(param, &kind.args(def, &self.context)))
    }

    /// Whether the step's condition holds.
    pub(crate) fn holds(&self, def: &StepDef, values: Values<'_>) -> Result<bool, Unbound> {
        match &def.condition {
            None => Ok(true),
            Some(Node { value: Value::Bool(holds), .. }) => Ok(*holds),
            Some(node) => {
                let scope = self.scope(node, values)?;
                condition(node, &scope).map_err(|fault| self.fault(&fault).into())
            }
        }
    }

    /// `None` where nothing waits.
    fn render(&self, node: &Node, values: Values<'_>) -> Result<Option<Node>, Unbound> {
        if node.waits_for().is_empty() {
            return Ok(None);
        }
        let scope = self.scope(node, values)?;
        render_node(node, &scope).map(Some).map_err(|faults| match faults.first() {
            Some(fault) => self.fault(fault).into(),
            None => Failure::failed("a template cannot be rendered").into(),
        })
    }

    /// Everything that `node` reads: all plain variables, and only those outputs and secrets that it waits for.
    fn scope(&self, node: &Node, values: Values<'_>) -> Result<Scope, Unbound> {
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
                    scope.vars.insert(name.clone(), values.secret(plan, name)?.expose().into());
                }
                Reference::Output { step, output } => {
                    if let Some(name) = values.secrets.lost_in(step, output) {
                        return Err(lost(name, step).into());
                    }
                    let known = values.outputs.get(step).filter(|known| known.outputs.contains_key(output));
                    let known = known.ok_or_else(|| Unbound::Waits(step.clone()))?;
                    scope.steps.insert(step.clone(), known.outputs.clone());
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

/// Why an output that the journal holds without its secret is of no use.
fn lost(name: &str, step: &StepId) -> Failure {
    let what = format!("what step `{step}` put out held the secret `{name}`, which no journal keeps");
    Failure::missing(format!("{what}: only the process that ran the step could use it"))
        .hint("take the run back, and apply the plan again")
}

/// The same for undo data.
pub(crate) fn unwritten(name: &str, step: &StepId) -> Unusable {
    let what = format!("the undo data of step `{step}` held the secret `{name}`, which no journal keeps");
    let why =
        Failure::missing(what).hint(format!("put this step back by hand, then close the run with `{}`", Next::Accept));
    Unusable { text: placeholder(name), why }
}

/// `node` with the secrets that outputs hold in the place of these outputs.
fn as_secrets(node: &Node, tainted: &[(Reference, String)]) -> Node {
    with_later(node, &|later| {
        let mut later = later.clone();
        for reference in &mut later.waits_for {
            if let Some((_, name)) = tainted.iter().find(|(output, _)| output == reference) {
                *reference = Reference::Secret(name.clone());
            }
        }
        Value::Later(later)
    })
}

/// `node` with a placeholder for every value that uses something missing; whole values, for a filter would change it.
fn without(node: &Node, missing: &[(Reference, Unusable)]) -> Node {
    with_later(node, &|later| match missing.iter().find(|(reference, _)| later.waits_for.contains(reference)) {
        Some((_, unusable)) => Value::String(unusable.text.clone()),
        None => Value::Later(later.clone()),
    })
}

/// `node` with `change` made of every value in it that waits for something.
fn with_later(node: &Node, change: &dyn Fn(&Later) -> Value) -> Node {
    let value = match &node.value {
        Value::Later(later) => change(later),
        Value::List(items) => Value::List(items.iter().map(|item| with_later(item, change)).collect()),
        Value::Map(entries) => {
            let entry = |entry: &Entry| Entry { value: with_later(&entry.value, change), ..entry.clone() };
            Value::Map(entries.iter().map(entry).collect())
        }
        _ => return node.clone(),
    };
    Node::new(node.span, value)
}

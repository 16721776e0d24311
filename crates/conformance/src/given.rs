//! A kind and what it is given: what it says about that before a host is touched.

use crate::roles;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Later, Node, Reference, Span, StepId, Value};
use runbook_step::{ArgContext, Args, Kind, Step};
use serde_json::Value as Json;

/// Parameters of a kind.
pub struct Given<'a> {
    kind: &'a dyn Kind,
    node: Node,
    context: ArgContext,
}

impl<'a> Given<'a> {
    /// Parameters of the kind called `name`, in a plan at `/plan` that user `ops` applies. Texts with a template wait for a step, as
    /// they do after a plan was read.
    ///
    /// # Panics
    ///
    /// Where the table has no such kind.
    pub fn to(kinds: &[&'a dyn Kind], name: &str, with: &Json) -> Self {
        let kind = kinds.iter().find(|kind| kind.doc().name == name).unwrap_or_else(|| panic!("no kind `{name}`"));
        let context = ArgContext::new("/plan", "/home/ops");
        let mut given = Self::within(context, *kind, with);
        wait_for_templates(&mut given.node);
        given
    }

    /// Parameters of `kind` in a plan of which everything is known.
    pub(crate) fn within(context: ArgContext, kind: &'a dyn Kind, with: &Json) -> Self {
        Self { kind, node: Node::from_json(Span::default(), with), context }
    }

    fn args(&self) -> Args<'_> {
        Args { doc: self.kind.doc(), node: &self.node, context: &self.context, step_span: Span::default() }
    }

    /// What is wrong with them. They are declared as well, for a plan with faults is looked at to its end.
    pub fn faults(&self) -> Vec<Diagnostic> {
        let (args, mut found) = (self.args(), Diagnostics::default());
        if runbook_step::check_parameters(&args, &mut found) {
            self.kind.check(&args, &mut found);
        }
        let _ = self.declared();
        found.into_sorted()
    }

    /// What a step with them will do, as the schedule sees it.
    pub fn declared(&self) -> Declaration {
        self.kind.declare(&self.args())
    }

    /// Whether there is a step with them, or why not.
    ///
    /// # Errors
    ///
    /// Where a value is missing or no step can be made of it.
    pub fn try_bind(&self) -> Result<Box<dyn Step>, Diagnostic> {
        self.kind.bind(&self.args())
    }

    /// The step.
    ///
    /// # Panics
    ///
    /// Where there is a fault in them, or the step is not what its kind declares.
    pub fn bind(&self) -> Box<dyn Step> {
        let (name, faults) = (&self.kind.doc().name, self.faults());
        assert!(faults.is_empty(), "the parameters of `{name}` are refused: {faults:#?}");
        let step = self.try_bind().unwrap_or_else(|fault| panic!("`{name}` does not bind: {fault:#?}"));
        roles::promise(name, &self.declared(), &*step);
        step
    }

    /// Whether a value is known only when the plan runs.
    pub(crate) fn waits(&self) -> bool {
        !self.node.waits_for().is_empty()
    }
}

fn wait_for_templates(node: &mut Node) {
    match &mut node.value {
        Value::String(text) if text.contains("{{") => {
            let waits_for =
                vec![Reference::Output { step: StepId::new("earlier").unwrap(), output: "output".to_owned() }];
            node.value = Value::Later(Later { template: text.clone(), waits_for });
        }
        Value::List(items) => items.iter_mut().for_each(wait_for_templates),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| wait_for_templates(&mut entry.value)),
        _ => {}
    }
}

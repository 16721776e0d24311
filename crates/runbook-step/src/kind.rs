//! A kind: an entry of the step library.

use crate::{ArgContext, Args, KindDoc, Step};
use runbook_model::{Declaration, Diagnostic, Diagnostics, Node, StepDef};
use std::path::Path;

/// An entry of the step library. Implementations are unit structs; all state lives in the [`Step`] that they bind.
pub trait Kind: Send + Sync {
    /// Name, parameters, outputs and example.
    fn doc(&self) -> &KindDoc;

    /// Judges what the table of parameters cannot. Called once the table is satisfied, possibly while some values are
    /// known only later.
    fn check(&self, _args: &Args<'_>, _found: &mut Diagnostics) {}

    /// The JSON Schema of what is inside of a parameter that the kind judges itself.
    fn inside(&self, _param: &str) -> Option<serde_json::Value> {
        None
    }

    /// The argument vectors inside of parameters that the kind judges itself, with the names of these parameters: what they name
    /// relative is brought by the plan, as in a parameter of the type [`Command`](crate::ParamType::Command).
    fn commands_inside<'a>(&self, _args: &Args<'a>) -> Vec<(&'static str, &'a Node)> {
        Vec::new()
    }

    /// Whether taking a step back uses this parameter: what only the way forward uses, such as a content that is written,
    /// does not stand in the way of an undo when it is damaged or not there.
    fn undo_uses(&self, _param: &str, _args: &Args<'_>) -> bool {
        true
    }

    /// Whether its steps may put out more than the table says.
    fn has_open_outputs(&self) -> bool {
        false
    }

    /// The program that the kind itself is; `None` for one of a table.
    fn program(&self) -> Option<&Path> {
        None
    }

    /// What a step with these parameters will do, as far as that is known now. Never touches the host.
    fn declare(&self, args: &Args<'_>) -> Declaration;

    /// The step, when every parameter is known and neither the table nor [`check`](Self::check) has found a fault. Never
    /// touches the host.
    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic>;
}

impl dyn Kind + '_ {
    /// The parameters that `step` gives it, for its methods.
    pub fn args<'a>(&'a self, step: &'a StepDef, context: &'a ArgContext) -> Args<'a> {
        Args { doc: self.doc(), node: &step.with, context, step_span: step.id_span }
    }
}

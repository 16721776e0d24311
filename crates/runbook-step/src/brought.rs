//! What a step names that its plan brings: files of the plan, and programs and scripts of commands that are named relative. What
//! is installed on the host is not among it.

use crate::script::script_at;
use crate::{Args, Kind, ParamType};
use runbook_model::{Node, Value};

/// A word of a plan that names a file which the plan brings.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The parameter.
    pub param: &'a str,
    /// The word; a relative path, or the template of one.
    pub node: &'a Node,
    /// What the file is for.
    pub purpose: Use,
}

/// What a file of a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A step reads it.
    Read,
    /// An interpreter runs it.
    Script,
    /// It is itself executed.
    Execute,
}

/// What the parameters of a step of `kind` name.
pub fn named_by<'a>(kind: &'a dyn Kind, args: &Args<'a>) -> Vec<Named<'a>> {
    let mut named = Vec::new();
    for param in kind.doc().params.iter() {
        let Some(node) = args.given(param.name) else { continue };
        match param.ty {
            ParamType::File if is_relative(node) => named.push(Named { param: param.name, node, purpose: Use::Read }),
            ParamType::Command => named.extend(of_command(param.name, node, args)),
            _ => {}
        }
    }
    let inside = kind.commands_inside(args).into_iter();
    named.extend(inside.filter_map(|(param, node)| of_command(param, node, args)));
    named
}

fn of_command<'a>(param: &'a str, node: &'a Node, args: &Args<'a>) -> Option<Named<'a>> {
    let Value::List(items) = &node.value else { return None };
    let words: Vec<&str> = items.iter().map(|item| text(item).unwrap_or_default()).collect();
    // Where a step has a `cwd`, relative words start there.
    let at = script_at(&words).filter(|_| args.given("cwd").is_none())?;
    let purpose = if at == 0 { Use::Execute } else { Use::Script };
    items.get(at).map(|node| Named { param, node, purpose })
}

fn is_relative(node: &Node) -> bool {
    text(node).is_some_and(|text| !text.is_empty() && !text.starts_with(['/', '~']))
}

/// The text of a word. A template that begins with what a step puts out is absolute for all that is known: outputs are.
fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) => Some(text),
        Value::Later(later) if later.template.trim_start().starts_with("{{") => Some("/"),
        Value::Later(later) => Some(&later.template),
        _ => None,
    }
}

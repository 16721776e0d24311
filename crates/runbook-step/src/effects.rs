//! `effects: { reads: [...], writes: [...] }` as plans write it, for commands and external kinds.

use crate::check::only_parts;
use crate::{ArgContext, FromArg, Mistake};
use runbook_model::{Code, Diagnostic, Diagnostics, Effect, Node, Resource, Value, did_you_mean};
use std::path::PathBuf;

const RESOURCES: [&str; 6] = ["path", "unit", "job", "process", "port", "package"];

/// The effects written in `node`; faults go to `found`. A resource that waits for a step is an unknown path.
pub fn read_effects(node: &Node, context: &ArgContext, found: &mut Diagnostics) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !matches!(node.value, Value::Map(_)) {
        found.push(fault(node, "`effects` must be a map with `reads` and `writes`".to_owned()));
    }
    only_parts(node, "`effects`", &["reads", "writes"], "it has `reads` and `writes`", found);
    for entry in node.entries() {
        let effect = match entry.key.as_str() {
            "reads" => Effect::read,
            "writes" => Effect::write,
            _ => continue,
        };
        let Value::List(items) = &entry.value.value else {
            found.push(fault(&entry.value, format!("`{}` must be a list such as [{{ path: /srv/app }}]", entry.key)));
            continue;
        };
        effects.extend(items.iter().filter_map(|item| read_resource(item, context, found)).map(effect));
    }
    effects
}

fn read_resource(node: &Node, context: &ArgContext, found: &mut Diagnostics) -> Option<Resource> {
    let [entry] = node.entries() else {
        found.push(fault(node, format!("an effect must be a map with one of {}", RESOURCES.join(", "))));
        return None;
    };
    let text = |node: &Node| String::from_arg(node, context);
    let resource = match entry.key.as_str() {
        "path" => PathBuf::from_arg(&entry.value, context).map(Resource::Path),
        "unit" => text(&entry.value).map(Resource::Unit),
        "job" => text(&entry.value).map(Resource::Job),
        "process" => text(&entry.value).map(Resource::Process),
        "port" => u16::from_arg(&entry.value, context).map(Resource::Port),
        "package" => text(&entry.value).map(Resource::Package),
        other => {
            let diagnostic =
                Diagnostic::error(Code::UNKNOWN_PARAMETER, entry.key_span, format!("there is no resource `{other}`"));
            let help = did_you_mean(other, RESOURCES).map_or_else(
                || format!("resources are {}", RESOURCES.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            found.push(diagnostic.help(help));
            return None;
        }
    };
    match resource {
        Ok(resource) => Some(resource),
        Err(Mistake::Later) if entry.key == "path" => Some(Resource::UnknownPath),
        Err(Mistake::Later) => Some(Resource::Everything),
        Err(Mistake::Wrong(span, wanted)) => {
            let message = format!("`{}` must be {wanted}", entry.key);
            found.push(Diagnostic::error(Code::WRONG_PARAMETER, span, message));
            None
        }
    }
}

fn fault(node: &Node, message: String) -> Diagnostic {
    Diagnostic::error(Code::WRONG_PARAMETER, node.span, message)
}

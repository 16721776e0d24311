//! One entry of `stages:`.

use super::{hosts, settings};
use crate::fields::{Fields, duration, items, one_of, some_text, wrong_type};
use crate::inventory::{map, vars};
use crate::steps::allow;
use runbook_model::{
    Allow, ApproveGate, Code, Diagnostic, Diagnostics, Entry, Inventory, Node, Promote, Promotion, Refusal, Span,
    Stage, StepId, Value,
};

const FIELDS: &[&str] =
    &["id", "canary", "needs", "hosts", "plan", "vars", "artifacts", "promote", "soak", "approve", "batches", "allow"];

/// The stage at `node`; `None` where nobody can name it.
pub(super) fn read(node: &Node, inventory: Option<&Inventory>, faults: &mut Diagnostics) -> Option<Stage> {
    let fields = Fields::open(node, "a stage", FIELDS, faults)?;
    let id = fields.required("id", faults).and_then(|node| id(node, "id", faults));
    let hosts = fields.required("hosts", faults).map(|node| hosts::read(node, inventory, faults));
    let plan = fields.required("plan", faults);
    // What comes last may end it; everything else has been told by then.
    Some(Stage {
        canary: fields.get("canary").is_some_and(|node| truth(node, "canary", faults)),
        needs: ids(fields.get("needs"), "needs", faults),
        hosts: hosts.unwrap_or_else(|| hosts::none(fields.head())),
        plan: plan.and_then(|node| some_text(node, "plan", faults)).unwrap_or_default().to_owned(),
        plan_span: plan.map_or(fields.head(), |node| node.span),
        vars: fields.get("vars").map_or(Vec::new(), |node| vars::read(node, faults)),
        artifacts: ids(fields.get("artifacts"), "artifacts", faults),
        promote: fields.get("promote").map_or(Vec::new(), |node| promote(node, faults)),
        soak: fields.get("soak").and_then(|node| duration(node, "soak", faults)),
        approve: fields.get("approve").and_then(|node| approve(node, faults)),
        batches: settings::batches(fields.get("batches"), faults),
        allow: fields.get("allow").map_or(Vec::new(), |node| of_rollouts(allow(node, faults), faults)),
        span: id.as_ref().map_or(fields.head(), |(_, span)| *span),
        id: id?.0,
    })
}

fn id(node: &Node, name: &str, faults: &mut Diagnostics) -> Option<(StepId, Span)> {
    let word = some_text(node, name, faults)?;
    let found = StepId::new(word);
    if found.is_none() {
        let help = "an id is a letter, then letters, digits, `-` and `_`";
        faults.push(Diagnostic::error(Code::BAD_ID, node.span, format!("`{word}` cannot be an id")).help(help));
    }
    found.map(|id| (id, node.span))
}

/// Ids, each once; one alone stands for a list of one.
fn ids(node: Option<&Node>, name: &str, faults: &mut Diagnostics) -> Vec<(StepId, Span)> {
    let nodes = match node {
        None => &[][..],
        Some(one @ Node { value: Value::String(_), .. }) => std::slice::from_ref(one),
        Some(list) => items(list, name, faults),
    };
    let mut found: Vec<(StepId, Span)> = Vec::new();
    for (id, span) in nodes.iter().filter_map(|node| id(node, name, faults)) {
        if !found.iter().any(|(known, _)| *known == id) {
            found.push((id, span));
        }
    }
    found
}

fn truth(node: &Node, name: &str, faults: &mut Diagnostics) -> bool {
    if let Value::Bool(truth) = node.value {
        return truth;
    }
    wrong_type(node, name, "true or false", faults);
    false
}

fn promote(node: &Node, faults: &mut Diagnostics) -> Vec<Promotion> {
    let one = |entry: &Entry, faults: &mut Diagnostics| {
        let word = one_of(&entry.value, "promote", &Promote::NAMES, Code::NOT_ALLOWED, faults);
        let artifact = StepId::new(&entry.key);
        if artifact.is_none() {
            let message = format!("`{}` cannot be an id", entry.key.escape_debug());
            faults.push(Diagnostic::error(Code::BAD_ID, entry.key_span, message));
        }
        let to = if word? == "any" { Promote::Any } else { Promote::SamePlatform };
        Some(Promotion { artifact: artifact?, span: entry.key_span, to })
    };
    map(node, "promote", faults).iter().filter_map(|entry| one(entry, faults)).collect()
}

fn approve(node: &Node, faults: &mut Diagnostics) -> Option<ApproveGate> {
    let fields = Fields::open(node, "`approve`", &["by", "within"], faults)?;
    let by = match fields.get("by") {
        None => &[][..],
        Some(one @ Node { value: Value::String(_), .. }) => std::slice::from_ref(one),
        Some(list) => items(list, "by", faults),
    };
    let by = by.iter().filter_map(|node| some_text(node, "by", faults)).map(str::to_owned).collect();
    let within = fields.required("within", faults).and_then(|node| duration(node, "within", faults));
    Some(ApproveGate { by, within: within? })
}

/// The exceptions; one from a refusal of plans is told, for it stands in the plan, at the step.
fn of_rollouts(mut found: Vec<Allow>, faults: &mut Diagnostics) -> Vec<Allow> {
    let ours = |allow: &Allow| matches!(allow.rule, Refusal::CanaryFirst | Refusal::SamePlatform);
    for allow in found.iter().filter(|allow| !ours(allow)) {
        let message = format!("{} is about a plan, and this is a stage", allow.rule);
        let help = "write the exception to the step that it is about";
        faults.push(Diagnostic::error(Code::UNKNOWN_RULE, allow.span, message).help(help));
    }
    found.retain(ours);
    found
}

//! `artifacts.NAME.path` and `artifacts.NAME.digest` in the variables of a stage: what it takes from stages above it.
//!
//! They are written into the template as texts before the plan reads it, so that a plan knows nothing of other hosts.

use crate::request::{LayerNames, LayerVars};
use runbook_model::{
    Code, Diagnostic, Diagnostics, Entry, Layer, Node, Promotion, Rollout, Span, Stage, StepId, Value, did_you_mean,
};
use runbook_template::{Use, has_template, uses};

/// What a template may say of an artifact.
const FIELDS: [&str; 2] = ["path", "digest"];

/// Where an artifact lies on the host that takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactAt {
    /// Its file on that host.
    pub path: String,
    /// Its BLAKE3 digest, in hex.
    pub digest: String,
}

/// The variables that the rollout and the stage give its plan; `at` says where an artifact that it takes lies.
pub fn stage_layers(rollout: &Rollout, stage: &Stage, at: impl Fn(&StepId) -> ArtifactAt) -> [LayerVars; 2] {
    let given = |entry: &Entry| Entry { value: with_artifacts(&entry.value, &at), ..entry.clone() };
    let own = stage.vars.iter().map(given).collect();
    [
        LayerVars { layer: Layer::Stage, vars: rollout.vars.clone(), names: LayerNames::Common },
        LayerVars { layer: Layer::Stage, vars: own, names: LayerNames::Declared },
    ]
}

fn with_artifacts(node: &Node, at: &impl Fn(&StepId) -> ArtifactAt) -> Node {
    let value = match &node.value {
        Value::String(text) => Value::String(written(text, at)),
        Value::List(items) => Value::List(items.iter().map(|item| with_artifacts(item, at)).collect()),
        other => other.clone(),
    };
    Node::new(node.span, value)
}

fn written(text: &str, at: &impl Fn(&StepId) -> ArtifactAt) -> String {
    let mut text = text.to_owned();
    for one in artifact_uses(&text).into_iter().rev() {
        let [_, name, field, ..] = one.path.as_slice() else { continue };
        let Some(at) = StepId::new(name).map(|name| at(&name)) else { continue };
        let value = if field == "path" { at.path } else { at.digest };
        text.replace_range(one.range, &serde_json::Value::String(value).to_string());
    }
    text
}

/// The uses of artifacts in a template, in its order; one that cannot be read is told by the plan's reader.
fn artifact_uses(text: &str) -> Vec<Use> {
    if !has_template(text) {
        return Vec::new();
    }
    let mut found = uses(text).unwrap_or_default();
    found.retain(|one| one.path.first().is_some_and(|root| root == "artifacts"));
    found.sort_by_key(|one| one.range.start);
    found
}

/// Each use below `vars`, with its place.
fn each(vars: &[Entry], mut told: impl FnMut(&Use, Span)) {
    for entry in vars {
        entry.value.walk(&mut |node| {
            if let Value::String(text) = &node.value {
                artifact_uses(text).iter().for_each(|one| told(one, node.span));
            }
        });
    }
}

/// The variables of the whole rollout name no artifact.
pub(super) fn none_in(vars: &[Entry], faults: &mut Diagnostics) {
    each(vars, |one, span| {
        let message = format!("`{}` is known to a stage alone", one.path.join("."));
        let help = "set the variable in the stage that promotes the artifact";
        faults.push(Diagnostic::error(Code::UNKNOWN_ARTIFACT, span, message).help(help));
    });
}

/// What each stage takes is given above it, and its variables name nothing else.
pub(super) fn judge(rollout: &Rollout, faults: &mut Diagnostics) {
    for stage in &rollout.stages {
        let known = |one: &Promotion| gives(&rollout.above(stage), &one.artifact);
        for one in stage.promote.iter().filter(|one| !known(one)) {
            faults.push(not_given(rollout, stage, one));
        }
        each(&stage.vars, |one, span| faults.extend(fault(stage, one, span)));
    }
}

fn gives(stages: &[&Stage], artifact: &StepId) -> bool {
    stages.iter().any(|stage| stage.artifacts.iter().any(|(id, _)| id == artifact))
}

fn not_given(rollout: &Rollout, stage: &Stage, one: &Promotion) -> Diagnostic {
    let name = &one.artifact;
    let message = format!("no stage that `{}` needs gives an artifact `{name}`", stage.id);
    let fault = Diagnostic::error(Code::UNKNOWN_ARTIFACT, one.span, message);
    let giver = rollout.stages.iter().filter(|other| other.id != stage.id).find(|other| gives(&[*other], name));
    if let Some(giver) = giver {
        let help = format!("let it need `{}`", giver.id);
        return fault.related(giver.span, "this stage gives it").help(help);
    }
    let all = rollout.stages.iter().flat_map(|stage| &stage.artifacts).map(|(id, _)| id.as_str());
    fault.maybe_help(did_you_mean(name.as_str(), all).map(|near| format!("did you mean `{near}`?")))
}

fn fault(stage: &Stage, one: &Use, span: Span) -> Option<Diagnostic> {
    let written = one.path.join(".");
    let mut names = stage.promote.iter().map(|promotion| promotion.artifact.as_str());
    let (message, help) = match one.path.as_slice() {
        [_, name, field] if FIELDS.contains(&field.as_str()) => {
            if names.clone().any(|known| known == name) {
                return None;
            }
            let help = match did_you_mean(name, names) {
                Some(near) => format!("did you mean `artifacts.{near}.{field}`?"),
                None => format!("write `promote: {{ {name}: same-platform }}`, or `any`"),
            };
            (format!("stage `{}` does not promote `{name}`", stage.id), help)
        }
        _ => {
            let example = names.next().unwrap_or("NAME");
            let help = format!("write `artifacts.{example}.path` or `artifacts.{example}.digest`");
            (format!("there is no `{written}`"), help)
        }
    };
    Some(Diagnostic::error(Code::UNKNOWN_ARTIFACT, span, message).help(help))
}

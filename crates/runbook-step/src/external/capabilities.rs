//! What an external kind says about itself, judged before anything else is asked of it.

use super::call::PROTOCOL;
use crate::{KindDoc, Need, OutputDoc, Param, ParamType};
use runbook_model::{Access, Purpose, Role, UndoSource, did_you_mean};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The answer to `capabilities`, checked.
#[derive(Debug)]
pub(super) struct Capabilities {
    pub(super) doc: KindDoc,
    pub(super) purpose: Purpose,
    pub(super) undo: UndoSource,
    /// The parts that its steps play.
    pub(super) roles: Vec<Role>,
    /// What it reads and writes: the resource's word and a text with `{{ parameter }}` in it.
    pub(super) effects: Vec<(Access, String, String)>,
    /// Whether it may put out more than its table says.
    pub(super) open_outputs: bool,
    /// Whether its probe has promised to change nothing.
    pub(super) probe_reads: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(rename = "protocol")]
    _protocol: Json,
    name: String,
    summary: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    example: String,
    #[serde(default)]
    parameters: Vec<AnsweredParameter>,
    #[serde(default)]
    outputs: BTreeMap<String, String>,
    #[serde(default)]
    open_outputs: bool,
    purpose: String,
    undo: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    probe: String,
    #[serde(default)]
    effects: AnsweredEffects,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnsweredParameter {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    default: Option<Json>,
    #[serde(default)]
    choices: Vec<String>,
    help: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnsweredEffects {
    #[serde(default)]
    reads: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    writes: Vec<BTreeMap<String, String>>,
}

const RESOURCES: [&str; 6] = ["path", "unit", "job", "process", "port", "package"];

/// The words of parameter types, as capabilities write them.
const TYPES: [(&str, ParamType); 16] = [
    ("string", ParamType::String),
    ("content", ParamType::Content),
    ("path", ParamType::Path),
    ("file", ParamType::File),
    ("paths", ParamType::Paths),
    ("bool", ParamType::Bool),
    ("count", ParamType::Count),
    ("port", ParamType::Port),
    ("duration", ParamType::Duration),
    ("mode", ParamType::Mode),
    ("version", ParamType::Version),
    ("argv", ParamType::Argv),
    ("strings", ParamType::Strings),
    ("env", ParamType::Env),
    ("pointer", ParamType::Pointer),
    ("any", ParamType::Any),
];

impl Capabilities {
    /// From the answer of the program of the kind `name`; otherwise what is wrong with it.
    ///
    /// Names and help texts are given up to the process (leaked): tables of kinds live as long as it does, and every
    /// kind is asked once.
    pub(super) fn read(name: &str, answer: Json) -> Result<Self, String> {
        match answer.get("protocol").and_then(Json::as_u64) {
            Some(PROTOCOL) => {}
            Some(other) => return Err(format!("it speaks protocol {other}, and this runbook speaks {PROTOCOL}")),
            None => return Err("its capabilities do not say which protocol it speaks".to_owned()),
        }
        let told: Answer = serde_json::from_value(answer).map_err(|error| format!("its capabilities: {error}"))?;
        if told.name != name {
            return Err(format!("its capabilities say that it is `{}`, not `{name}`", told.name));
        }
        let params: Vec<Param> = told.parameters.into_iter().map(parameter).collect::<Result<_, _>>()?;
        let effects = effects(told.effects, &params)?;
        let outputs = told.outputs.into_iter().map(|(name, help)| OutputDoc { name: name.leak(), help: help.leak() });
        Ok(Self {
            purpose: word("purpose", &told.purpose, &PURPOSES)?,
            undo: word("undo", &told.undo, &UNDO)?,
            roles: told.roles.iter().map(|told| word("role", told, &ROLES)).collect::<Result<_, _>>()?,
            probe_reads: match told.probe.as_str() {
                "" => false,
                probe => word("probe", probe, &[("read-only", true), ("none", false)])?,
            },
            effects,
            doc: KindDoc {
                name: told.name.leak(),
                summary: told.summary.leak(),
                text: told.text.leak(),
                params: params.leak(),
                outputs: outputs.collect::<Vec<_>>().leak(),
                example: told.example.leak(),
            },
            open_outputs: told.open_outputs,
        })
    }
}

const PURPOSES: [(&str, Purpose); 3] =
    [("principal", Purpose::Principal), ("attendant", Purpose::Attendant), ("inspection", Purpose::Inspection)];
const UNDO: [(&str, UndoSource); 4] = [
    ("own", UndoSource::Own),
    ("backup", UndoSource::Backup),
    ("none", UndoSource::None),
    ("not-needed", UndoSource::NotNeeded),
];

/// The parts that a program can play: those that need no capability of the step and no further data.
const ROLES: [(&str, Role); 7] = [
    ("inspect", Role::Inspect),
    ("inventory", Role::Inventory),
    ("replace", Role::Replace),
    ("install", Role::Install),
    ("dependencies", Role::Dependencies),
    ("clear-cache", Role::ClearCache),
    ("gate", Role::Gate),
];

fn word<T: Clone>(what: &str, told: &str, words: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == told) {
        return Ok(meaning.clone());
    }
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let near =
        did_you_mean(told, all.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(format!("its `{what}` is `{told}`, and may be {}{near}", all.join(", ")))
}

fn parameter(told: AnsweredParameter) -> Result<Param, String> {
    let ty = if told.ty == "choice" {
        if told.choices.is_empty() {
            return Err(format!("its parameter `{}` is a choice without `choices`", told.name));
        }
        let words: Vec<&'static str> = told.choices.into_iter().map(|word| &*word.leak()).collect();
        ParamType::Choice(words.leak())
    } else {
        word(&format!("type of the parameter {}", told.name), &told.ty, &TYPES)?
    };
    let need = match (told.required, told.default) {
        (true, None) => Need::Required,
        (false, None) => Need::Optional,
        (false, Some(Json::String(text))) => Need::Default(text.leak()),
        (false, Some(value @ (Json::Bool(_) | Json::Number(_)))) => Need::Default(value.to_string().leak()),
        (true, Some(_)) => return Err(format!("its parameter `{}` is required and has a default", told.name)),
        (false, Some(_)) => return Err(format!("the default of its parameter `{}` is not a scalar", told.name)),
    };
    Ok(Param { name: told.name.leak(), ty, need, help: told.help.leak() })
}

fn effects(told: AnsweredEffects, params: &[Param]) -> Result<Vec<(Access, String, String)>, String> {
    let mut effects = Vec::new();
    for (access, list) in [(Access::Read, told.reads), (Access::Write, told.writes)] {
        for (resource, template) in list.into_iter().flatten() {
            word("resource", &resource, &RESOURCES.map(|resource| (resource, ())))?;
            for name in placeholders(&template) {
                if !params.iter().any(|param| param.name == name) {
                    return Err(format!("its effect `{template}` names `{name}`, which is none of its parameters"));
                }
            }
            effects.push((access, resource, template));
        }
    }
    Ok(effects)
}

/// The names between `{{` and `}}`.
pub(super) fn placeholders(template: &str) -> Vec<&str> {
    template.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(name, _)| name.trim()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    type Change<'a> = &'a dyn Fn(&mut Json);

    fn told(change: impl Fn(&mut Json)) -> Result<Capabilities, String> {
        let mut answer = json!({
            "protocol": 1, "name": "greeting", "summary": "Greets", "purpose": "principal", "undo": "own",
            "probe": "read-only",
            "parameters": [
                { "name": "path", "type": "path", "required": true, "help": "Where" },
                { "name": "tone", "type": "choice", "choices": ["warm", "cool"], "default": "warm", "help": "How" },
            ],
            "effects": { "writes": [{ "path": "{{ path }}" }] },
        });
        change(&mut answer);
        Capabilities::read("greeting", answer)
    }

    #[test]
    fn what_is_wrong_with_capabilities_is_said() {
        let plain = told(|_| {}).unwrap();
        assert_eq!((plain.doc.params[1].need, plain.roles), (Need::Default("warm"), Vec::new()));
        let installs = told(|answer| answer["roles"] = json!(["replace", "install"])).unwrap();
        assert_eq!(installs.roles, [Role::Replace, Role::Install]);
        let cases: [(Change<'_>, &str); 11] = [
            (&|answer| answer["protocol"] = json!(2), "it speaks protocol 2, and this runbook speaks 1"),
            (&|answer| drop(answer["protocol"].take()), "do not say which protocol"),
            (&|answer| answer["name"] = json!("other"), "say that it is `other`, not `greeting`"),
            (&|answer| answer["undo"] = json!("backups"), "did you mean `backup`?"),
            (&|answer| answer["roles"] = json!(["instal"]), "`role` is `instal`"),
            (&|answer| answer["roles"] = json!(["verify"]), "and may be inspect, inventory"),
            (&|answer| answer["paramters"] = json!([]), "unknown field `paramters`"),
            (&|answer| answer["parameters"][0]["type"] = json!("pth"), "did you mean `path`?"),
            (&|answer| answer["parameters"][1]["choices"] = json!([]), "a choice without `choices`"),
            (&|answer| answer["effects"]["writes"][0] = json!({ "path": "{{ pth }}" }), "none of its parameters"),
            (&|answer| answer["effects"]["writes"][0] = json!({ "file": "x" }), "`resource` is `file`"),
        ];
        for (change, message) in cases {
            let fault = told(change).unwrap_err();
            assert!(fault.contains(message), "{fault}");
        }
    }
}

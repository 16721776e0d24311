//! JSON Schema of kinds, from their tables.

use crate::{Catalogue, Kind, Need, Param, ParamType};
use serde_json::{Value, json};

/// The schema of `with` for one kind.
pub fn kind_schema(kind: &dyn Kind) -> Value {
    let doc = kind.doc();
    let properties: serde_json::Map<String, Value> =
        doc.params.iter().map(|param| (param.name.to_owned(), schema_of(kind, param))).collect();
    let required: Vec<&str> =
        doc.params.iter().filter(|param| param.need == Need::Required).map(|param| param.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// `plan`, the schema of the language alone, with the parameters of every built-in kind merged into its steps.
///
/// External kinds stay possible: a step whose `uses` is none of the built-in names may have any parameters.
pub fn plan_schema_with_kinds(mut plan: Value, catalogue: &Catalogue) -> Value {
    let rules = catalogue.built_in().map(|kind| {
        let uses = json!({ "properties": { "uses": { "const": kind.doc().name } }, "required": ["uses"] });
        json!({ "if": uses, "then": then(kind) })
    });
    let rules: Vec<Value> = rules.collect();
    let names: Vec<&str> = catalogue.built_in().map(|kind| kind.doc().name).collect();
    if let Some(uses) = plan.pointer_mut("/$defs/step/properties/uses") {
        // Editors offer the names; external kinds may have any other.
        uses["anyOf"] = json!([{ "enum": names }, { "type": "string", "minLength": 1 }]);
    }
    if let Some(step) = plan.pointer_mut("/properties/steps/items") {
        step["allOf"] = Value::Array(rules);
    }
    plan
}

fn then(kind: &dyn Kind) -> Value {
    let mut then = json!({ "properties": { "with": kind_schema(kind) } });
    if kind.doc().params.iter().any(|param| param.need == Need::Required) {
        then["required"] = json!(["with"]);
    }
    then
}

fn schema_of(kind: &dyn Kind, param: &Param) -> Value {
    let mut schema = param_schema(param);
    if let Some(inside) = kind.inside(param.name) {
        schema = inside;
        schema["description"] = json!(param.help);
    }
    schema
}

fn param_schema(param: &Param) -> Value {
    let plain = match param.ty {
        ParamType::Bool => json!({ "type": "boolean" }),
        ParamType::Count => json!({ "type": "integer", "minimum": 0 }),
        ParamType::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        ParamType::Duration => json!({ "type": "string", "pattern": r"^([0-9]+(ms|s|m|h|d))+$" }),
        ParamType::Mode => json!({ "type": "string", "pattern": "^[0-7]{3,4}$" }),
        ParamType::Argv | ParamType::Command => {
            json!({ "type": "array", "items": { "type": ["string", "number", "boolean"] }, "minItems": 1 })
        }
        ParamType::Strings => json!({ "type": "array", "items": { "type": ["string", "number", "boolean"] } }),
        ParamType::Paths => json!({ "type": ["array", "string"], "items": { "type": "string" }, "minItems": 1 }),
        ParamType::Env => {
            json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
        }
        ParamType::Choice(words) => json!({ "enum": words }),
        ParamType::Any => json!({}),
        ParamType::String
        | ParamType::Name(_)
        | ParamType::Content
        | ParamType::Path
        | ParamType::File
        | ParamType::Version
        | ParamType::Pointer => {
            json!({ "type": ["string", "number"] })
        }
    };
    let mut schema = match param.ty {
        ParamType::Bool
        | ParamType::Count
        | ParamType::Port
        | ParamType::Duration
        | ParamType::Mode
        | ParamType::Argv
        | ParamType::Command
        | ParamType::Strings
        | ParamType::Env
        | ParamType::Choice(_) => {
            json!({ "anyOf": [plain, { "type": "string", "pattern": r"\{\{" }] })
        }
        _ => plain,
    };
    schema["description"] = json!(match param.ty.of_plan() {
        Some(told) => format!("{}. {told}", param.help),
        None => param.help.to_owned(),
    });
    if let Need::Default(default) = param.need {
        schema["default"] = json!(default);
    }
    schema
}

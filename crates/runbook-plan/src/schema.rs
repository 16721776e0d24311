//! JSON Schemas of the documents, for editors. The parameters of the kinds are merged in by the binary.

use crate::header::DAYS;
use runbook_model::{Refusal, SecretSide, VarType};
use serde_json::{Value as Json, json};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const TEMPLATE: &str = r"\{\{";

/// The schema of a plan. `$defs.step.properties.with` and `$defs.step.properties.uses` are open: the kinds fill them.
pub fn plan_schema() -> Json {
    json!({
        "$schema": DRAFT,
        "title": "runbook plan",
        "type": "object",
        "required": ["kind", "version", "name", "steps"],
        "additionalProperties": false,
        "properties": {
            "kind": { "const": "Plan" },
            "version": { "const": 1, "description": "Version of the format." },
            "name": { "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$" },
            "summary": { "type": "string", "description": "One sentence; may hold templates without steps and secrets." },
            "vars": {
                "type": ["object", "null"],
                "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
                "additionalProperties": { "$ref": "#/$defs/variable" }
            },
            "window": { "$ref": "#/$defs/window" },
            "retention": { "$ref": "#/$defs/retention" },
            "review": { "type": "array", "items": { "$ref": "#/$defs/review" } },
            "steps": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/step" } }
        },
        "$defs": {
            "template": { "type": "string", "pattern": TEMPLATE },
            "duration": duration(),
            "variable": variable(),
            "window": window(),
            "retention": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "keep_for": { "$ref": "#/$defs/duration" },
                    "keep_last": whole_number(1, 10_000)
                }
            },
            "review": {
                "type": "object",
                "required": ["what", "for", "by"],
                "additionalProperties": false,
                "properties": {
                    "what": { "type": "string", "minLength": 1 },
                    "for": { "type": "string", "minLength": 1, "description": "The version it was read for." },
                    "by": { "type": "string", "minLength": 1 },
                    "link": { "type": "string" }
                }
            },
            "step": step()
        }
    })
}

/// The schema of an environment's file.
pub fn environment_schema() -> Json {
    json!({
        "$schema": DRAFT,
        "title": "runbook environment",
        "type": "object",
        "required": ["kind", "version"],
        "additionalProperties": false,
        "properties": {
            "kind": { "const": "Environment" },
            "version": { "const": 1, "description": "Version of the format." },
            "help": { "type": "string" },
            "vars": {
                "type": ["object", "null"],
                "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
                "additionalProperties": { "type": ["string", "integer", "boolean", "array"] }
            }
        }
    })
}

fn step() -> Json {
    let rules: Vec<&str> = Refusal::ALL.iter().map(|rule| rule.name()).collect();
    let id = json!({ "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$" });
    json!({
        "type": "object",
        "required": ["id", "uses"],
        "additionalProperties": false,
        "properties": {
            "id": id,
            "uses": { "type": "string", "minLength": 1, "description": "The kind; `runbook steps` lists them." },
            "with": { "type": "object", "description": "The parameters of the kind." },
            "needs": { "anyOf": [{ "type": "array", "items": { "type": "string" } }, { "type": "string" }] },
            "if": { "type": ["boolean", "string"], "description": "An expression; the step is skipped if it is false." },
            "timeout": { "$ref": "#/$defs/duration" },
            "retry": {
                "type": "object",
                "required": ["attempts"],
                "additionalProperties": false,
                "properties": { "attempts": whole_number(1, 100), "backoff": { "$ref": "#/$defs/duration" } }
            },
            "on_failure": { "anyOf": [{ "enum": ["rollback", "stop", "continue"] }, { "$ref": "#/$defs/template" }] },
            "allow": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["rule", "because"],
                    "additionalProperties": false,
                    "properties": { "rule": { "enum": rules }, "because": { "type": "string", "minLength": 1 } }
                }
            }
        }
    })
}

fn variable() -> Json {
    let value = json!({ "type": ["string", "integer", "boolean", "array"] });
    json!({
        "type": "object",
        "required": ["type"],
        "additionalProperties": false,
        "properties": {
            "type": { "enum": VarType::NAMES },
            "default": value,
            "help": { "type": "string" },
            "from": {
                "type": "object",
                "oneOf": [{ "required": ["env"] }, { "required": ["file"] }, { "required": ["command"] }],
                "additionalProperties": false,
                "properties": {
                    "on": { "enum": SecretSide::NAMES, "description": "Where that is; the host that the plan changes if left out." },
                    "env": { "type": "string", "minLength": 1 },
                    "file": { "type": "string", "minLength": 1 },
                    "command": { "type": "array", "minItems": 1, "items": { "type": "string" } }
                }
            }
        },
        "if": { "properties": { "type": { "const": "secret" } } },
        "then": { "required": ["from"], "properties": { "default": false } },
        "else": { "properties": { "from": false } }
    })
}

fn window() -> Json {
    let time = json!({
        "anyOf": [{ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" }, { "$ref": "#/$defs/template" }]
    });
    json!({
        "type": "object",
        "required": ["zone", "from", "to"],
        "additionalProperties": false,
        "properties": {
            "zone": { "type": "string", "description": "An IANA name such as Europe/Madrid." },
            "days": {
                "anyOf": [
                    { "type": "array", "items": { "anyOf": [{ "enum": DAYS }, { "$ref": "#/$defs/template" }] } },
                    { "$ref": "#/$defs/template" }
                ],
                "description": "All days if left out."
            },
            "from": time.clone(),
            "to": time
        }
    })
}

fn duration() -> Json {
    json!({
        "anyOf": [
            { "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$", "minLength": 2 },
            { "$ref": "#/$defs/template" }
        ]
    })
}

fn whole_number(least: u32, most: u32) -> Json {
    json!({ "anyOf": [{ "type": "integer", "minimum": least, "maximum": most }, { "$ref": "#/$defs/template" }] })
}

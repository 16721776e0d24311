//! The JSON Schema of rollouts, for editors.

use runbook_model::{Promote, Refusal, RollbackScope};
use serde_json::{Value as Json, json};

const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";
const ID: &str = "^[A-Za-z][A-Za-z0-9_-]*$";

/// The schema of a rollout's file.
pub fn rollout_schema() -> Json {
    let above_none = json!({ "type": "integer", "minimum": 1 });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "runbook rollout",
        "type": "object",
        "required": ["kind", "version", "name", "inventory", "stages"],
        "additionalProperties": false,
        "properties": {
            "kind": { "const": "Rollout" },
            "version": { "const": 1, "description": "Version of the format." },
            "name": { "type": "string", "pattern": NAME, "description": "A later apply of the same name is the next attempt." },
            "inventory": { "type": "string", "minLength": 1, "description": "The inventory's file, from the directory of the rollout." },
            "environment": { "type": "string", "minLength": 1, "description": "As `--env` has it." },
            "vars": { "$ref": "#/$defs/vars", "description": "For the plans of all stages; each is for those that declare it." },
            "concurrency": map_of("How many hosts are at work at the same time.", &json!({ "estate": above_none, "per_jump": above_none }), &[]),
            "confirm": map_of("A host that hears nothing that long, once all is done and proven, goes back by itself.", &json!({ "within": { "$ref": "#/$defs/duration" } }), &["within"]),
            "deadline": map_of("How long a host may take.", &json!({ "host": { "$ref": "#/$defs/duration" } }), &["host"]),
            "max_failed": map_of("How many hosts may fail before the rollout stops; of a canary none may.", &json!({ "wave": amount(0), "rollout": amount(0) }), &[]),
            "on_failure": map_of("What is taken back when the rollout stops.", &json!({ "rollback": { "enum": RollbackScope::NAMES } }), &["rollback"]),
            "stages": { "type": "array", "minItems": 1, "items": stage() }
        },
        "$defs": {
            "ids": { "anyOf": [{ "type": "string", "pattern": ID }, { "type": "array", "items": { "type": "string", "pattern": ID } }] },
            "duration": { "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$", "minLength": 2 },
            "vars": {
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
                "additionalProperties": {
                    "type": ["string", "integer", "boolean", "array"],
                    "items": { "type": ["string", "integer", "boolean"] }
                }
            }
        }
    })
}

fn stage() -> Json {
    let text = || json!({ "type": "string", "minLength": 1 });
    json!({
        "type": "object",
        "required": ["id", "hosts", "plan"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string", "pattern": ID },
            "canary": { "type": "boolean", "description": "Its hosts prove the change before others take it; none of them may fail." },
            "needs": { "$ref": "#/$defs/ids", "description": "Stages that are done before." },
            "hosts": {
                "anyOf": [
                    text(),
                    { "type": "array", "minItems": 1, "items": text() },
                    { "type": "object", "minProperties": 1, "propertyNames": { "pattern": NAME }, "additionalProperties": text() }
                ],
                "description": "A selector, names and groups, or labels that all have to fit."
            },
            "plan": { "type": "string", "minLength": 1, "description": "The plan's file, from the directory of the rollout." },
            "vars": { "$ref": "#/$defs/vars", "description": "For this stage; may name `artifacts.NAME.path` and `artifacts.NAME.digest`." },
            "artifacts": { "$ref": "#/$defs/ids", "description": "What it gives to later stages: steps of its plan that pack." },
            "promote": {
                "type": "object",
                "propertyNames": { "pattern": ID },
                "additionalProperties": { "enum": Promote::NAMES },
                "description": "What it takes from stages before, and where that may go."
            },
            "soak": { "$ref": "#/$defs/duration", "description": "How long it is watched once it is kept." },
            "approve": map_of("Who has to agree before it begins.", &json!({
                "by": { "anyOf": [text(), { "type": "array", "items": text() }] },
                "within": { "$ref": "#/$defs/duration" }
            }), &["within"]),
            "batches": { "type": "array", "minItems": 1, "items": amount(1), "description": "The sizes of its waves; the last repeats." },
            "allow": {
                "type": "array",
                "items": map_of("An exception.", &json!({
                    "rule": { "enum": [Refusal::CanaryFirst, Refusal::SamePlatform] },
                    "because": text()
                }), &["rule", "because"])
            }
        }
    })
}

fn amount(least: u8) -> Json {
    json!({ "anyOf": [{ "type": "integer", "minimum": least }, { "type": "string", "pattern": "^[0-9]{1,3}%$" }] })
}

fn map_of(description: &str, properties: &Json, required: &[&str]) -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required,
        "description": description
    })
}

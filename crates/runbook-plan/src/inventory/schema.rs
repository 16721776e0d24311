//! The JSON Schema of inventories, for editors.

use runbook_model::Escalation;
use serde_json::{Value as Json, json};

const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";
const WORD: &str = r"^[^-\s]\S*$";

/// The schema of an inventory's file.
pub fn inventory_schema() -> Json {
    let mut host = settings();
    let own = json!({
        "address": { "type": "string", "pattern": WORD, "description": "What ssh connects to; the host's name if left out." },
        "labels": { "$ref": "#/$defs/labels" },
        "exercises": {
            "type": "array",
            "items": { "type": "string", "minLength": 1 },
            "description": "What a successful run on this host proves."
        }
    });
    extend(&mut host, &own);
    let mut group = settings();
    let hosts = json!({
        "hosts": {
            "anyOf": [{ "type": "array", "items": { "type": "string", "pattern": NAME } }, { "$ref": "#/$defs/labels" }],
            "description": "Names of hosts, or labels that all have to fit."
        }
    });
    extend(&mut group, &hosts);
    group["required"] = json!(["hosts"]);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "runbook inventory",
        "type": "object",
        "required": ["kind", "version", "name", "hosts"],
        "additionalProperties": false,
        "properties": {
            "kind": { "const": "Inventory" },
            "version": { "const": 1, "description": "Version of the format." },
            "name": { "type": "string", "pattern": NAME },
            "defaults": settings(),
            "groups": {
                "type": "object",
                "propertyNames": { "pattern": NAME, "not": { "enum": ["all", "ungrouped"] } },
                "additionalProperties": group
            },
            "hosts": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "pattern": NAME, "not": { "enum": ["all", "ungrouped"] } },
                "additionalProperties": { "anyOf": [{ "type": "null" }, host] }
            }
        },
        "$defs": {
            "labels": {
                "type": "object",
                "propertyNames": { "pattern": NAME },
                "additionalProperties": { "type": "string", "minLength": 1 }
            },
            "ssh": ssh()
        }
    })
}

/// What defaults, groups and hosts may all say.
fn settings() -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "become": { "enum": Escalation::NAMES, "description": "How the agent gets the rights that a plan needs." },
            "max_clock_skew": {
                "type": "string",
                "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
                "minLength": 2,
                "description": "How far the host's clock may be from the controller's."
            },
            "ssh": { "$ref": "#/$defs/ssh" },
            "vars": {
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
                "additionalProperties": {
                    "type": ["string", "integer", "boolean", "array"],
                    "items": { "type": ["string", "integer", "boolean"] }
                },
                "description": "Values of variables of plans."
            }
        }
    })
}

fn ssh() -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "user": { "type": "string", "pattern": WORD },
            "port": { "type": "integer", "minimum": 1, "maximum": 65_535 },
            "options": {
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z0-9]+$" },
                "additionalProperties": { "type": "string", "minLength": 1 },
                "description": "Keywords of ssh_config(5), such as ProxyJump."
            }
        }
    })
}

fn extend(schema: &mut Json, properties: &Json) {
    if let (Some(into), Some(from)) = (schema["properties"].as_object_mut(), properties.as_object()) {
        into.extend(from.clone());
    }
}

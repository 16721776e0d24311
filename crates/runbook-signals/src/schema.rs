//! What a JSON Schema says about signals, from the tables that read them.

use super::signal::{LIMITS, SOURCES, Source};
use serde_json::{Map, Value, json};

/// A map of signals by name: each has one source, with the fields that go with it.
pub(super) fn signals_schema() -> Value {
    let way = |source: &&str| {
        let names = std::iter::once(source).chain(Source::fields(source)).chain(&LIMITS);
        let properties: Map<String, Value> = names.map(|name| ((*name).to_owned(), field(name))).collect();
        json!({ "required": [source], "properties": properties, "additionalProperties": false })
    };
    let ways: Vec<Value> = SOURCES.iter().map(way).collect();
    json!({ "type": "object", "minProperties": 1, "additionalProperties": { "type": "object", "oneOf": ways } })
}

fn field(name: &str) -> Value {
    let plain = json!({ "type": ["string", "number", "boolean"] });
    let texts = json!({ "type": ["string", "number", "boolean", "array"] });
    match name {
        "role" => or_template(json!({ "enum": ["blocking", "confirming", "advisory"] })),
        "kind" => or_template(json!({ "enum": ["health", "functional", "negative"] })),
        "within" | "watch" | "max_latency" => {
            or_template(json!({ "type": "string", "pattern": r"^([0-9]+(ms|s|m|h|d))+$" }))
        }
        "exit" | "count" | "status" | "attempts" => or_template(json!({ "type": "integer", "minimum": 0 })),
        "port" => or_template(json!({ "type": "integer", "minimum": 1, "maximum": 65535 })),
        "acts" => or_template(json!({ "type": "boolean" })),
        "command" => or_template(json!({
            "type": "array", "minItems": 1, "items": { "type": ["string", "number", "boolean"] }
        })),
        "headers" => json!({ "type": "object", "additionalProperties": plain }),
        "log" => json!({ "anyOf": [texts, {
            "type": "object",
            "required": ["text"],
            "additionalProperties": false,
            "properties": { "text": texts, "count": field("count") }
        }] }),
        "log_absent" | "match" | "match_absent" => texts,
        "env" => json!({ "type": "object" }),
        _ => plain,
    }
}

fn or_template(plain: Value) -> Value {
    json!({ "anyOf": [plain, { "type": "string", "pattern": r"\{\{" }] })
}

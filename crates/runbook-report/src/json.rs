//! JSON as it leaves this program: safe for a terminal, and with every command as it is typed here.

use crate::text::safe_json;
use runbook_model::Caller;
use serde_json::Value;

/// `value` as a JSON document for people and programs: indented, and without characters that act on a terminal.
pub fn json_text(value: &Value, caller: &Caller) -> String {
    safe_json(&format!("{:#}", spelled(value, caller))) + "\n"
}

/// The same on one line, with its line end.
pub fn json_line(value: &Value, caller: &Caller) -> String {
    safe_json(&spelled(value, caller).to_string()) + "\n"
}

/// The same with the commands as they are typed, where `runbook` itself names them. What a program put out stays.
fn spelled(value: &Value, caller: &Caller) -> Value {
    let mut value = value.clone();
    if !caller.is_bare() {
        spell(&mut value, caller);
    }
    value
}

fn spell(value: &mut Value, caller: &Caller) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| spell(item, caller)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), field) {
                    ("outputs", _) => {}
                    ("hint" | "answer", Value::String(text)) => *text = caller.spell(text),
                    ("next", Value::Array(commands)) => {
                        for command in commands {
                            if let Value::String(text) = command {
                                *text = caller.spell(text);
                            }
                        }
                    }
                    (_, field) => spell(field, caller),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn commands_are_typed_and_outputs_stay() {
        let kept = json!({
            "hint": "`runbook status` tells", "closing": { "next": ["runbook rollback 7k2m"] },
            "steps": [{ "waits_for": { "answer": "runbook approve 7k2m go" }, "outputs": { "hint": "`runbook status`" } }],
        });
        let typed = json!({
            "hint": "`runbook --state-dir /x status` tells", "closing": { "next": ["runbook --state-dir /x rollback 7k2m"] },
            "steps": [{
                "waits_for": { "answer": "runbook --state-dir /x approve 7k2m go" }, "outputs": { "hint": "`runbook status`" },
            }],
        });
        assert_eq!(spelled(&kept, &Caller::naming(Path::new("/x"))), typed);
        assert_eq!(spelled(&kept, &Caller::default()), kept);
    }
}

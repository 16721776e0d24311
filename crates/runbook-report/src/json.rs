//! JSON as it leaves this program: safe for a terminal, and with every command as it is typed here.

use crate::account::CHOICE;
use crate::document::{RunDocument, StepNow, StepRow, Waits};
use crate::text::safe_json;
use runbook_model::Caller;
use serde_json::{Value, json as object};

/// One run as one JSON document.
pub fn show_json(run: &RunDocument<'_>) -> Value {
    let RunDocument { header, summary, state, closing, records, .. } = run;
    object!({
        "services": closing.services,
        "closing": closing,
        "run": header,
        "began_at": summary.began_at,
        "last_at": summary.last_at,
        "duration_ms": summary.worked_ms,
        "verdict": summary.verdict,
        "note": state.note,
        "rollback": state.rollback,
        "steps": run.steps.iter().map(step_json).collect::<Vec<_>>(),
        "records": records,
    })
}

fn step_json(row: &StepRow<'_>) -> Value {
    let step = row.state;
    object!({
        "step": row.id,
        "uses": row.uses,
        "status": row.now.status,
        "summary": step.summary,
        "attempts": step.attempts,
        "needed": step.needed,
        "prediction": step.prediction,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
        "waits_for": waits_for(&row.now),
        "failure": step.failure,
        "undo_failure": step.undo_failure,
        "outputs": step.results.outputs,
        "baseline": step.baseline,
        "no_baseline": step.no_baseline,
        "asks": step.asks.as_ref().map(|asks| &asks.failure),
        "decided": step.decided,
        "readings": step.readings,
        "after_rollback": step.after_rollback,
        "not_verified": step.not_verified,
        "lost": step.lost,
        "unread": step.unread,
    })
}

/// What a step waits for now, as JSON; null for all others.
pub(crate) fn waits_for(step: &StepNow<'_>) -> Value {
    match step.waits_for {
        Some(Waits::Approval(waiting)) => object!({ "message": waiting.message, "answer": waiting.answer }),
        Some(Waits::Answer(asks)) => {
            object!({ "message": asks.failure.message, "answer": format!("{CHOICE}, at the terminal of the run") })
        }
        None => Value::Null,
    }
}

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

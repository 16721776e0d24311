//! One exchange with an external kind: one process, one JSON document in, one JSON document out.

use runbook_host::{Command, KEPT, Output};
use runbook_model::{Failure, FailureKind};
use serde_json::{Value as Json, json};
use std::path::Path;

/// The version of the protocol that this `runbook` speaks.
pub(super) const PROTOCOL: u64 = 1;

/// The command of one call. Everything goes through standard input: arguments and environment of a process can be
/// read by others, and parameters may hold secrets.
pub(super) fn command(program: &Path, call: &str, mut message: Json) -> Command {
    message["protocol"] = json!(PROTOCOL);
    message["call"] = json!(call);
    Command {
        stdin: Some(message.to_string().into_bytes()),
        ..Command::new([program.to_string_lossy().into_owned(), call.to_owned()])
    }
}

/// The answer of a call, or the failure that it tells about or is.
pub(super) fn answer(program: &Path, call: &str, output: &Output) -> Result<Json, Failure> {
    let program = program.display();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        return Err(Failure::failed(format!("`{program} {call}` ended with {}", output.ending())).detail(said));
    }
    if output.stdout.len() >= KEPT {
        return Err(Failure::failed(format!("the answer of `{program} {call}` is larger than {} KiB", KEPT / 1024))
            .hint("an external kind keeps large data in its own directory, `dir` of the message"));
    }
    let json: Json = serde_json::from_slice(&output.stdout).map_err(|error| {
        Failure::failed(format!("the answer of `{program} {call}` is not JSON: {error}"))
            .detail(first_bytes(&output.stdout))
            .hint("it writes exactly one JSON object to standard output, and everything else to standard error")
    })?;
    if !json.is_object() {
        return Err(Failure::failed(format!("the answer of `{program} {call}` is JSON, but not an object"))
            .detail(first_bytes(&output.stdout)));
    }
    match json.get("failure") {
        Some(failure) => Err(told_failure(failure)),
        None => Ok(json),
    }
}

/// A text field of an answer; empty if it is missing.
pub(super) fn text(answer: &Json, key: &str) -> String {
    answer.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// A failure in the program's own words.
fn told_failure(told: &Json) -> Failure {
    let kind = match told.get("kind").and_then(Json::as_str) {
        Some("refused") => FailureKind::Refused,
        Some("missing") => FailureKind::Missing,
        Some("inconclusive") => FailureKind::Inconclusive,
        _ => FailureKind::Failed,
    };
    let message = match told.as_str().map(str::to_owned).unwrap_or_else(|| text(told, "message")) {
        empty if empty.is_empty() => "it failed without a message".to_owned(),
        message => message,
    };
    let failure = Failure::new(kind, message).detail(text(told, "detail"));
    match told.get("hint").and_then(Json::as_str) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What an answer begins with, for a person to recognise.
fn first_bytes(bytes: &[u8]) -> String {
    const SHOWN: usize = 120;
    let start = String::from_utf8_lossy(bytes.get(..SHOWN).unwrap_or(bytes)).into_owned();
    let shown: String = start.chars().flat_map(char::escape_debug).collect();
    if bytes.is_empty() { "it wrote nothing".to_owned() } else { format!("it begins with: {shown}") }
}

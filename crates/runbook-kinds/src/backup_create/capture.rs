//! Keeping what commands say, beside the archive.

use super::read::Capture;
use runbook_host::Command;
use runbook_model::Failure;
use runbook_step::Work;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::time::Duration;

/// How long a capture may take: a program that says nothing must not keep the change waiting.
const CAPTURE: Duration = Duration::from_secs(300);

/// Keeps what the commands say. Returns their exit codes, and what is to be said of those that failed.
pub(super) fn capture(
    captures: &[Capture],
    required: bool,
    work: &Work<'_>,
    dir: &Path,
) -> Result<(Json, Vec<String>), Failure> {
    let host = work.host;
    let mut codes = serde_json::Map::new();
    let mut failed = Vec::new();
    if !captures.is_empty() {
        host.own_dir(&dir.join("captures"))?;
    }
    for capture in captures {
        let Capture { name, command } = capture;
        let command = Command { limit: Some(CAPTURE), ..command.clone() };
        let file = dir.join("captures").join(format!("{name}.txt"));
        work.say(format!("capturing `{name}`"));
        let result = host.run(&command);
        host.still_wanted()?;
        let (text, code, problem) = match result {
            Ok(output) => {
                let mut text = format!("$ {}\n# {}\n", command.line(), output.ending()).into_bytes();
                text.extend_from_slice(&output.stdout);
                if !output.stderr.is_empty() {
                    text.extend_from_slice(b"\n# standard error\n");
                    text.extend_from_slice(&output.stderr);
                }
                let problem = (!output.status.success()).then(|| {
                    Failure::failed(format!("the capture `{name}` ended with {}", output.ending()))
                        .detail(output.tail())
                });
                (text, output.status.code(), problem)
            }
            Err(failure) => {
                let text = format!("$ {}\n# {failure}\n", command.line()).into_bytes();
                let message = format!("the capture `{name}` failed: {}", failure.message);
                (text, None, Some(Failure { message, ..failure }))
            }
        };
        host.keep(&file, &text)?;
        codes.insert(name.clone(), json!(code));
        match problem {
            Some(problem) if required => {
                return Err(problem.hint("fix the command, or leave out `capture_required`"));
            }
            Some(problem) => failed.push(problem.message),
            None => {}
        }
    }
    Ok((Json::Object(codes), failed))
}

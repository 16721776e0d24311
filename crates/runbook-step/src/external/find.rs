//! Looking an external kind up on PATH, and asking once what it can do.

use super::call::{answer, command};
use super::capabilities::Capabilities;
use runbook_host::{Reader, base_environment};
use runbook_model::{Code, Diagnostic, Failure, Span, did_you_mean};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::time::Duration;

/// How long a program may take to say what it can do.
const LIMIT: Duration = Duration::from_secs(10);

/// A program that is a kind.
#[derive(Debug)]
pub(crate) struct External {
    pub(super) program: PathBuf,
    pub(super) capabilities: Capabilities,
    answer: Json,
}

/// What an external kind declares about itself, as it is saved with a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    program: PathBuf,
    capabilities: Json,
}

/// Why there is no external kind of a name.
#[derive(Clone, Debug)]
pub(crate) enum NotFound {
    /// No such program on PATH; what was looked for.
    Absent { file: String },
    /// The program does not answer as it should.
    Broken { program: PathBuf, failure: Failure },
}

impl External {
    /// The external kind `name`, looked for along `search`. Runs the program's `capabilities`, which is the only thing that it is trusted to do before
    /// a plan is approved.
    pub(crate) fn find(name: &str, search: &str) -> Result<Self, NotFound> {
        // Nothing was approved yet, and any variable may be a secret.
        let needed = base_environment();
        let host = Reader::new("/", "/").withholding_all_but(&|name| needed.contains_key(name));
        let file = format!("runbook-step-{name}");
        let program = match host.program_along(&file, search) {
            Some(program) if is_kind_name(name) => program,
            _ => return Err(NotFound::Absent { file }),
        };
        let broken = |failure| NotFound::Broken { program: program.clone(), failure };
        let mut asking = command(&program, "capabilities", json!({}));
        asking.limit = Some(LIMIT);
        let output = host.ask(&asking).map_err(broken)?;
        let answer = answer(&program, "capabilities", &output).map_err(broken)?;
        Self::declared(name, Declared { program: program.clone(), capabilities: answer })
    }

    /// The external kind `name` by what it declared; nothing is run.
    pub(crate) fn declared(name: &str, declared: Declared) -> Result<Self, NotFound> {
        let Declared { program, capabilities: answer } = declared;
        match Capabilities::read(name, answer.clone()) {
            Ok(capabilities) => Ok(Self { program, capabilities, answer }),
            Err(what) => Err(NotFound::Broken { program, failure: Failure::failed(what) }),
        }
    }

    /// What it declared.
    pub(crate) fn said(&self) -> Declared {
        Declared { program: self.program.clone(), capabilities: self.answer.clone() }
    }
}

impl NotFound {
    /// The same for the author of the plan that uses `name` at `span`.
    pub(crate) fn diagnostic<'a>(&self, name: &str, span: Span, known: impl Iterator<Item = &'a str>) -> Diagnostic {
        match self {
            Self::Absent { file } => {
                let help = match did_you_mean(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if is_kind_name(name) => {
                        format!("`runbook steps` lists the kinds; of your own is the program `{file}` on PATH")
                    }
                    None => "`runbook steps` lists the kinds".to_owned(),
                };
                Diagnostic::error(Code::UNKNOWN_KIND, span, format!("there is no kind `{name}`")).help(help)
            }
            Self::Broken { program, failure } => {
                let detail = if failure.detail.is_empty() { String::new() } else { format!(": {}", failure.detail) };
                let message = format!("the external kind `{name}` cannot be used: {}{detail}", failure.message);
                let next = failure.hint.clone().unwrap_or_else(|| {
                    format!("run `echo '{{}}' | {} capabilities` and see docs/external-kinds.md", program.display())
                });
                Diagnostic::error(Code::EXTERNAL_KIND, span, message).help(next)
            }
        }
    }
}

/// Names that can be part of the name of a program, and nothing else.
fn is_kind_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

//! What a property list says of a job, as far as the stand-in goes.

use plist::{Dictionary, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When a job that ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    Never,
    Always,
    /// `SuccessfulExit`: after an end with 0, or after any other.
    After {
        success: bool,
    },
}

/// A job as its property list says it.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) label: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) program: String,
    pub(crate) keep_alive: KeepAlive,
    pub(crate) run_at_load: bool,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) stdout: Option<PathBuf>,
    pub(crate) stderr: Option<PathBuf>,
    pub(crate) disabled: bool,
    pub(crate) abandons_group: bool,
    pub(crate) exit_timeout: Duration,
    pub(crate) throttle: Duration,
}

impl Definition {
    /// Reads the file; `None` if it is no property list of a job.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let value = Value::from_file(path).ok()?;
        let keys = value.as_dictionary()?;
        let text = |key: &str| keys.get(key).and_then(Value::as_string).map(str::to_owned);
        let truth = |key: &str| keys.get(key).and_then(Value::as_boolean).unwrap_or(false);
        let seconds = |key: &str, default| {
            Duration::from_secs(keys.get(key).and_then(Value::as_unsigned_integer).unwrap_or(default))
        };
        let arguments = arguments(keys);
        let program = text("Program").or_else(|| arguments.first().cloned())?;
        let keep_alive = keep_alive(keys);
        Some(Self {
            label: text("Label")?,
            arguments: if arguments.is_empty() { vec![program.clone()] } else { arguments },
            program,
            keep_alive,
            run_at_load: truth("RunAtLoad") || keep_alive != KeepAlive::Never,
            environment: environment(keys),
            cwd: text("WorkingDirectory").map(PathBuf::from),
            stdout: text("StandardOutPath").map(PathBuf::from),
            stderr: text("StandardErrorPath").map(PathBuf::from),
            disabled: truth("Disabled"),
            abandons_group: truth("AbandonProcessGroup"),
            exit_timeout: seconds("ExitTimeOut", 20),
            throttle: seconds("ThrottleInterval", 10),
        })
    }
}

fn arguments(keys: &Dictionary) -> Vec<String> {
    let items = keys.get("ProgramArguments").and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_string).map(str::to_owned).collect()
}

fn environment(keys: &Dictionary) -> Vec<(String, String)> {
    let entries = keys.get("EnvironmentVariables").and_then(Value::as_dictionary).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_string()?.to_owned()))).collect()
}

fn keep_alive(keys: &Dictionary) -> KeepAlive {
    match keys.get("KeepAlive") {
        Some(Value::Boolean(true)) => KeepAlive::Always,
        Some(Value::Dictionary(conditions)) => match conditions.get("SuccessfulExit").and_then(Value::as_boolean) {
            Some(success) => KeepAlive::After { success },
            None => KeepAlive::Never,
        },
        _ => KeepAlive::Never,
    }
}

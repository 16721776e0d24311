//! The parameters that say what a service is, and the outputs that say how it runs.

use crate::process::{Restart, Service, Spec, State};
use crate::results;
use runbook_host::{Command, Reader};
use runbook_model::{Diagnostic, Failure, Resource, Results, ServiceState};
use runbook_step::lack::{of_command, of_parent};
use runbook_step::{Args, Lack, OutputDoc, Param, ParamType, Peek};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const NAME: Param =
    Param::required("name", ParamType::Name(Service::NAME), "The service's name: letters, digits, `.`, `-`, `_`");
pub(super) const CWD: Param = Param::optional("cwd", ParamType::Path, "Where it runs; the plan's directory without it");
pub(super) const ENV: Param =
    Param::optional("env", ParamType::Env, "Its environment, besides PATH, HOME, USER, the language and the time zone");
pub(super) const LOG: Param = Param::optional(
    "log",
    ParamType::Path,
    "Standard output and error are appended to it; a file in the state directory without it",
);
pub(super) const RESTART: Param = Param::optional(
    "restart",
    ParamType::Choice(Restart::NAMES),
    "What to do when it ends by itself; on-failure without it",
);
pub(super) const READY_PORT: Param =
    Param::optional("ready_port", ParamType::Port, "It is up when its own process listens on this TCP port");
pub(super) const READY_LOG: Param =
    Param::optional("ready_log", ParamType::String, "It is up when it has logged a line with this text");
pub(super) const READY_WITHIN: Param =
    Param::optional("ready_within", ParamType::Duration, "How long it may take to come up; 30s without it");
pub(super) const GRACE: Param =
    Param::optional("grace", ParamType::Duration, "How long it may take to end after TERM; 10s without it");

pub(super) const OUTPUTS: &[OutputDoc] = &[
    OutputDoc { name: "pid", help: "the number of its process, a number" },
    OutputDoc { name: "log", help: "the absolute path of its log, text" },
    OutputDoc { name: "service", help: "name, state (`up` or `down`) and pid, a map" },
];

/// What the parameters say about a service; what they leave out is `None`.
#[derive(Clone, Debug)]
pub struct Wanted {
    argv: Option<Vec<String>>,
    cwd: Option<PathBuf>,
    env: Option<BTreeMap<String, String>>,
    log: Option<PathBuf>,
    restart: Option<Restart>,
    grace: Option<Duration>,
    ready_port: Option<u16>,
    ready_log: Option<String>,
    ready_within: Option<Duration>,
    base: PathBuf,
    /// What else has to be older than its process.
    pub(super) watch: Vec<PathBuf>,
}

impl Wanted {
    pub(super) fn bind(args: &Args<'_>) -> Result<(Service, Self), Diagnostic> {
        let wanted = Self {
            argv: args.maybe("run")?,
            cwd: args.maybe("cwd")?,
            env: args.maybe("env")?,
            log: args.maybe("log")?,
            restart: args.maybe::<String>("restart")?.and_then(|word| Restart::from_name(&word)),
            grace: args.maybe("grace")?,
            ready_port: args.maybe("ready_port")?,
            ready_log: args.maybe("ready_log")?,
            ready_within: args.maybe("ready_within")?,
            base: args.context.base.clone(),
            watch: args.maybe("watch")?.unwrap_or_default(),
        };
        Ok((Service::named(args.need::<String>("name")?), wanted))
    }

    /// The spec of a service that is described in full.
    pub(super) fn whole(&self, host: &Reader, service: &Service) -> Result<Spec, Failure> {
        let log = service.dir(host).join("output.log");
        self.changed(host, Spec::of(service.name.clone(), self.base.clone(), log))
    }

    /// What keeps the service from being executed: its directory, its program, the directory of its log.
    pub(super) fn lacks(&self, host: &Reader) -> Vec<Lack> {
        let command = |argv: &Vec<String>| Command {
            cwd: Some(self.cwd.clone().unwrap_or_else(|| self.base.clone())),
            ..Command::new(argv.iter().cloned())
        };
        let executed = self.argv.iter().flat_map(|argv| of_command(host, &command(argv)));
        executed.chain(self.log.iter().filter_map(|log| of_parent(host, log))).collect()
    }

    /// The spec that is there, with what the parameters change.
    pub(super) fn changed(&self, host: &Reader, mut spec: Spec) -> Result<Spec, Failure> {
        if let Some(cwd) = &self.cwd {
            spec.cwd.clone_from(cwd);
        }
        if let Some(argv) = &self.argv {
            spec.program = program(host, argv.first().map_or("", String::as_str), &spec.cwd)?;
            spec.argv.clone_from(argv);
        }
        if let Some(env) = &self.env {
            spec.env.clone_from(env);
        }
        if let Some(log) = &self.log {
            spec.log.clone_from(log);
        }
        spec.restart = self.restart.unwrap_or(spec.restart);
        spec.grace_ms = self.grace.map_or(spec.grace_ms, millis);
        spec.ready.port = self.ready_port.or(spec.ready.port);
        spec.ready.log = self.ready_log.clone().or(spec.ready.log);
        spec.ready.within_ms = self.ready_within.map_or(spec.ready.within_ms, millis);
        Ok(spec)
    }
}

/// The service; everything, if its name waits for a step.
pub(super) fn resource(args: &Args<'_>) -> Resource {
    match args.peek::<String>("name") {
        Peek::Known(name) => Resource::Process(name),
        Peek::Absent | Peek::Later => Resource::Everything,
    }
}

/// The program and the directory as far as the plan names them.
pub(super) fn executed_paths(args: &Args<'_>) -> Vec<Resource> {
    let cwd = args.path_resource("cwd").unwrap_or_else(|| Resource::Path(args.context.base.clone()));
    let program = match args.given("run").map(|node| &node.value) {
        Some(runbook_model::Value::List(items)) => items.first(),
        _ => None,
    };
    let program = match (program.map(|node| &node.value), &cwd) {
        (Some(runbook_model::Value::String(text)), Resource::Path(cwd)) if text.contains('/') => {
            Some(Resource::Path(runbook_step::normalise(&cwd.join(text))))
        }
        (Some(runbook_model::Value::Later(_)), _) => Some(Resource::UnknownPath),
        _ => None,
    };
    let given = args.given("cwd").is_some().then_some(cwd);
    program.into_iter().chain(given).collect()
}

/// The file that `name` means to a service that runs in `cwd`.
fn program(host: &Reader, name: &str, cwd: &Path) -> Result<PathBuf, Failure> {
    if !name.contains('/') {
        return host.program(name);
    }
    let path = runbook_step::normalise(&cwd.join(name));
    match host.stat(&path)? {
        Some(found) if found.is_file() => Ok(path),
        Some(_) => Err(Failure::missing(format!("{} is not a program file", path.display()))),
        None => Err(Failure::missing(format!("the program {} is not there", path.display()))
            .hint("install it, or correct the first element of `run`")),
    }
}

pub(super) fn up(service: &Service, spec: &Spec, state: &State) -> Results {
    let pid = json!(state.child.as_ref().map(|child| child.pid));
    let log = json!(spec.log.to_string_lossy());
    results::of_service(ServiceState::new(&service.name, true), Some(pid.clone()), [("pid", pid), ("log", log)])
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

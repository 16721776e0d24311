//! `service.inspect`: what a service executes, and which installation that is. It only reads.

use crate::args::wrong;
use crate::host::Reader;
use crate::package::{npm_prefix, package_root, package_version};
use crate::process::{Service, Spec};
use crate::{Args, Done, Kind, KindDoc, OutputDoc, Param, ParamType, Peek, Probe, Step, Work};
use runbook_model::{
    Code, Declaration, Diagnostic, Diagnostics, Failure, Outputs, Prediction, Resource, Role, UndoPhase,
};
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct ServiceInspect;

const MANAGERS: &[&str] = &["process", "systemd", "launchd"];

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("service.inspect"),
    summary: Cow::Borrowed("Reads what a service executes and where that is installed"),
    text: Cow::Borrowed(
        "Finds the exact installation behind a service, so that later steps change that one and no other: the process, \
         the program or script that it executes with symlinks followed, the nearest directory above that which is a \
         package (it has a `package.json` or `VERSION`, or the file named by `marker`), its version, and the npm \
         prefix if it lies under `lib/node_modules`. It changes nothing and runs no command. A service that is not \
         known on this host is a failure; one that is down is not.",
    ),
    params: Cow::Borrowed(&[
        Param::required("manager", ParamType::Choice(MANAGERS), "What keeps the service up"),
        Param::required("name", ParamType::String, "The service"),
        Param::optional("marker", ParamType::String, "A file that marks the root of its package"),
    ]),
    outputs: Cow::Borrowed(&[
        OutputDoc { name: "running", help: "whether it runs, a boolean" },
        OutputDoc { name: "pid", help: "the number of its process, a number; null if it is down" },
        OutputDoc { name: "exe", help: "the program file that runs, or would run, text" },
        OutputDoc { name: "argv", help: "its argument vector, a list of text" },
        OutputDoc { name: "cwd", help: "its working directory, text" },
        OutputDoc { name: "log", help: "its log, text" },
        OutputDoc { name: "start_time", help: "when its process was started, milliseconds since 1970, a number" },
        OutputDoc { name: "restart", help: "what happens when it ends by itself, text" },
        OutputDoc { name: "restarts", help: "how often it was started again by itself, a number" },
        OutputDoc { name: "package_root", help: "the directory of its package, text; null if there is none" },
        OutputDoc { name: "version", help: "the version of its package, text; null if it says none" },
        OutputDoc { name: "npm_prefix", help: "the npm prefix that the package is in, text; null if none" },
    ]),
    open_outputs: false,
    example: Cow::Borrowed("- id: inventory\n  uses: service.inspect\n  with: { manager: process, name: gateway }\n"),
};

impl Kind for ServiceInspect {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        found.extend(unsupported(args));
        if let Peek::Known(name) = args.peek::<String>("name")
            && !super::process::valid_name(&name)
        {
            found.push(wrong("name", args.span("name"), "the name of a service"));
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let service = match args.peek::<String>("name") {
            Peek::Known(name) => Resource::Process(name),
            Peek::Absent | Peek::Later => Resource::Everything,
        };
        Declaration::inspection().reads(service).role(Role::Inspect)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        if let Some(fault) = unsupported(args) {
            return Err(fault);
        }
        Ok(Box::new(Inspect { service: Service::named(args.need::<String>("name")?), marker: args.maybe("marker")? }))
    }
}

fn unsupported(args: &Args<'_>) -> Option<Diagnostic> {
    let manager = args.peek::<String>("manager").known().filter(|manager| manager != "process")?;
    let message = format!("services of {manager} cannot be inspected by this version");
    let fault = Diagnostic::error(Code::WRONG_PARAMETER, args.span("manager"), message);
    Some(fault.help("`manager: process` is for services that `process.start` has started"))
}

struct Inspect {
    service: Service,
    marker: Option<String>,
}

impl Inspect {
    fn look(&self, host: &Reader) -> Result<(String, Outputs), Failure> {
        let name = &self.service.name;
        let spec = self.service.spec(host)?.ok_or_else(|| {
            Failure::missing(format!("there is no service `{name}` on this host"))
                .hint("correct `name`, or start it with `process.start`; `--state-dir` says where services are kept")
        })?;
        let life = self.service.life(host)?;
        let state = self.service.state(host)?;
        let (executed, entry) = match life.process() {
            Some(process) => (host.executed(process)?, entry(host, &spec)?),
            None => (None, entry(host, &spec)?),
        };
        let executed = executed.unwrap_or_default();
        let root = package_root(host, &entry, self.marker.as_deref())?;
        let version = root.as_deref().map(|root| package_version(host, root)).transpose()?.flatten();
        let started_ms = state.as_ref().map(|state| state.started_ns / 1_000_000);
        let text = |path: &Path| json!(path.to_string_lossy());
        let outputs = json!({
            "running": life.process().is_some(),
            "pid": life.process().map(|process| process.pid),
            "exe": text(&executed.exe.unwrap_or(spec.program.clone())),
            "argv": if executed.argv.is_empty() { spec.argv.clone() } else { executed.argv },
            "cwd": text(&executed.cwd.unwrap_or(spec.cwd.clone())),
            "log": text(&spec.log),
            "start_time": life.process().and(started_ms),
            "restart": spec.restart.word(),
            "restarts": state.map_or(0, |state| state.restarts),
            "package_root": root.as_deref().map(text),
            "version": version,
            "npm_prefix": root.as_deref().and_then(npm_prefix).as_deref().map(text),
        });
        let version = version.unwrap_or_else(|| "an unknown version".to_owned());
        let at = root.map_or(String::new(), |root| format!(" at {}", root.display()));
        let outputs = outputs.as_object().cloned().unwrap_or_default();
        Ok((format!("{version}{at}, {}", life.words()), outputs))
    }
}

/// What decides which installation it is: the first argument that lies in a package (the script that an interpreter is
/// given), or is the directory of one (an installation that the program is pointed at), else the program itself.
fn entry(host: &Reader, spec: &Spec) -> Result<PathBuf, Failure> {
    for arg in spec.argv.iter().skip(1).filter(|arg| !arg.starts_with('-')) {
        let path = crate::args::normalise(&spec.cwd.join(arg));
        let in_it = ["package.json", "VERSION"].map(|marker| path.join(marker));
        for candidate in in_it.into_iter().chain([path]) {
            let is_file = host.stat(&candidate)?.is_some_and(|found| found.is_file());
            if is_file && package_root(host, &candidate, None)?.is_some() {
                return Ok(candidate);
            }
        }
    }
    Ok(spec.program.clone())
}

impl Step for Inspect {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let (summary, outputs) = self.look(host)?;
        Ok(Probe::of(Prediction::no_change(summary)).with(outputs))
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let (summary, outputs) = self.look(work.host)?;
        Ok(Done::saying(summary).with(outputs))
    }

    fn take_back(&self, _: UndoPhase, _: &Work<'_>, _: &Json) -> Result<String, Failure> {
        Ok(String::new())
    }
}

//! `service.inspect`: what a service executes, and which installation that is. It only reads.
//!
//! A manager says what it knows as `ServiceFacts`. From there on all are alike: `crate::launch` follows the command, `running.rs` looks at the processes, `installations.rs` for other
//! copies of the package, and `report.rs` puts it into outputs and a line.

mod installations;
mod report;
mod running;
#[cfg(test)]
mod tests;

use crate::{Trail, follow, links_on};
use report::Inspection;
use runbook_host::{Account, Reader};
use runbook_model::{Code, Declaration, Diagnostic, Diagnostics, Failure, Prediction, Resource, Results, Role};
use runbook_services::naming::{LAUNCHD, MANAGERS, Naming, SUPERVISOR, SYSTEMD};
use runbook_services::package::{package_name, package_root, package_version};
use runbook_services::{AnyService, ServiceFacts};
use runbook_step::{Args, Done, Kind, KindDoc, OutputDoc, Param, ParamType, Peek, Probe, Step, Undoing, Work};
use runbook_step::{normalise, wrong};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct ServiceInspect;

/// The parameters that name the service.
const SERVICE: Naming = Naming(&[("name", SUPERVISOR), ("unit", SYSTEMD), ("job", LAUNCHD)]);

static DOC: KindDoc = KindDoc {
    name: "service.inspect",
    summary: "Reads what a service executes and where that is installed",
    text: "Finds the exact installation behind a service, so that later steps change that one and no other. It changes \
         nothing and runs nothing of the service; systemd is asked what it knows.\n\n\
         The way goes from the command, as the manager itself has it (drop-ins, specifiers and environment included), \
         through `env`, `nice`, `runuser` and their like, through links, `#!` lines and shell scripts, to the script or \
         program that decides: `entry`. Shell scripts are read, never run: variables, `exec` lines, conditions about \
         files, files that they read in, login shells, and nvm's choice of a version. At any other construct, and where only \
         running a script could tell, nothing is guessed: what runs counts if it was started after the last change of the files that decide, \
         else `package_root` is null and `notes` says why. With `package` that is a failure.\n\n\
         The package is the nearest directory above `entry` that has a `package.json` with a name or version, or a \
         `VERSION`, or the file named by `marker`; with `package` it has to have that name. `package_root`, `version` and \
         `npm_prefix` are about what the *next start* runs, for that is what an upgrade has to replace. `running_root` and \
         `running_version` are about what runs now; where the two differ, the line of the step says both.\n\n\
         Other installations of the package are looked for in the prefixes of npm, nvm and other version managers of every \
         home directory that may be read, under `/opt`, and where Homebrew has them. The disk is not searched.\n\n\
         A service that is not known on this host is a failure; one that is down is not.",
    params: &[
        Param::required("manager", ParamType::Choice(MANAGERS), "What keeps the service up"),
        Param::optional("name", ParamType::Name(SUPERVISOR.names), "The service, with `manager: process`"),
        Param::optional(
            "unit",
            ParamType::Name(SYSTEMD.names),
            "The unit, with `manager: systemd`; a name without a suffix is a service",
        ),
        Param::optional(
            "job",
            ParamType::Name(LAUNCHD.names),
            "The job, with `manager: launchd`: its label, or `DOMAIN/LABEL`",
        ),
        Param::default(
            "user",
            ParamType::Bool,
            "false",
            "Whether it is a unit of the user that runs `runbook`, not of the system",
        ),
        Param::optional("package", ParamType::String, "The name of its package; another one is a failure"),
        Param::optional("marker", ParamType::String, "A file that marks the root of its package"),
    ],
    outputs: &[
        OutputDoc { name: "running", help: "whether it runs, a boolean" },
        OutputDoc { name: "pid", help: "the number of its main process, a number; null if it is down" },
        OutputDoc { name: "exe", help: "the program file that runs, or would run, text" },
        OutputDoc { name: "argv", help: "its argument vector as it is declared, variables not put in, a list of text" },
        OutputDoc { name: "cwd", help: "its working directory, text; null if nothing says which" },
        OutputDoc { name: "log", help: "its log, text; `journal` if that is systemd's" },
        OutputDoc { name: "start_time", help: "when its process was started, milliseconds since 1970, a number" },
        OutputDoc { name: "restart", help: "what happens when it ends by itself, text" },
        OutputDoc { name: "restarts", help: "how often it was started again by itself, a number" },
        OutputDoc { name: "user", help: "the name of the user that it runs as, text" },
        OutputDoc { name: "home", help: "the home directory of that user, text; null if there is none" },
        OutputDoc { name: "unit_files", help: "the files that say what it is, drop-ins included, a list of paths" },
        OutputDoc { name: "entry", help: "the script or program that decides, links followed, text; null if unknown" },
        OutputDoc { name: "wrappers", help: "the scripts that were read on the way there, a list of paths" },
        OutputDoc { name: "package", help: "the name of its package, text; null if it has none" },
        OutputDoc {
            name: "package_root",
            help: "the directory of the package that its next start runs, text; null if there is none",
        },
        OutputDoc { name: "version", help: "the version of that package on the disk, text; null if it says none" },
        OutputDoc { name: "npm_prefix", help: "the npm prefix that the package is in, text; null if none" },
        OutputDoc {
            name: "running_root",
            help: "the directory of the package that runs now, text; null if down or unknown",
        },
        OutputDoc {
            name: "running_version",
            help: "the version that runs now, text; null if down, or if the files were changed since it was started",
        },
        OutputDoc {
            name: "restart_pending",
            help: "whether a restart would run something else than what runs now, a boolean; null if unknown",
        },
        OutputDoc { name: "node", help: "the Node that runs it, text; null if none does" },
        OutputDoc { name: "npm", help: "the npm beside that Node, text; null if none" },
        OutputDoc {
            name: "installations",
            help: "every installation of the package that was found, a list of maps with root, version and used",
        },
        OutputDoc {
            name: "notes",
            help: "what could not be told and why, and what does not fit together, a list of text",
        },
    ],
    example: "- id: inventory\n  uses: service.inspect\n  with: { manager: systemd, unit: openclaw.service, package: openclaw }\n",
};

impl Kind for ServiceInspect {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        // Each manager has a way of its own to name a service.
        let Peek::Known(manager) = args.peek::<String>("manager") else { return };
        // What is no manager at all, the table of parameters says.
        let Some((own, _)) = SERVICE.0.iter().find(|(_, one)| one.word == manager) else { return };
        if args.given(own).is_none() {
            let message = format!("`service.inspect` with `manager: {manager}` needs the parameter `{own}`");
            found.push(Diagnostic::error(Code::MISSING_PARAMETER, args.step_span, message));
        }
        let foreign = ["name", "unit", "job", "user"].into_iter().filter(|name| name != own);
        for name in foreign.filter(|name| !(*own == "unit" && *name == "user")) {
            if args.given(name).is_some() {
                let message = format!("`{name}` means nothing with `manager: {manager}`");
                found.push(Diagnostic::error(Code::CONFLICTING_PARAMETERS, args.span(name), message));
            }
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let service = SERVICE.resource(args).unwrap_or(Resource::Everything);
        Declaration::inspection().role(Role::Inspect).role(Role::Inventory).reads(service)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let service = SERVICE.bind(args)?.ok_or_else(|| wrong("manager", args.span("manager"), "known"))?;
        let wanted = Wanted { marker: args.maybe("marker")?, package: args.maybe("package")? };
        Ok(Box::new(Inspect { service, wanted }))
    }
}

/// Which package is meant.
#[derive(Clone, Debug, Default)]
struct Wanted {
    marker: Option<String>,
    package: Option<String>,
}

impl Wanted {
    /// The package that the file `path` belongs to.
    fn root_of(&self, host: &Reader, path: &Path) -> Result<Option<PathBuf>, Failure> {
        package_root(host, path, self.marker.as_deref(), self.package.as_deref())
    }
}

/// What the next start runs.
#[derive(Debug, Default)]
struct Finding {
    trail: Trail,
    /// The file that decides.
    entry: Option<PathBuf>,
    /// The package that it belongs to.
    root: Option<PathBuf>,
}

struct Inspect {
    service: AnyService,
    wanted: Wanted,
}

impl Inspect {
    fn look(&self, host: &Reader) -> Result<(String, Results), Failure> {
        let told = self.service.facts(host)?;
        let inspection = inspect(host, Path::new("/"), told, &self.wanted)?;
        Ok((inspection.summary(host), inspection.results(host)?))
    }
}

/// Everything that is the same for all managers. Other installations are looked for below `top`.
fn inspect(host: &Reader, top: &Path, told: ServiceFacts, wanted: &Wanted) -> Result<Inspection, Failure> {
    let mut notes: Vec<String> = told.stale.iter().cloned().collect();
    let mut finding = finding(host, &told, wanted)?;
    let running = running::look(host, &told, wanted, &finding)?;
    let changed = running::definition_changed(host, &told, &finding, &running)?.filter(|_| running.main.is_some());
    if let Some(why) = finding.trail.unclear.clone() {
        // What was started after the last change of what decides is what would be started again.
        let witness = running.root.clone().filter(|_| changed.is_none() && told.stale.is_none());
        notes.push(match witness {
            Some(_) => format!("its command cannot be followed ({why}); what runs shows the installation"),
            None => format!("its command cannot be followed: {why}"),
        });
        finding.root = finding.root.or(witness);
    }
    if finding.root.is_none() && wanted.package.is_some() {
        return Err(not_found(&told, wanted, &finding));
    }
    if running.main.is_some() {
        notes.extend(running.why.clone());
    }
    let mut package = wanted.package.clone();
    let mut version = None;
    if let Some(root) = &finding.root {
        package = package.or(package_name(host, root)?);
        version = package_version(host, root)?;
    }
    let found = match &package {
        Some(package) => installations::find(host, top, package, &homes(host, top, &told, &finding)?)?,
        None => installations::Found::default(),
    };
    notes.extend(found.unread.iter().map(|place| format!("{} may not be read by this user", place.display())));
    let restart_pending = restart_pending(&told, &finding, &running, changed.is_some());
    let installations = with_used(host, found.installations, [&finding.root, &running.root])?;
    Ok(Inspection { told, finding, running, package, version, installations, restart_pending, notes })
}

fn finding(host: &Reader, told: &ServiceFacts, wanted: &Wanted) -> Result<Finding, Failure> {
    let launch = match &told.launch {
        Ok(launch) => launch.clone(),
        Err(why) => {
            let trail = Trail { unclear: Some(why.clone()), ..Trail::default() };
            return Ok(Finding { trail, ..Finding::default() });
        }
    };
    let mut trail = follow(host, launch);
    // A program that is no script may be pointed at an installation by its arguments.
    let pointed =
        if trail.node.is_none() && trail.unclear.is_none() { pointed_at(host, &trail, wanted)? } else { None };
    if let Some((entry, _)) = &pointed {
        trail.deciding.extend(links_on(host, entry)?);
    }
    let by_chain = || trail.find(|file| wanted.root_of(host, file));
    let found = match pointed {
        Some(found) => Some(found),
        None if trail.unclear.is_none() => by_chain()?,
        None => None,
    };
    let entry = found.as_ref().map(|(entry, _)| entry.clone());
    let last = trail.reached.last().cloned().filter(|_| trail.unclear.is_none());
    Ok(Finding { entry: entry.or(last), root: found.map(|(_, root)| root), trail })
}

/// The first argument that lies in a package, or is the directory of one.
fn pointed_at(host: &Reader, trail: &Trail, wanted: &Wanted) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
    for arg in trail.args.iter().flatten().filter(|arg| !arg.is_empty() && !arg.starts_with('-')) {
        let path = normalise(&trail.cwd.join(arg));
        let in_it = ["package.json", "VERSION"].map(|marker| path.join(marker));
        for candidate in in_it.into_iter().chain([path]) {
            if host.stat(&candidate).is_ok_and(|found| found.is_some_and(|found| found.is_file()))
                && let Some(root) = wanted.root_of(host, &candidate)?
            {
                return Ok(Some((candidate, root)));
            }
        }
    }
    Ok(None)
}

fn not_found(told: &ServiceFacts, wanted: &Wanted, finding: &Finding) -> Failure {
    let package = wanted.package.as_deref().unwrap_or_default();
    let title = &told.title;
    match (&finding.trail.unclear, &finding.entry) {
        (Some(why), _) => Failure::failed(format!(
            "which installation of {package} {title} executes cannot be told: {why}"
        ))
        .hint("let its script `exec` the program by its path; or leave out `package` and name the paths in the plan"),
        (None, Some(entry)) => {
            Failure::refused(format!("{title} executes {}, which belongs to no package {package}", entry.display()))
                .hint("correct `package` or the service: what this plan changes is not what the service executes")
        }
        (None, None) => Failure::refused(format!("{title} executes nothing of {package}")),
    }
}

/// Homes in which installations may be: those of all users, first those of root and of the service's own user.
fn homes(host: &Reader, top: &Path, told: &ServiceFacts, finding: &Finding) -> Result<Vec<PathBuf>, Failure> {
    let below = |home: PathBuf| top.join(home.strip_prefix("/").unwrap_or(&home));
    let own = [&told.account, &finding.trail.account].into_iter().filter_map(|one| one.home.clone());
    let others = Account::in_files(host, top)?.into_iter().filter_map(|one| one.home);
    let mut homes: Vec<PathBuf> = Vec::new();
    for home in own.chain([PathBuf::from("/root")]).chain(others).map(below) {
        if home != top && !homes.contains(&home) {
            homes.push(home);
        }
    }
    Ok(homes)
}

/// `found` with the installations that are used, wherever they are.
fn with_used(
    host: &Reader,
    mut found: Vec<installations::Installation>,
    used: [&Option<PathBuf>; 2],
) -> Result<Vec<installations::Installation>, Failure> {
    for root in used.into_iter().flatten() {
        if !found.iter().any(|one| one.root == *root) {
            found.push(installations::Installation { version: package_version(host, root)?, root: root.clone() });
        }
    }
    found.sort_by(|one, other| one.root.cmp(&other.root));
    Ok(found)
}

fn restart_pending(told: &ServiceFacts, finding: &Finding, running: &running::Running, changed: bool) -> Option<bool> {
    if running.main.is_none() {
        return Some(false);
    }
    let differs = matches!((&running.root, &finding.root), (Some(now), Some(next)) if now != next);
    if differs || running.changed || told.stale.is_some() {
        return Some(true);
    }
    match (&running.root, &finding.root) {
        (Some(_), Some(_)) if !changed => Some(false),
        // The same installation, and perhaps other arguments.
        _ if changed => Some(true),
        _ => None,
    }
}

impl Step for Inspect {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let (summary, results) = self.look(host)?;
        Ok(Probe::of(Prediction::no_change(summary)).with(results))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let (summary, results) = self.look(work.host)?;
        Ok(Done::saying(summary).with(results))
    }
}

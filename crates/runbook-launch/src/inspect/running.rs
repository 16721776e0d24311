//! What runs now, by what the kernel tells of its processes: a better witness than any file, and one that has often lost
//! its memory, because programs overwrite their own arguments and links are made to point elsewhere.

use super::{Finding, Wanted};
use crate::node_script;
use runbook_host::{Executed, Identity, Reader};
use runbook_model::Failure;
use runbook_services::ServiceFacts;
use runbook_services::package::package_version;
use runbook_step::normalise;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is known of the processes of a service.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// Its main process.
    pub(super) main: Option<Identity>,
    /// What that executes.
    pub(super) executed: Executed,
    /// When it was started, in nanoseconds since 1970.
    pub(super) started_ns: u64,
    /// The installation that was loaded.
    pub(super) root: Option<PathBuf>,
    /// The version that was loaded.
    pub(super) version: Option<String>,
    /// The files at `root` were changed since.
    pub(super) changed: bool,
    /// Why `root` or `version` is not known.
    pub(super) why: Option<String>,
}

/// What runs of a service. `finding` is what its next start will run.
pub(super) fn look(host: &Reader, told: &ServiceFacts, wanted: &Wanted, finding: &Finding) -> Result<Running, Failure> {
    let Some(main) = told.processes.first() else { return Ok(Running::default()) };
    let mut running = Running {
        main: Some(main.clone()),
        executed: host.executed(main)?.unwrap_or_default(),
        started_ns: host.started_ns(main),
        ..Running::default()
    };
    for identity in &told.processes {
        let Some(executed) = host.executed(identity)? else { continue };
        match loaded(host, &executed, wanted, host.started_ns(identity))? {
            Ok(Some(root)) => {
                running.root = Some(root);
                running.started_ns = running.started_ns.max(host.started_ns(identity));
                break;
            }
            Ok(None) => {}
            Err(why) => running.why = Some(why),
        }
    }
    if running.root.is_none() {
        running.root = by_definition(host, told, finding, running.started_ns)?;
    }
    match running.root.clone() {
        Some(root) => version(host, &mut running, &root)?,
        None => {
            running.why.get_or_insert_with(|| {
                "its processes do not show what they were started with, and its files were changed since".to_owned()
            });
        }
    }
    Ok(running)
}

/// The installation that a process shows in its arguments; why that does not count, if it does not.
fn loaded(
    host: &Reader,
    executed: &Executed,
    wanted: &Wanted,
    started_ns: u64,
) -> Result<Result<Option<PathBuf>, String>, Failure> {
    let (Some(exe), Some(cwd)) = (&executed.exe, &executed.cwd) else { return Ok(Ok(None)) };
    // A program that changes its title writes over its arguments; what is no path any more proves nothing.
    let words = executed.argv.get(1..).unwrap_or_default();
    let is_node = exe.file_name().is_some_and(|name| name == "node" || name == "nodejs");
    let shown: Vec<&str> = match is_node {
        true => {
            let args: Vec<Option<String>> = words.iter().cloned().map(Some).collect();
            let script = node_script(&args).ok().and_then(|at| words.get(at));
            script.map(String::as_str).into_iter().collect()
        }
        false => {
            let args = words.iter().map(String::as_str).filter(|arg| !arg.starts_with('-'));
            args.chain(exe.to_str()).collect()
        }
    };
    // Empty words are what is left of overwritten arguments; as a path they would be the working directory.
    for arg in shown.into_iter().filter(|arg| !arg.is_empty()) {
        let path = normalise(&cwd.join(arg));
        let Ok(Some(root)) = wanted.root_of(host, &path) else { continue };
        if let Some(link) = link_changed_since(host, &path, started_ns)? {
            return Ok(Err(format!("{} was changed after it was started", link.display())));
        }
        return Ok(Ok(Some(root)));
    }
    Ok(Ok(None))
}

/// A link on the way to `path` that is younger than the process: what it led to then is not known.
fn link_changed_since(host: &Reader, path: &Path, started_ns: u64) -> Result<Option<PathBuf>, Failure> {
    for part in path.ancestors() {
        if host.lstat(part)?.is_some_and(|found| found.is_symlink() && changed_ns(&found) >= started_ns) {
            return Ok(Some(part.to_owned()));
        }
    }
    Ok(None)
}

/// What the next start runs is what runs, if nothing that decides it was changed since.
fn by_definition(
    host: &Reader,
    told: &ServiceFacts,
    finding: &Finding,
    started_ns: u64,
) -> Result<Option<PathBuf>, Failure> {
    if told.stale.is_some() || finding.trail.unclear.is_some() {
        return Ok(None);
    }
    for path in definition(told, finding) {
        if host.lstat(path)?.is_some_and(|found| changed_ns(&found) >= started_ns) {
            return Ok(None);
        }
    }
    Ok(finding.root.clone())
}

/// Every file that decides what the next start runs.
fn definition<'a>(told: &'a ServiceFacts, finding: &'a Finding) -> impl Iterator<Item = &'a Path> {
    let trail = &finding.trail;
    let all = told.files.iter().chain(&told.deciding).chain(&trail.wrappers).chain(&trail.deciding);
    all.map(PathBuf::as_path)
}

/// Whether a file that decides what the next start runs is younger than the process.
pub(super) fn definition_changed(
    host: &Reader,
    told: &ServiceFacts,
    finding: &Finding,
    running: &Running,
) -> Result<Option<PathBuf>, Failure> {
    for path in definition(told, finding) {
        if host.lstat(path)?.is_some_and(|found| changed_ns(&found) >= running.started_ns) {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}

/// The version at `root`, if nothing there was changed since the process loaded it. A directory that was swapped has
/// another time of change too, for it was renamed.
fn version(host: &Reader, running: &mut Running, root: &Path) -> Result<(), Failure> {
    let is_gone = |cwd: &PathBuf| cwd.starts_with(root) && cwd.to_string_lossy().ends_with(" (deleted)");
    let gone = running.executed.cwd.as_ref().is_some_and(is_gone);
    let mut changed = gone.then(|| root.to_owned());
    for path in [root.to_owned(), root.join("package.json"), root.join("VERSION")] {
        if host.lstat(&path)?.is_some_and(|found| changed_ns(&found) >= running.started_ns) {
            changed.get_or_insert(path);
        }
    }
    match changed {
        None => running.version = package_version(host, root)?,
        Some(path) => {
            running.changed = true;
            running.why = Some(format!("{} was changed after it was started", path.display()));
        }
    }
    Ok(())
}

fn changed_ns(found: &std::fs::Metadata) -> u64 {
    let seconds = u64::try_from(found.ctime()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(found.ctime_nsec()).unwrap_or(0))
}

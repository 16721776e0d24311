//! Whether a running process executes what is on the disk: when everything that it executes was last changed.
//!
//! The time of the last change of an inode counts, not the modification time of the content: unpacking an archive sets
//! the latter to the past, nothing but the clock sets the former.

use crate::package::package_root;
use runbook_host::{Host, Reader};
use runbook_model::Failure;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// File systems stamp with the time of the last clock tick, which is up to 10 ms ago.
const TICK_NS: u64 = 10_000_000;

/// What a process executes.
#[derive(Clone, Copy, Debug)]
pub struct Executes<'a> {
    /// The program file.
    pub program: &'a Path,
    /// Its arguments without its own name. An interpreter is given its script here.
    pub arguments: &'a [String],
    /// Where it runs.
    pub cwd: &'a Path,
}

/// Waits until nothing of it was changed so recently that its stamp could be taken for one of a later change.
pub(crate) fn wait_for_clock(host: &Host, executes: Executes<'_>, watch: &[PathBuf]) -> Result<(), Failure> {
    let now = u64::try_from(host.now_ms()).unwrap_or(0).saturating_mul(1_000_000);
    match newer_than(host, executes, watch, now)? {
        Some(_) => host.pause(Duration::from_nanos(2 * TICK_NS)),
        None => Ok(()),
    }
}

/// The first thing found that is executed, or that is in `watch`, and that was changed after `started_ns`.
pub(crate) fn newer_than(
    host: &Reader,
    executes: Executes<'_>,
    watch: &[PathBuf],
    started_ns: u64,
) -> Result<Option<PathBuf>, Failure> {
    let mut executed = vec![executes.program.to_owned()];
    // An interpreter is given its script as the first argument that is no option.
    let script = executes.arguments.iter().find(|arg| !arg.starts_with('-')).map(|arg| executes.cwd.join(arg));
    if let Some(script) = script
        && host.stat(&script)?.is_some_and(|found| found.is_file())
    {
        executed.push(script);
    }
    for path in executed.clone() {
        executed.extend(host.canonical(&path)?);
        if let Some(root) = package_root(host, &path, None, None)? {
            executed.extend([root.join("package.json"), root.join("VERSION")]);
        }
    }
    for path in &executed {
        if changed_since(host.lstat(path)?, started_ns) {
            return Ok(Some(path.clone()));
        }
    }
    for path in watch {
        if let Some(newer) = newer_below(host, path, started_ns)? {
            return Ok(Some(newer));
        }
    }
    Ok(None)
}

fn newer_below(host: &Reader, path: &Path, started_ns: u64) -> Result<Option<PathBuf>, Failure> {
    let mut left = vec![path.to_owned()];
    left.extend(host.canonical(path)?);
    while let Some(path) = left.pop() {
        let found = host.lstat(&path)?;
        let is_dir = found.as_ref().is_some_and(Metadata::is_dir);
        if changed_since(found, started_ns) {
            return Ok(Some(path));
        }
        if is_dir {
            left.extend(host.list(&path)?.unwrap_or_default().into_iter().map(|name| path.join(name)));
        }
    }
    Ok(None)
}

fn changed_since(found: Option<Metadata>, started_ns: u64) -> bool {
    let Some(found) = found else { return false };
    let seconds = u64::try_from(found.ctime()).unwrap_or(0);
    let nanos = u64::try_from(found.ctime_nsec()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos).saturating_add(TICK_NS) > started_ns
}

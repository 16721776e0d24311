//! Whether what runs of a unit is what is on the disk now: the test of every step that brings a unit up.

use crate::freshness::{Executes, newer_than, wait_for_clock};
use crate::systemd::UnitState;
use runbook_host::{Host, Reader};
use runbook_model::Failure;
use std::path::{Path, PathBuf};

/// Why the main process is older than what it runs; `None` if it is not, or there is none.
pub(super) fn stale(host: &Reader, state: &UnitState, watch: &[PathBuf]) -> Result<Option<String>, Failure> {
    let main = match state.main_pid {
        Some(pid) => host.process(pid)?.map(|process| process.identity),
        None => None,
    };
    let Some(main) = main else { return Ok(None) };
    if state.needs_reload {
        return Ok(Some("its files were changed, and systemd has not read them".to_owned()));
    }
    let files = watched(state, watch);
    for argv in &state.exec_start {
        if let Some(path) = newer_than(host, executes(argv, state), &files, host.started_ns(&main))? {
            return Ok(Some(format!("{} was changed after {main} was started", path.display())));
        }
    }
    Ok(None)
}

/// Waits until nothing of it was changed so recently that its stamp could be taken for one of a later change.
pub(super) fn wait_for_its_clock(host: &Host, state: &UnitState, watch: &[PathBuf]) -> Result<(), Failure> {
    let files = watched(state, watch);
    state.exec_start.iter().try_for_each(|argv| wait_for_clock(host, executes(argv, state), &files))
}

fn watched(state: &UnitState, watch: &[PathBuf]) -> Vec<PathBuf> {
    let environment = state.get("EnvironmentFiles").split(" (ignore_errors=").map(|part| {
        // `/etc/a (ignore_errors=no) /etc/b (ignore_errors=yes)`
        part.split_once(") ").map_or(part, |(_, path)| path)
    });
    let environment = environment.filter(|path| path.starts_with('/')).map(PathBuf::from);
    watch.iter().cloned().chain(state.fragment.clone()).chain(state.drop_ins.clone()).chain(environment).collect()
}

fn executes<'a>(argv: &'a [String], state: &'a UnitState) -> Executes<'a> {
    // A directory that may be missing has a `-` before it; `~` is no path that scripts are relative to.
    let cwd = state.get("WorkingDirectory").trim_start_matches(['-', '!']);
    Executes {
        program: Path::new(argv.first().map_or("", String::as_str)),
        arguments: argv.get(1..).unwrap_or_default(),
        cwd: Path::new(if cwd.starts_with('/') { cwd } else { "/" }),
    }
}

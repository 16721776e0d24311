//! What undo relies on besides the kind's own data, and whether it is still there: backups, and files in the step's directory.

use crate::Execution;
use runbook_backup::Backup;
use runbook_journal::StateDir;
use runbook_model::{Failure, RestorePoint, RunId, RunState};
use runbook_step::{BackupRef, captures_in};
use std::path::Path;

/// Which way a run is about to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Forward: everything that any way back may need has to be there.
    On,
    /// Back: only what it will use.
    Back,
}

/// What is gone or damaged of that which taking the run back relies on, and what this user cannot put back, one line each.
/// Archives that were touched since they were last found sound are read to their end.
pub(crate) fn missing(state: &RunState, execution: &Execution, dir: &StateDir, run: &RunId, way: Way) -> Vec<String> {
    let mut missing = Vec::new();
    for (step, known) in state.steps() {
        let own = dir.step(run, step);
        if let Some(undo) = known.undo.as_ref().filter(|_| known.status.may_have_touched()) {
            missing.extend(undo.restore_points.iter().filter_map(|point| lacks(&point.dir)));
            missing.extend(undo.restore_points.iter().filter_map(unprovable));
            missing.extend((undo.files && is_empty(&own)).then(|| format!("{} is not there", own.display())));
            missing.extend(undo.captured.then(|| lacks(&captures_in(&own))).flatten());
        }
        let Some(backup) = &known.results.backup else { continue };
        let needed = match way {
            Way::On => known.status.satisfies(),
            Way::Back => !backup.always.is_empty(),
        };
        if needed && execution.backups.contains(step) {
            missing.extend(lacks(&backup.dir));
        }
    }
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// Between the intent and the act, and between two attempts, time passes: every backup of the run and what the step
/// whose own directory is `own` captured are still there and whole, or it does not act.
pub(crate) fn refuse_harmed(backups: &[BackupRef], own: &Path) -> Result<(), Failure> {
    let captured = captures_in(own);
    let captured = captured.is_dir().then_some(captured);
    let relied = backups.iter().map(|backup| &backup.dir).chain(&captured);
    let Some(why) = relied.into_iter().find_map(|dir| lacks(dir)) else { return Ok(()) };
    let hint = "find out what happened to the state directory before you go on";
    Err(Failure::refused(format!("its way back is not whole: {why}")).hint(hint))
}

/// Why a backup cannot be used.
fn lacks(dir: &Path) -> Option<String> {
    runbook_backup::whole(dir, &|| false).err().map(|error| told(&error))
}

/// Why this user could not put a path back now. What can no longer be told from its name is left to the undo, which says so.
fn unprovable(point: &RestorePoint) -> Option<String> {
    let backup = Backup::open(&point.dir).ok()?;
    match backup.provable(&point.name) {
        Err(error @ runbook_backup::Error::NoWayBack { .. }) => Some(told(&error)),
        _ => None,
    }
}

fn told(error: &runbook_backup::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
}

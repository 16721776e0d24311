//! What the undo of a step relies on besides the kind's own data: chosen backups, and files in the step's directory.
//!
//! Both are kept inside the undo data, under one name that kinds do not see.

use crate::Course;
use runbook_backup::Backup;
use runbook_journal::StateDir;
use runbook_model::{Failure, Role, RunId, RunState};
use runbook_step::{BackupRef, Held, captures_in};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};

/// The name under which it is kept.
const KEY: &str = "relies_on";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Relies {
    /// Paths that come back from backups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) held: Vec<Held>,
    /// Whether the step keeps files in its own directory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) files: bool,
    /// Paths that were not there before the step, of which it declares that or something below: the outermost ones. What
    /// of them is there in the end is left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) absent: Vec<PathBuf>,
    /// Whether the step captured paths there, as a backup of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    captured: bool,
    /// The kind's data, where it is no map. A list, because `null` is data too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    data: Vec<Json>,
}

impl Relies {
    pub(crate) fn new(held: Vec<Held>, files: bool, absent: Vec<PathBuf>) -> Self {
        Self { held, files, absent, captured: false, data: Vec::new() }
    }

    /// The same of a step whose own directory is `own`: paths that it captured are there.
    #[must_use]
    pub(crate) fn capturing_in(self, own: &Path) -> Self {
        Self { captured: captures_in(own).is_dir(), ..self }
    }

    /// The undo data for the journal.
    pub(crate) fn with(mut self, undo: Json) -> Result<Json, Failure> {
        if self.held.is_empty() && !self.files && self.absent.is_empty() {
            return Ok(undo);
        }
        let mut map = match undo {
            Json::Object(map) => map,
            other => {
                self.data.push(other);
                Map::new()
            }
        };
        let relies = serde_json::to_value(self)
            .map_err(|error| Failure::refused(format!("what undo relies on cannot be written down: {error}")))?;
        map.insert(KEY.to_owned(), relies);
        Ok(Json::Object(map))
    }

    /// Whether something was not there before the step that this is the undo data of.
    pub(crate) fn notes_absence(undo: &Json) -> bool {
        undo.get(KEY).and_then(|relies| relies.get("absent")).is_some()
    }

    /// The kind's data, and what its undo relies on.
    pub(crate) fn of(mut undo: Json) -> (Json, Self) {
        let kept = undo.as_object_mut().and_then(|map| map.remove(KEY));
        let mut relies: Self = kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default();
        let data = relies.data.pop().unwrap_or(undo);
        (data, relies)
    }
}

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
pub(crate) fn missing(state: &RunState, course: &Course, dir: &StateDir, run: &RunId, way: Way) -> Vec<String> {
    let mut missing = Vec::new();
    for (step, known) in state.steps() {
        let (_, relies) = Relies::of(known.undo.clone().unwrap_or_default());
        let own = dir.step(run, step);
        if known.status.may_have_touched() {
            missing.extend(relies.held.iter().filter_map(|held| lacks(&held.dir)));
            missing.extend(relies.held.iter().filter_map(unprovable));
            missing.extend((relies.files && is_empty(&own)).then(|| format!("{} is not there", own.display())));
            missing.extend(relies.captured.then(|| lacks(&captures_in(&own))).flatten());
        }
        let put_back = match way {
            Way::On => known.status.satisfies(),
            Way::Back => known.outputs.get("always").and_then(Json::as_array).is_some_and(|paths| !paths.is_empty()),
        };
        let declaration = course.schedule.declaration(step);
        if put_back && declaration.is_some_and(|one| one.roles.iter().any(|role| matches!(role, Role::Backup(_)))) {
            let kept = known.outputs.get("dir").and_then(Json::as_str);
            missing.extend(kept.and_then(|dir| lacks(Path::new(dir))));
        }
    }
    missing.sort();
    missing.dedup();
    missing
}

/// Between the intent and the act, and between two attempts, time passes: every backup of the run and what the step
/// whose own directory is `own` captured are still there and whole, or it does not act.
pub(crate) fn refuse_harmed(backups: &[BackupRef], own: &Path) -> Result<(), Failure> {
    let captured = captures_in(own);
    let captured = captured.is_dir().then_some(captured);
    let relied = backups.iter().map(|backup| &backup.dir).chain(&captured);
    match relied.into_iter().find_map(|dir| lacks(dir)) {
        Some(why) => Err(Failure::refused(format!("its way back is not whole: {why}"))
            .hint("find out what happened to the state directory before you go on")),
        None => Ok(()),
    }
}

/// Why a backup cannot be used.
fn lacks(dir: &Path) -> Option<String> {
    runbook_backup::whole(dir, &|| false).err().map(|error| told(&error))
}

/// Why this user could not put a path back now. What can no longer be told from its name is left to the undo, which says so.
fn unprovable(held: &Held) -> Option<String> {
    let backup = Backup::open(&held.dir).ok()?;
    match backup.provable(&held.name) {
        Err(error @ runbook_backup::Error::NoWayBack { .. }) => Some(told(&error)),
        _ => None,
    }
}

fn told(error: &runbook_backup::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::Relies;
    use serde_json::json;

    #[test]
    fn the_data_of_a_kind_comes_back_as_it_was() {
        for data in [json!(null), json!({}), json!({ "a": 1 }), json!([1]), json!("text")] {
            for files in [false, true] {
                let kept = Relies::new(Vec::new(), files, Vec::new()).with(data.clone()).unwrap();
                assert_eq!(kept == data, !files);
                assert_eq!(Relies::of(kept), (data.clone(), Relies::new(Vec::new(), files, Vec::new())));
            }
        }
    }
}

//! The commands that take a plan, where the file is a rollout.

mod apply;
mod attempts;
mod graph;
mod leading;
mod named;
mod plan;
mod report;
mod vars;

pub(super) use apply::apply;
pub(super) use attempts::rollout;
pub(super) use graph::graph;
pub(super) use named::{none_called, tell_any, tell_open};
pub(super) use plan::{Asking, plan};
pub(super) use vars::vars;

use super::judged::{Checked, counted};
use crate::screen::Screen;
use runbook_fleet::RolloutFiles;
use runbook_session::{CommandError, PlanText, Session};
use std::collections::BTreeSet;

/// Judges the rollout with its inventory, and each plan for each of its hosts, as if they were like this one.
pub(super) fn check(
    session: &Session,
    text: &PlanText,
    flags: (Option<&str>, &[String]),
) -> Result<Checked, CommandError> {
    let read = RolloutFiles::read(text);
    let mut found = vec![(read.diagnostics, read.sources)];
    let Some(files) = read.files else { return Ok(Checked { found, sound: None }) };
    let judged = files.judge(session, |_| Some(session.facts()), flags)?;
    let rollout = &files.rollout;
    let hosts: BTreeSet<_> = rollout.stages.iter().flat_map(|stage| &stage.hosts.names).collect();
    let sound = judged.is_sound().then(|| {
        let (stages, hosts) = (counted(rollout.stages.len(), "stage"), counted(hosts.len(), "host"));
        format!("{} is sound, {stages}, {hosts}", rollout.name)
    });
    found.push((judged.diagnostics, files.sources));
    found.extend(judged.stages.into_iter().map(|stage| (stage.diagnostics, stage.sources)));
    Ok(Checked { found, sound })
}

/// The rollout, after what was found in it was shown; `None` if it cannot be used.
fn sound(screen: &Screen, text: &PlanText) -> Result<Option<RolloutFiles>, CommandError> {
    let read = RolloutFiles::read(text);
    match read.files {
        Some(files) => {
            screen.diagnostics_beside(&read.diagnostics, &read.sources)?;
            Ok(Some(files))
        }
        None => {
            screen.diagnostics(&read.diagnostics, &read.sources)?;
            Ok(None)
        }
    }
}

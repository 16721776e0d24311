//! A unit around a run: how it is before the first change, kept down again by a process that goes on with the run of another,
//! brought up where a boot left it down, and how it is at the end.

use super::undo::Before;
use super::{Unit, UnitState};
use crate::managed::AroundRun;
use crate::manner::Manner;
use crate::undo_data;
use runbook_host::Reader;
use runbook_model::{Failure, ServiceSeen};
use runbook_step::{WasFound, Work};
use serde_json::Value as Json;

impl AroundRun for Unit {
    const KEEPS_DOWN: bool = true;

    fn find(&self, host: &Reader) -> Result<Option<WasFound>, Failure> {
        let unit = self.resolved(host)?;
        let before = unit.before(host, false)?;
        Ok(Some(WasFound { service: before.service(&unit), data: undo_data::to_json(&before)? }))
    }

    /// The unit, and what starts it.
    fn revive(&self, work: &Work<'_>, found: &Json, manner: Manner) -> Result<String, Failure> {
        let Some(before) = Before::read(found)? else { return Ok(String::new()) };
        let unit = self.of(work.host, &before)?;
        let is_up = unit.state(work.host)?.is_up();
        let lacks_starters = unit.lacks_starters(work, &before.triggers)?;
        if before.up && (!is_up || lacks_starters) {
            return unit.bring_back(work, &before, manner);
        }
        if !lacks_starters {
            return Ok(String::new());
        }
        unit.let_others(work, manner, &before.triggers)?;
        Ok(format!("{} can start {unit} again", before.triggers.join(", ")))
    }

    fn keep_down_again(&self, work: &Work<'_>, undo: &Json, manner: Manner) -> Result<(), Failure> {
        let unit = self.of_undo(work.host, undo)?;
        match unit.owed(work)? {
            Some(_) => unit.bring_down(work, manner.lenient()).map(drop),
            None => Ok(()),
        }
    }

    fn close(&self, work: &Work<'_>, undo: &Json) -> Result<ServiceSeen, Failure> {
        let unit = self.of_undo(work.host, undo)?;
        unit.forget_hold(work.host)?;
        let state = unit.state(work.host)?;
        let down = unit.starters_that_are_down(work)?;
        let with = if down.is_empty() { String::new() } else { format!(", and so is {}", down.join(", ")) };
        let scope = if unit.user { " --user" } else { "" };
        let names: Vec<&str> = down.iter().map(String::as_str).chain([unit.name.as_str()]).collect();
        Ok(ServiceSeen {
            up: Some(state.is_up() || state.has_run()),
            words: format!("{}{with}", activity(&state)),
            start: Some(format!("systemctl{scope} start {}", names.join(" "))),
        })
    }
}

impl Unit {
    /// The unit that a step was about when it began: an alias that the plan names may be gone by now.
    fn of_undo(&self, host: &Reader, undo: &Json) -> Result<Self, Failure> {
        match Before::read(undo)? {
            Some(before) => self.of(host, &before),
            None => self.resolved(host),
        }
    }
}

/// `active`, `inactive`, `failed`: systemd's own word, which is what `systemctl is-active` says.
fn activity(state: &UnitState) -> &str {
    if state.active.is_empty() { "unknown to systemd" } else { &state.active }
}

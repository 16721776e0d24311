//! The way back of the steps that bring a unit up or down: up or down as before, and with it the units that go down
//! when it does.

use super::show::{blocks, is_up};
use super::starters::Rise;
use super::{Load, Unit, UnitState, Verb};
use crate::managed::{Motion, ServiceUndo};
use crate::manner::Manner;
use crate::undo_data;
use runbook_host::Reader;
use runbook_model::{Failure, ServiceState};
use runbook_step::{Prepared, Work};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// The unit before the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The name that systemd has for it: an alias that the plan names may be gone by now.
    #[serde(default)]
    unit: String,
    /// Which of its lives it was in; empty if it had none.
    pub invocation: String,
    /// Whether it was up, or about to be; no if this run had taken it down already, even if somebody started it since.
    pub up: bool,
    /// Whether something of it ran.
    #[serde(default)]
    pub alive: bool,
    /// Whether this run had taken it down already.
    #[serde(default)]
    owed: bool,
    /// The units that start it and were active.
    #[serde(default)]
    pub(super) triggers: Vec<String>,
    /// Whether it was up for good; one that was only ever about to be need not stay up after the undo either.
    steady: bool,
    /// Whether systemd had given it up.
    failed: bool,
    /// When its state last changed, in systemd's own count.
    pub changed: String,
    /// The units that were up and go down with it, or because it comes up.
    others: Vec<String>,
}

/// Properties of a unit with the names of units that a stop takes along.
const TAKEN_ALONG: &[&str] = &["RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo"];
/// Properties with the names of units that go down because it comes up.
const DRIVEN_OUT: &[&str] = &["Conflicts", "ConflictedBy"];
const BROUGHT_BACK: &str = "brought-back";

impl ServiceUndo for Unit {
    fn can_come_back(&self, host: &Reader, motion: Motion) -> Result<(), Failure> {
        if motion != Motion::Stop {
            return Ok(());
        }
        let unit = self.resolved(host)?;
        let state = unit.state(host)?;
        if state.load != Load::Masked || !state.is_up() {
            return Ok(());
        }
        Err(Failure::refused(format!("{unit} is masked and runs: once it is stopped, nothing can start it again"))
            .hint(format!("`systemctl unmask {unit}` lifts the mask, if it is not there for a reason")))
    }

    fn remember(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let before = self.before(work.host, self.owed(work)?.is_some())?;
        undo_data::of_service(&before, before.service(self))
    }

    fn halt(&self, work: &Work<'_>, undo: &Json, manner: Manner) -> Result<String, Failure> {
        let before = Before::read(undo)?.unwrap_or_else(|| Before::only(false));
        let unit = self.of(work.host, &before)?;
        let stopped = unit.bring_down(work, manner.lenient())?;
        Ok(if stopped { format!("{unit} stopped") } else { String::new() })
    }

    fn undo(&self, work: &Work<'_>, undo: &Json, manner: Manner, up: bool) -> Result<String, Failure> {
        let manner = manner.lenient();
        let before = Before::read(undo)?.unwrap_or_else(|| Before::only(up));
        let unit = self.of(work.host, &before)?;
        if before.up { unit.bring_back(work, &before, manner) } else { unit.keep_down(work, &before, manner) }
    }
}

impl Unit {
    /// How it is; `owed` is whether this run has taken it down.
    pub(super) fn before(&self, host: &Reader, owed: bool) -> Result<Before, Failure> {
        let state = self.state(host)?;
        let triggers = self.triggers(host, &state)?;
        Ok(Before {
            unit: self.name.clone(),
            invocation: state.invocation.clone(),
            up: state.is_up() && !owed,
            alive: if owed { state.is_up() } else { state.is_active() },
            owed,
            steady: state.active == "active",
            failed: state.active == "failed",
            changed: state.get("StateChangeTimestampMonotonic").to_owned(),
            others: self.others_that_are_up(host, &triggers)?,
            triggers,
        })
    }

    /// The unit that `before` is about.
    pub(super) fn of(&self, host: &Reader, before: &Before) -> Result<Self, Failure> {
        if before.unit.is_empty() { self.resolved(host) } else { Ok(self.beside(&before.unit)) }
    }

    fn keep_down(&self, work: &Work<'_>, before: &Before, manner: Manner) -> Result<String, Failure> {
        self.bring_down(work, manner)?;
        let now = self.state(work.host)?;
        if now.active == "failed" && !before.failed {
            self.reset_failed(work.host)?;
        }
        // What this run owes is given back by the step that took it.
        if !before.owed {
            self.let_others(work, manner, &before.triggers)?;
        }
        self.with_others(work, before, format!("{self} is down as before"))
    }

    pub(super) fn bring_back(&self, work: &Work<'_>, before: &Before, manner: Manner) -> Result<String, Failure> {
        let path = work.dir.join(BROUGHT_BACK);
        let now = self.state(work.host)?;
        let is_back =
            |path| Ok::<_, Failure>(work.host.read(path)?.is_some_and(|kept| kept == now.invocation.as_bytes()));
        if now.is_up() && !now.invocation.is_empty() && !self.lacks_socket(work, &before.triggers)? {
            let same = now.invocation == before.invocation;
            if same || is_back(&path)? {
                self.let_others(work, manner, &before.triggers)?;
                let how = if same { "was never stopped" } else { "runs again" };
                return self.with_others(work, before, format!("{self} {how}, {}", now.words()));
            }
        }
        self.stop_firmly(work, manner)?;
        // It may have been started as often as systemd allows.
        if !matches!(now.load, Load::NotFound) {
            self.reset_failed(work.host)?;
        }
        let state = if before.steady {
            self.bring_up(work, manner, Rise::Start, &before.triggers)?
        } else {
            self.let_others(work, manner, &before.triggers)?;
            self.note_start(work.host)?;
            self.job(work.host, Verb::Start)?;
            self.state(work.host)?
        };
        work.host.keep(&path, state.invocation.as_bytes())?;
        self.with_others(work, before, format!("{self} runs again as before, {}", state.words()))
    }

    /// Brings back the units that went down with it, and adds them to what was done.
    fn with_others(&self, work: &Work<'_>, before: &Before, done: String) -> Result<String, Failure> {
        let others = self.bring_back_others(work, before)?;
        Ok(if others.is_empty() { done } else { format!("{done}; also {}", others.join(", ")) })
    }

    /// Brings it down so that nobody brings it up in the middle of it.
    fn stop_firmly(&self, work: &Work<'_>, manner: Manner) -> Result<bool, Failure> {
        if self.state(work.host)?.is_down() {
            return self.stop(work.host, manner);
        }
        self.bring_down(work, manner)
    }

    fn bring_back_others(&self, work: &Work<'_>, before: &Before) -> Result<Vec<String>, Failure> {
        let mut brought = Vec::new();
        for name in &before.others {
            let other = self.beside(name);
            if other.state(work.host)?.is_down() {
                let since = work.host.now_ms();
                other.job(work.host, Verb::Start)?;
                let state = other.state(work.host)?;
                if !state.is_up() && !state.has_run() {
                    return Err(other.explained(
                        work.host,
                        &state,
                        since,
                        &format!("{other}, which was up before, does not come up"),
                    ));
                }
                brought.push(format!("{other}, {}", state.words()));
            }
        }
        Ok(brought)
    }

    /// The units that are up and that a start, stop or restart of this one, with those that start it, brings down.
    pub fn others_that_are_up(&self, host: &Reader, triggers: &[String]) -> Result<Vec<String>, Failure> {
        let mut asked: Vec<String> = std::iter::once(&self.name).chain(triggers).cloned().collect();
        let mut known: BTreeSet<String> = asked.iter().cloned().collect();
        let mut up = Vec::new();
        let mut round = 0;
        while !asked.is_empty() {
            let relations: Vec<&str> =
                TAKEN_ALONG.iter().chain(if round == 0 { DRIVEN_OUT } else { &[] }).copied().collect();
            let mut next = Vec::new();
            for (name, state, related) in self.related(host, &asked, &relations)? {
                let is_up = is_up(&state);
                // What is down takes nothing along.
                if is_up || round == 0 {
                    next.extend(related.into_iter().filter(|name| known.insert(name.clone())));
                }
                if is_up && round > 0 {
                    up.push(name);
                }
            }
            asked = next;
            round += 1;
        }
        up.sort_unstable();
        Ok(up)
    }

    /// For each of the units `names`: its name, its state, and the units that `relations` name.
    fn related(
        &self,
        host: &Reader,
        names: &[String],
        relations: &[&str],
    ) -> Result<Vec<(String, String, Vec<String>)>, Failure> {
        let properties: Vec<&str> = ["Id", "ActiveState"].into_iter().chain(relations.iter().copied()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Ok(blocks(&self.show(host, &properties, &names, "the units around it")?).map(relations_of).collect())
    }
}

/// One unit of what `systemctl show` printed: its name, its state, and the units that all other properties name.
fn relations_of(values: Vec<(&str, &str)>) -> (String, String, Vec<String>) {
    let (mut name, mut state, mut related) = (String::new(), String::new(), Vec::new());
    for (property, value) in values {
        match property {
            "Id" => name = value.to_owned(),
            "ActiveState" => state = value.to_owned(),
            _ => related.extend(value.split_whitespace().map(str::to_owned)),
        }
    }
    (name, state, related)
}

impl Before {
    /// What [`Unit::remember`] wrote; `None` if it was not asked to.
    pub fn read(undo: &Json) -> Result<Option<Self>, Failure> {
        undo_data::read(undo)
    }

    /// How `unit` was.
    pub(super) fn service(&self, unit: &Unit) -> ServiceState {
        ServiceState::new(unit.title(), self.up)
    }

    fn only(up: bool) -> Self {
        Self {
            unit: String::new(),
            invocation: String::new(),
            up,
            alive: up,
            owed: false,
            triggers: Vec::new(),
            steady: true,
            failed: false,
            changed: String::new(),
            others: Vec::new(),
        }
    }

    /// Whether somebody else had started it after this run had taken it down.
    pub fn is_foreign(&self) -> bool {
        self.owed && self.alive
    }

    /// Whether `now` is another life of the unit than the one before the step.
    pub fn was_replaced(&self, now: &UnitState) -> bool {
        !now.invocation.is_empty() && now.invocation != self.invocation
    }
}

#[cfg(test)]
mod tests {
    use super::{blocks, relations_of};

    #[test]
    fn related_units_are_read_from_every_other_property() {
        let shown = "Id=a.service\nActiveState=active\nRequiredBy=b.service c.service\nBoundBy=\nConsistsOf=d.socket\n";
        let (name, state, related) = relations_of(blocks(shown).next().unwrap());
        assert_eq!((name.as_str(), state.as_str()), ("a.service", "active"));
        assert_eq!(related, ["b.service", "c.service", "d.socket"]);
    }
}

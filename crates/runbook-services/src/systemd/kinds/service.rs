//! A unit as a service that is started, restarted and stopped.

use super::fresh;
use super::params::{self, along};
use crate::managed::{ManagedService, Motion};
use crate::manner::Manner;
use crate::results;
use crate::systemd::{Before, Load, Rise, Unit, UnitState};
use runbook_host::Reader;
use runbook_model::{Diagnostic, Effect, Failure, Prediction, Resource, Results, ServiceState};
use runbook_step::{Args, Confirmation, Done, Lack, Probe, Work};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// How a unit is wanted.
pub struct Wanted {
    manner: Manner,
    /// What else has to be older than its main process.
    watch: Vec<PathBuf>,
}

impl ManagedService for Unit {
    type Wanted = Wanted;

    fn bind(args: &Args<'_>, _: Motion) -> Result<(Self, Wanted), Diagnostic> {
        let watch = args.maybe("watch")?.unwrap_or_default();
        Ok((params::unit(args)?, Wanted { manner: Manner::of(args)?, watch }))
    }

    fn manner(wanted: &Wanted) -> Manner {
        wanted.manner
    }

    fn resource(args: &Args<'_>) -> Resource {
        params::resource(args)
    }

    fn effects(_: &Args<'_>, motion: Motion) -> Vec<Effect> {
        // What it executes is known to systemd alone.
        if motion == Motion::Stop { Vec::new() } else { vec![Effect::read(Resource::UnknownPath)] }
    }

    fn resolved(&self, host: &Reader) -> Result<Self, Failure> {
        Self::resolved(self, host)
    }

    fn foresee(&self, host: &Reader, wanted: &Wanted, motion: Motion) -> Result<Probe, Failure> {
        if motion == Motion::Stop {
            return Ok(Probe::of(self.foresee_stop(host, wanted)?).with(self.down()));
        }
        let state = self.runnable(host)?;
        let (words, restart) = (state.words(), motion == Motion::Restart);
        let along = || Ok::<_, Failure>(along(&self.others_that_are_up(host, &[])?));
        let is_up = state.is_active() || (restart && state.is_up());
        let change = if !is_up {
            format!("{self} is {words}; it is started")
        } else if restart && (state.active != "active" || state.main_pid.is_none()) {
            format!("{self} is {words}; it is restarted{}", along()?)
        } else if let Some(why) = fresh::stale(host, &state, &wanted.watch)? {
            format!("{self} is restarted: {why}{}", along()?)
        } else {
            let how = if restart { "runs what is on the disk" } else { "is up" };
            return Ok(
                Probe::of(Prediction::no_change(format!("{self} {how}, {words}"))).with(params::up(self, &state))
            );
        };
        Ok(Probe::of(Prediction::change(change)))
    }

    fn lacks(&self, host: &Reader, _: &Wanted, _: Motion, failed: Option<&Failure>) -> Vec<Lack> {
        Self::lacks(self, host, failed)
    }

    fn go(&self, work: &Work<'_>, wanted: &Wanted, motion: Motion, undo: &Json) -> Result<Done, Failure> {
        if motion == Motion::Stop {
            self.bring_down(work, wanted.manner)?;
            let triggers = self.owed(work)?.map(|owed| owed.triggers).unwrap_or_default();
            let with = if triggers.is_empty() { String::new() } else { format!(", and so is {}", triggers.join(", ")) };
            return Ok(Done::saying(format!("{self} is down{with}")).with(self.down()));
        }
        fresh::wait_for_its_clock(work.host, &self.runnable(work.host)?, &wanted.watch)?;
        // What ran when a start began is older than what lies before it, or somebody else's.
        let before = Before::read(undo)?.filter(|_| motion == Motion::Start);
        let anew = motion == Motion::Restart || before.as_ref().is_some_and(|before| before.alive);
        let rise = if anew { Rise::Anew } else { Rise::Start };
        let state = self.bring_up(work, wanted.manner, rise, &[])?;
        let meanwhile = match before.is_some_and(|before| before.is_foreign()) {
            true => "; somebody else had started it meanwhile, and it was started again",
            false => "",
        };
        Ok(Done::saying(format!("{self} is up, {}{meanwhile}", state.words())).with(params::up(self, &state)))
    }

    fn went(
        &self,
        host: &Reader,
        wanted: &Wanted,
        motion: Motion,
        undo: &Json,
    ) -> Result<Option<Confirmation>, Failure> {
        if motion == Motion::Stop {
            let left = self.left(host, wanted, &self.state(host)?)?;
            return Ok(Some(left.map_or(Confirmation::There, Confirmation::NotThere)));
        }
        let state = self.runnable(host)?;
        let (before, restart) = (Before::read(undo)?, motion == Motion::Restart);
        let same = before.as_ref().is_some_and(|before| !before.was_replaced(&state));
        // A restart replaces what was there, whatever it was; a start what ran.
        let old = same && (restart || (state.is_active() && before.as_ref().is_some_and(|before| before.alive)));
        Ok(Some(match state.has_run() {
            _ if state.is_active() && !old => Confirmation::There,
            true if !same && (restart || before.is_some()) => Confirmation::There,
            // systemd remembers nothing of a command that is over and that it has unloaded.
            true if state.invocation.is_empty() => Confirmation::CannotTell,
            _ if old => Confirmation::NotThere(format!("{self} still is what it was before, {}", state.words())),
            _ => Confirmation::NotThere(format!("{self} is {}", state.words())),
        }))
    }
}

impl Unit {
    fn foresee_stop(&self, host: &Reader, wanted: &Wanted) -> Result<Prediction, Failure> {
        let state = self.state(host)?;
        Ok(match self.left(host, wanted, &state)? {
            None if state.load == Load::NotFound => Prediction::no_change(format!("there is no {self}")),
            None => Prediction::no_change(format!("{self} is down")),
            Some(left) => {
                let triggers = self.triggers(host, &state)?;
                let along = along(&self.others_that_are_up(host, &triggers)?);
                let starters = self.starters_words(host, &state)?;
                Prediction::change(format!("{left}; it is stopped{starters}{along}"))
            }
        })
    }

    /// What there is to bring down; `None` if it is down, and nothing that is active can start it.
    fn left(&self, host: &Reader, wanted: &Wanted, state: &UnitState) -> Result<Option<String>, Failure> {
        if state.load == Load::NotFound {
            return Ok(None);
        }
        if !state.is_down() {
            return Ok(Some(format!("{self} is {}", state.words())));
        }
        let left = host.processes_in_group(&state.control_group)?;
        if let Some(process) = left.first().filter(|_| !wanted.manner.leave_processes) {
            return Ok(Some(format!("{self} has left {} behind", process.identity)));
        }
        let triggers = self.triggers(host, state)?;
        Ok((!triggers.is_empty()).then(|| format!("{self} is down, and {} can start it", triggers.join(", "))))
    }

    /// The results of a stop.
    fn down(&self) -> Results {
        results::of_service(ServiceState::new(self.title(), false), None, [("unit", json!(self.name))])
    }
}

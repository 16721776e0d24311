//! `systemd.start`: a unit that is up and stays up. Undo makes it run as before, or not at all.

use super::fresh;
use super::params::{self, OUTPUTS};
use crate::systemd::{Before, Manner, Rise, Unit};
use runbook_host::Reader;
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Prediction, Resource, Role, ServiceSeen, UndoPhase,
};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, Lack, Probe, Step, Work};
use serde_json::Value as Json;
use std::borrow::Cow;

/// The kind.
pub struct Start;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("systemd.start"),
    summary: Cow::Borrowed("Starts a unit of systemd"),
    text: Cow::Borrowed(
        "systemd is asked for a job over D-Bus, and the job's own result is waited for; where there is no bus, \
         `systemctl` waits for it. Then the unit has to be active, and for as long as `settle` its main process has to \
         stay the same and systemd must not start it again by itself: a `Type=simple` service counts as started for \
         systemd when it has only been forked. A command (`Type=oneshot`) has to end well. If it does not, the failure \
         tells systemd's result, the exit status and the last lines that the journal has of that invocation. A unit \
         that is up is left alone if it runs what is on the disk, which is judged as with `systemd.restart`; one that is older \
         than what the plan changed before this step, or that somebody else started after the plan had stopped it, is restarted. \
         Sockets, timers and paths that a `systemd.stop` of the run took down come up with it. Undo stops a unit that was \
         down; what it pulled in by `Requires=` or `Wants=` stays up.",
    ),
    params: Cow::Borrowed(&[params::UNIT, params::USER, params::SETTLE, params::LEAVE_PROCESSES]),
    outputs: Cow::Borrowed(OUTPUTS),
    open_outputs: false,
    example: Cow::Borrowed("- id: start\n  uses: systemd.start\n  with: { unit: gateway.service }\n"),
};

impl Kind for Start {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        // What it executes is known to systemd alone.
        params::attendant(args).reads(Resource::UnknownPath).role(Role::Start(params::resource(args)))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Up { unit: params::unit(args)?, manner: params::manner(args)? }))
    }
}

struct Up {
    unit: Unit,
    manner: Manner,
}

impl Step for Up {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let unit = self.unit.resolved(host)?;
        let state = unit.runnable(host)?;
        let is_up = matches!(state.active.as_str(), "active" | "reloading");
        if !is_up {
            return Ok(Probe::of(Prediction::change(format!("{unit} is {}; it is started", state.words()))));
        }
        Ok(match fresh::stale(host, &state, &[])? {
            Some(why) => {
                let along = params::along(&unit.others_that_are_up(host, &[])?);
                Probe::of(Prediction::change(format!("{unit} is restarted: {why}{along}")))
            }
            None => Probe::of(Prediction::no_change(format!("{unit} is up, {}", state.words())))
                .with(params::up(&unit, &state)),
        })
    }

    fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        self.unit.lacks(host, failed)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.unit.resolved(work.host)?.remember(work)
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let unit = self.unit.resolved(work.host)?;
        fresh::settled(work.host, &unit.runnable(work.host)?, &[])?;
        // What ran when this step began is older than what lies before it, or somebody else's.
        let before = Before::read(undo)?;
        let rise = if before.as_ref().is_some_and(|before| before.alive) { Rise::Anew } else { Rise::Start };
        let state = unit.bring_up(work, self.manner, rise, &[])?;
        let meanwhile = match before.is_some_and(|before| before.is_foreign()) {
            true => "; somebody else had started it meanwhile, and it was started again",
            false => "",
        };
        let said = format!("{unit} is up, {}{meanwhile}", state.words());
        Ok(Done::saying(said).with(params::up(&unit, &state)))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let unit = self.unit.resolved(host)?;
        let state = unit.runnable(host)?;
        let before = Before::read(undo)?;
        if state.active == "active" || state.active == "reloading" {
            let old = before.is_some_and(|before| before.alive && !before.was_replaced(&state));
            return Ok(match old {
                true => Confirmation::NotThere(format!("{unit} still is what it was before, {}", state.words())),
                false => Confirmation::There,
            });
        }
        let replaced = before.is_some_and(|before| before.was_replaced(&state));
        Ok(match state.has_run() {
            true if replaced => Confirmation::There,
            // systemd remembers nothing of a command that is over and that it has unloaded.
            true if state.invocation.is_empty() => Confirmation::CannotTell,
            _ => Confirmation::NotThere(format!("{unit} is {}", state.words())),
        })
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.unit.take_back(phase, work, undo, self.manner, true)
    }

    fn keep_down_again(&self, work: &Work<'_>, undo: &Json) -> Result<(), Failure> {
        self.unit.keep_down_again(work, undo, self.manner)
    }

    fn find(&self, host: &Reader) -> Result<Json, Failure> {
        self.unit.find(host)
    }

    fn revive(&self, work: &Work<'_>, found: &Json) -> Result<String, Failure> {
        self.unit.revive(work, found, self.manner)
    }

    fn close(&self, work: &Work<'_>, undo: &Json) -> Result<Option<ServiceSeen>, Failure> {
        self.unit.close(work, undo).map(Some)
    }
}

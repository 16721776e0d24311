//! `systemd.start`: a unit that is up and stays up. Undo makes it run as before, or not at all.

use super::params::{self, OUTPUTS};
use crate::host::Reader;
use crate::systemd::{Before, Manner, Unit};
use crate::{Args, Confirmation, Done, Kind, KindDoc, Probe, Step, Work};
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Prediction, Resource, Role, UndoPhase};
use serde_json::Value as Json;
use std::borrow::Cow;

/// The kind.
pub(crate) struct Start;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("systemd.start"),
    summary: Cow::Borrowed("Starts a unit of systemd"),
    text: Cow::Borrowed(
        "systemd is asked for a job over D-Bus, and the job's own result is waited for; where there is no bus, \
         `systemctl` waits for it. Then the unit has to be active, and for as long as `settle` its main process has to \
         stay the same and systemd must not start it again by itself: a `Type=simple` service counts as started for \
         systemd when it has only been forked. A command (`Type=oneshot`) has to end well. If it does not, the failure \
         tells systemd's result, the exit status and the last lines that the journal has of that invocation. A unit \
         that is up is left alone. Undo stops a unit that was down; what it pulled in by `Requires=` or `Wants=` stays up.",
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
        let unit = &self.unit;
        let state = unit.runnable(host)?;
        Ok(match state.active.as_str() {
            "active" | "reloading" => Probe::of(Prediction::no_change(format!("{unit} is up, {}", state.words())))
                .with(params::up(unit, &state)),
            _ => Probe::of(Prediction::change(format!("{unit} is {}; it is started", state.words()))),
        })
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.unit.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let state = self.unit.start(work.host, self.manner)?;
        Ok(Done::saying(format!("{} is up, {}", self.unit, state.words())).with(params::up(&self.unit, &state)))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let state = self.unit.runnable(host)?;
        if state.active == "active" || state.active == "reloading" {
            return Ok(Confirmation::There);
        }
        let replaced = Before::read(undo)?.is_some_and(|before| before.was_replaced(&state));
        Ok(match state.has_run() {
            true if replaced => Confirmation::There,
            // systemd remembers nothing of a command that is over and that it has unloaded.
            true if state.invocation.is_empty() => Confirmation::CannotTell,
            _ => Confirmation::NotThere(format!("{} is {}", self.unit, state.words())),
        })
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.unit.take_back(phase, work, undo, self.manner, true)
    }
}

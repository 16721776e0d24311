//! `systemd.restart`: a unit that runs what is on the disk now. Undo starts the old program, once it is put back.

use super::fresh;
use super::params::{self, OUTPUTS};
use crate::systemd::{Before, Manner, Rise, Unit, UnitState};
use runbook_host::Reader;
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Prediction, Resource, Role, ServiceSeen, UndoPhase,
};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, Lack, Param, ParamType, Probe, Step, Work};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::path::PathBuf;

/// The kind.
pub struct Restart;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("systemd.restart"),
    summary: Cow::Borrowed("Restarts a unit of systemd"),
    text: Cow::Borrowed(
        "One job brings the unit down and up, with the units that go down with it; it is up as with `systemd.start`, \
         and no process of before may be left. There is nothing to do if its main process was started after everything \
         that it executes was last changed: the programs and scripts of ExecStart=, the packages that they belong to, \
         the unit's own files, its environment files, and the paths in `watch`. A unit that is down is started; one \
         without a main process is always restarted. In a rollback it is first stopped, and started again when \
         everything else is back.",
    ),
    params: Cow::Borrowed(&[
        params::UNIT,
        params::USER,
        params::SETTLE,
        params::LEAVE_PROCESSES,
        Param::optional("watch", ParamType::Paths, "More files and directories whose change calls for a restart"),
    ]),
    outputs: Cow::Borrowed(OUTPUTS),
    open_outputs: false,
    example: Cow::Borrowed(
        "- id: restart\n  uses: systemd.restart\n  with:\n    unit: gateway.service\n    watch: [/srv/app]\n",
    ),
};

impl Kind for Restart {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let declaration =
            params::attendant(args).reads(Resource::UnknownPath).role(Role::Restart(params::resource(args)));
        args.path_resources("watch").into_iter().fold(declaration, Declaration::reads)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let watch = args.maybe::<Vec<PathBuf>>("watch")?.unwrap_or_default();
        Ok(Box::new(Again { unit: params::unit(args)?, manner: params::manner(args)?, watch }))
    }
}

struct Again {
    unit: Unit,
    manner: Manner,
    watch: Vec<PathBuf>,
}

impl Again {
    fn prediction(&self, host: &Reader, unit: &Unit, state: &UnitState) -> Result<Prediction, Failure> {
        if !state.is_up() {
            return Ok(Prediction::change(format!("{unit} is {}; it is started", state.words())));
        }
        let along = params::along(&unit.others_that_are_up(host, &[])?);
        if state.active != "active" || state.main_pid.is_none() {
            return Ok(Prediction::change(format!("{unit} is {}; it is restarted{along}", state.words())));
        }
        Ok(match fresh::stale(host, state, &self.watch)? {
            None => Prediction::no_change(format!("{unit} runs what is on the disk, {}", state.words())),
            Some(why) => Prediction::change(format!("{unit} is restarted: {why}{along}")),
        })
    }
}

impl Step for Again {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let unit = self.unit.resolved(host)?;
        let state = unit.runnable(host)?;
        let prediction = self.prediction(host, &unit, &state)?;
        let outputs = if prediction.is_no_change() { params::up(&unit, &state) } else { Default::default() };
        Ok(Probe::of(prediction).with(outputs))
    }

    fn lacks(&self, host: &Reader, failed: Option<&Failure>) -> Vec<Lack> {
        self.unit.lacks(host, failed)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.unit.resolved(work.host)?.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let unit = self.unit.resolved(work.host)?;
        fresh::settled(work.host, &unit.runnable(work.host)?, &self.watch)?;
        let state = unit.bring_up(work, self.manner, Rise::Anew, &[])?;
        Ok(Done::saying(format!("{unit} is up, {}", state.words())).with(params::up(&unit, &state)))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let unit = self.unit.resolved(host)?;
        let state = unit.runnable(host)?;
        let replaced = Before::read(undo)?.is_none_or(|before| before.was_replaced(&state));
        Ok(match (state.active.as_str(), replaced) {
            ("active" | "reloading", true) => Confirmation::There,
            (_, true) if state.has_run() => Confirmation::There,
            (_, false) if state.has_run() && state.invocation.is_empty() => Confirmation::CannotTell,
            (_, true) => Confirmation::NotThere(format!("{unit} is {}", state.words())),
            (_, false) => Confirmation::NotThere(format!("{unit} still is what it was before, {}", state.words())),
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

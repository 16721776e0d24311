//! `systemd.restart`: a unit that runs what is on the disk now. Undo starts the old program, once it is put back.

use super::params::{self, OUTPUTS};
use crate::freshness::{Executes, newer_than, settle};
use crate::host::Reader;
use crate::systemd::{Before, Manner, Unit, UnitState};
use crate::{Args, Confirmation, Done, Kind, KindDoc, Param, ParamType, Probe, Step, Work};
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Prediction, Resource, Role, UndoPhase};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct Restart;

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
    /// The first thing found that was changed after the main process was started.
    fn newer(&self, host: &Reader, state: &UnitState, started_ns: u64) -> Result<Option<PathBuf>, Failure> {
        let files = self.watched(state);
        for argv in &state.exec_start {
            let newer = newer_than(host, executes(argv, state), &files, started_ns)?;
            if newer.is_some() {
                return Ok(newer);
            }
        }
        Ok(None)
    }

    fn watched(&self, state: &UnitState) -> Vec<PathBuf> {
        let environment = state.get("EnvironmentFiles").split(" (ignore_errors=").map(|part| {
            // `/etc/a (ignore_errors=no) /etc/b (ignore_errors=yes)`
            part.split_once(") ").map_or(part, |(_, path)| path)
        });
        let environment = environment.filter(|path| path.starts_with('/')).map(PathBuf::from);
        self.watch
            .iter()
            .cloned()
            .chain(state.fragment.clone())
            .chain(state.drop_ins.clone())
            .chain(environment)
            .collect()
    }

    fn prediction(&self, host: &Reader, state: &UnitState) -> Result<Prediction, Failure> {
        let unit = &self.unit;
        if !state.is_up() {
            return Ok(Prediction::change(format!("{unit} is {}; it is started", state.words())));
        }
        let along = params::along(&unit.others_that_are_up(host)?);
        let main = match state.main_pid {
            Some(pid) => host.process(pid)?.map(|process| process.identity),
            None => None,
        };
        let Some(main) = main.filter(|_| state.active == "active") else {
            return Ok(Prediction::change(format!("{unit} is {}; it is restarted{along}", state.words())));
        };
        if state.needs_reload {
            let why = "its files were changed, and systemd has not read them";
            return Ok(Prediction::change(format!("{unit} is restarted: {why}{along}")));
        }
        Ok(match self.newer(host, state, host.started_ns(&main))? {
            None => Prediction::no_change(format!("{unit} runs what is on the disk, {main}")),
            Some(path) => {
                let why = format!("{} was changed after {main} was started", path.display());
                Prediction::change(format!("{unit} is restarted: {why}{along}"))
            }
        })
    }
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

impl Step for Again {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let state = self.unit.runnable(host)?;
        let prediction = self.prediction(host, &state)?;
        let outputs = if prediction.is_no_change() { params::up(&self.unit, &state) } else { Default::default() };
        Ok(Probe::of(prediction).with(outputs))
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.unit.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let state = self.unit.runnable(work.host)?;
        for argv in &state.exec_start {
            settle(work.host, executes(argv, &state), &self.watched(&state))?;
        }
        let state = self.unit.restart(work.host, self.manner)?;
        Ok(Done::saying(format!("{} is up, {}", self.unit, state.words())).with(params::up(&self.unit, &state)))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let unit = &self.unit;
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
}

//! `launchd.kickstart`: a job that runs what is on the disk now. Undo starts the old program, once it is put back.

use super::params::{self, OUTPUTS};
use crate::freshness::{Executes, newer_than, settle};
use crate::launchd::{Before, Definition, Job, JobState, Manner};
use runbook_host::Reader;
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Prediction, Resource, Role, ServiceSeen, UndoPhase,
};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, Param, ParamType, Probe, Step, Work};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The kind.
pub struct Kickstart;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("launchd.kickstart"),
    summary: Cow::Borrowed("Restarts a job of launchd"),
    text: Cow::Borrowed(
        "`launchctl kickstart -k` ends the process and starts it anew; it is up as with `launchd.bootstrap`, and no \
         process of before may be left. There is nothing to do if its process was started after everything that it \
         executes was last changed: its program and script, the package that they belong to, and the paths in `watch`. The job has to be loaded; if \
         its property list was changed since, the step is refused: a restart does not read it, `launchd.bootout` and \
         `launchd.bootstrap` do. A program that is replaced by a plan should be down meanwhile, with the same two: between \
         a restart and the moment before it, launchd may start whatever is there. In a rollback the job is first ended, so \
         that launchd does not start it by itself, and loaded again when everything else is back.",
    ),
    params: Cow::Borrowed(&[
        params::LABEL,
        params::DOMAIN,
        params::SETTLE,
        params::LEAVE_PROCESSES,
        Param::optional("watch", ParamType::Paths, "More files and directories whose change calls for a restart"),
    ]),
    outputs: Cow::Borrowed(OUTPUTS),
    open_outputs: false,
    example: Cow::Borrowed(
        "- id: restart\n  uses: launchd.kickstart\n  with:\n    label: com.example.gateway\n    domain: gui/501\n    watch: [/srv/app]\n",
    ),
};

impl Kind for Kickstart {
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
        Ok(Box::new(Again { job: params::job(args)?, manner: params::manner(args)?, watch }))
    }
}

struct Again {
    job: Job,
    manner: Manner,
    watch: Vec<PathBuf>,
}

impl Again {
    /// Its state, if a restart is what brings it up to date.
    fn restartable(&self, host: &Reader) -> Result<(JobState, Option<PathBuf>), Failure> {
        let state = self.job.loaded(host)?;
        let definition = match &state.plist {
            Some(plist) => Definition::at(host, plist)?,
            None => None,
        };
        let Some(definition) = definition else { return Ok((state, None)) };
        if let Some(what) = state.differs(&definition) {
            let message = format!("{} is loaded with another {what} than its property list says by now", self.job);
            return Err(Failure::refused(message)
                .hint("a restart does not read it: use `launchd.bootout` and `launchd.bootstrap`"));
        }
        Ok((state, definition.working_directory))
    }

    fn prediction(&self, host: &Reader, state: &JobState, cwd: Option<&Path>) -> Result<Prediction, Failure> {
        let job = &self.job;
        let Some(main) = Job::main(host, state)? else {
            return Ok(Prediction::change(format!("{job} is {}; it is started", state.words())));
        };
        Ok(match newer_than(host, executes(state, cwd), &self.watch, host.started_ns(&main))? {
            None => Prediction::no_change(format!("{job} runs what is on the disk, {main}")),
            Some(path) => Prediction::change(format!(
                "{job} is restarted: {} was changed after {main} was started",
                path.display()
            )),
        })
    }
}

pub(super) fn executes<'a>(state: &'a JobState, cwd: Option<&'a Path>) -> Executes<'a> {
    Executes {
        program: Path::new(state.arguments.first().map_or("", String::as_str)),
        arguments: state.arguments.get(1..).unwrap_or_default(),
        cwd: cwd.unwrap_or(Path::new("/")),
    }
}

impl Step for Again {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let (state, cwd) = self.restartable(host)?;
        let prediction = self.prediction(host, &state, cwd.as_deref())?;
        let known = prediction.is_no_change();
        let outputs = if known { params::outputs(&self.job, host, Some(&state)) } else { Default::default() };
        Ok(Probe::of(prediction).with(outputs))
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.restartable(work.host)?;
        self.job.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let (state, cwd) = self.restartable(work.host)?;
        settle(work.host, executes(&state, cwd.as_deref()), &self.watch)?;
        let state = self.job.restart(work.host, self.manner)?;
        let done = Done::saying(format!("{} is up, {}", self.job, state.words()));
        Ok(done.with(params::outputs(&self.job, work.host, Some(&state))))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let job = &self.job;
        let state = job.loaded(host)?;
        let before = Before::read(undo)?.and_then(|before| before.main);
        let main = Job::main(host, &state)?;
        Ok(match (&main, &before) {
            (Some(main), Some(before)) if main == before => {
                Confirmation::NotThere(format!("{job} still is what it was before, {}", state.words()))
            }
            (Some(_), _) => Confirmation::There,
            (None, _) if state.has_run() => Confirmation::CannotTell,
            (None, _) => Confirmation::NotThere(format!("{job} is {}", state.words())),
        })
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.job.take_back(phase, work, undo, self.manner, true)
    }

    fn close(&self, work: &Work<'_>, _: &Json) -> Result<Option<ServiceSeen>, Failure> {
        self.job.seen(work.host).map(Some)
    }
}

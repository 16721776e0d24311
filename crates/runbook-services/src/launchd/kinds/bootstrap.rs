//! `launchd.bootstrap`: a job that is loaded, and runs if its property list says so. Undo ends it again.

use super::kickstart::executes;
use super::params::{self, OUTPUTS};
use crate::freshness::newer_than;
use crate::launchd::{Before, Definition, Job, JobState, Manner};
use runbook_host::Reader;
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Prediction, Resource, Role, ServiceSeen, UndoPhase,
};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, Probe, Step, Work};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::path::PathBuf;

/// The kind.
pub struct Bootstrap;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("launchd.bootstrap"),
    summary: Cow::Borrowed("Loads a job of launchd, and starts it if its property list says so"),
    text: Cow::Borrowed(
        "It is done when launchd has the job and, with `RunAtLoad` or `KeepAlive`, a process of it has stayed the same for \
         as long as `settle`, or it is a command that ended well and is not always \
         started again. launchd refuses a label for some seconds after its \
         job was ended; that is waited for. Where a domain holds the start back, the job is started with `kickstart`. If \
         it does not stay up, the failure tells how it ended and the last lines of its output files. There is nothing to \
         do if it is loaded as its property list says. One that was loaded from something else is refused: \
         launchd reads a property list only when it loads it, so `launchd.bootout` has to come first. One that is \
         disabled is refused as well. One whose process is older than what it executes, or than what the plan changed before this \
         step, is restarted. Undo ends a job that was not loaded.",
    ),
    params: Cow::Borrowed(&[params::LABEL, params::DOMAIN, params::PLIST, params::SETTLE]),
    outputs: Cow::Borrowed(OUTPUTS),
    open_outputs: false,
    example: Cow::Borrowed(
        "- id: start\n  uses: launchd.bootstrap\n  with: { label: com.example.gateway, domain: gui/501 }\n",
    ),
};

impl Kind for Bootstrap {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        // What it executes is known to launchd alone.
        let declaration =
            params::attendant(args).reads(Resource::UnknownPath).role(Role::Start(params::resource(args)));
        params::plists(args).into_iter().fold(declaration, Declaration::reads)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Up { job: params::job(args)?, plist: params::plist(args)?, manner: params::manner(args)? }))
    }
}

struct Up {
    job: Job,
    plist: Option<PathBuf>,
    manner: Manner,
}

/// What there is to do.
enum Todo {
    Nothing(JobState),
    Start(JobState),
    /// It runs, and is older than this file.
    Renew(JobState, PathBuf),
    Load,
}

impl Up {
    fn todo(&self, host: &Reader) -> Result<(PathBuf, Todo), Failure> {
        let job = &self.job;
        let plist = job.plist(host, self.plist.as_deref())?;
        let state = job.state(host)?;
        let definition = Definition::of(host, &plist, &job.label)?;
        let Some(state) = state else {
            job.refuse_disabled(host, &definition)?;
            return Ok((plist, Todo::Load));
        };
        let other = match &state.plist {
            Some(loaded) if host.canonical(loaded)? != host.canonical(&plist)? => Some("path"),
            _ => state.differs(&definition),
        };
        if let Some(what) = other {
            let message = format!("{job} is loaded with another {what} than {} says", plist.display());
            return Err(Failure::refused(message).hint(
                "launchd reads a property list when it loads it: put a `launchd.bootout` of the job before this step",
            ));
        }
        let is_up = state.pid.is_some() || !definition.starts_when_loaded || (state.has_run() && !definition.respawns);
        if !is_up {
            return Ok((plist, Todo::Start(state)));
        }
        let newer = match Job::main(host, &state)? {
            Some(main) => {
                let cwd = definition.working_directory.as_deref();
                newer_than(host, executes(&state, cwd), &[], host.started_ns(&main))?
            }
            None => None,
        };
        Ok((
            plist,
            match newer {
                Some(newer) => Todo::Renew(state, newer),
                None => Todo::Nothing(state),
            },
        ))
    }
}

impl Step for Up {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let job = &self.job;
        Ok(match self.todo(host)? {
            (_, Todo::Nothing(state)) => Probe::of(Prediction::no_change(format!(
                "{job} is loaded, {}",
                state.words()
            )))
            .with(params::outputs(job, host, Some(&state))),
            (_, Todo::Start(state)) => {
                Probe::of(Prediction::change(format!("{job} is loaded, {}; it is started", state.words())))
            }
            (_, Todo::Renew(state, newer)) => Probe::of(Prediction::change(format!(
                "{job} is restarted: {} was changed after its process was started ({})",
                newer.display(),
                state.words()
            ))),
            (plist, Todo::Load) => {
                Probe::of(Prediction::change(format!("{job} is not loaded; it is loaded from {}", plist.display())))
            }
        })
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.todo(work.host)?;
        self.job.remember(work)
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        let (job, host) = (&self.job, work.host);
        let before = Before::read(undo)?.and_then(|before| before.main);
        // A process that ran when this step began is older than what was changed before it.
        let is_old = |state: &JobState| Ok::<_, Failure>(before.is_some() && Job::main(host, state)? == before);
        let state = match self.todo(host)? {
            (_, Todo::Nothing(state)) if !is_old(&state)? => state,
            (_, Todo::Nothing(_) | Todo::Renew(..)) => job.restart(host, self.manner)?,
            (_, Todo::Start(_)) => job.start(host, self.manner)?,
            (plist, Todo::Load) => job.bootstrap(host, &plist, self.manner)?,
        };
        let done = Done::saying(format!("{job} is loaded, {}", state.words()));
        Ok(done.with(params::outputs(job, host, Some(&state))))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let (job, before) = (&self.job, Before::read(undo)?.and_then(|before| before.main));
        Ok(match self.todo(host)? {
            (_, Todo::Nothing(state)) if before.is_some() && Job::main(host, &state)? == before => {
                Confirmation::NotThere(format!("{job} still is what it was before, {}", state.words()))
            }
            (_, Todo::Nothing(_)) => Confirmation::There,
            (_, Todo::Start(state) | Todo::Renew(state, _)) => {
                Confirmation::NotThere(format!("{job} is {}", state.words()))
            }
            (_, Todo::Load) => Confirmation::NotThere(format!("{job} is not loaded")),
        })
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.job.take_back(phase, work, undo, self.manner, true)
    }

    fn close(&self, work: &Work<'_>, _: &Json) -> Result<Option<ServiceSeen>, Failure> {
        self.job.seen(work.host).map(Some)
    }
}

//! A job as a service that is started, restarted and stopped: loaded, started anew, ended and forgotten.

use super::params;
use crate::freshness::{Executes, newer_than, wait_for_clock};
use crate::launchd::{Before, Definition, Job, JobState};
use crate::managed::{ManagedService, Motion};
use crate::manner::Manner;
use runbook_host::{Identity, Reader};
use runbook_model::{Diagnostic, Diagnostics, Effect, Failure, Prediction, Resource};
use runbook_step::{Args, Confirmation, Done, Probe, Work};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// How a job is wanted.
pub struct Wanted {
    manner: Manner,
    /// Its property list, where that is not in the usual place.
    plist: Option<PathBuf>,
    /// What else has to be older than its process.
    watch: Vec<PathBuf>,
}

/// What there is to do to have a job up.
enum Todo {
    /// It is as wanted; its process, if it has one.
    Nothing(JobState, Option<Identity>),
    Start(JobState),
    /// It runs, as this process, and that is older than this file.
    Renew(JobState, Identity, PathBuf),
    /// It is loaded from this property list.
    Load(PathBuf),
}

impl ManagedService for Job {
    type Wanted = Wanted;

    fn check(args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
    }

    fn bind(args: &Args<'_>, _: Motion) -> Result<(Self, Wanted), Diagnostic> {
        let watch = args.maybe("watch")?.unwrap_or_default();
        Ok((params::job(args)?, Wanted { manner: Manner::of(args)?, plist: params::plist(args)?, watch }))
    }

    fn manner(wanted: &Wanted) -> Manner {
        wanted.manner
    }

    fn resource(args: &Args<'_>) -> Resource {
        params::resource(args)
    }

    fn effects(args: &Args<'_>, motion: Motion) -> Vec<Effect> {
        let plists = if motion == Motion::Start { params::plists(args) } else { Vec::new() };
        // What it executes is known to launchd alone.
        let executed = (motion != Motion::Stop).then_some(Resource::UnknownPath);
        executed.into_iter().chain(plists).map(Effect::read).collect()
    }

    fn foresee(&self, host: &Reader, wanted: &Wanted, motion: Motion) -> Result<Probe, Failure> {
        if motion == Motion::Stop {
            let prediction = match self.state(host)? {
                None => Prediction::no_change(format!("{self} is not loaded")),
                Some(state) => Prediction::change(format!("{self} is {}; it is ended", state.words())),
            };
            return Ok(Probe::of(prediction).with(params::outputs(self, host, None)));
        }
        let restart = motion == Motion::Restart;
        Ok(Probe::of(Prediction::change(match self.todo(host, wanted, motion)? {
            Todo::Nothing(state, main) => {
                let how = match main.filter(|_| restart) {
                    Some(main) => format!("runs what is on the disk, {main}"),
                    None => format!("is loaded, {}", state.words()),
                };
                let outputs = params::outputs(self, host, Some(&state));
                return Ok(Probe::of(Prediction::no_change(format!("{self} {how}"))).with(outputs));
            }
            Todo::Start(state) if restart => format!("{self} is {}; it is started", state.words()),
            Todo::Start(state) => format!("{self} is loaded, {}; it is started", state.words()),
            Todo::Renew(_, main, newer) if restart => {
                format!("{self} is restarted: {} was changed after {main} was started", newer.display())
            }
            Todo::Renew(state, _, newer) => format!(
                "{self} is restarted: {} was changed after its process was started ({})",
                newer.display(),
                state.words()
            ),
            Todo::Load(plist) => format!("{self} is not loaded; it is loaded from {}", plist.display()),
        })))
    }

    fn refusal(&self, host: &Reader, wanted: &Wanted, motion: Motion) -> Result<(), Failure> {
        match motion {
            Motion::Stop => Ok(()),
            Motion::Restart => self.restartable(host).map(drop),
            Motion::Start => self.todo(host, wanted, motion).map(drop),
        }
    }

    fn go(&self, work: &Work<'_>, wanted: &Wanted, motion: Motion, undo: &Json) -> Result<Done, Failure> {
        let (host, manner) = (work.host, wanted.manner);
        let (state, said) = match motion {
            Motion::Stop => {
                self.bootout(host, manner)?;
                (None, format!("{self} is not loaded"))
            }
            Motion::Restart => {
                let (state, cwd) = self.restartable(host)?;
                wait_for_clock(host, executes(&state, cwd.as_deref()), &wanted.watch)?;
                let state = self.restart(host, manner)?;
                let said = format!("{self} is up, {}", state.words());
                (Some(state), said)
            }
            Motion::Start => {
                let before = Before::read(undo)?.and_then(|before| before.main);
                let state = match self.todo(host, wanted, motion)? {
                    // A process that ran when this step began is older than what was changed before it.
                    Todo::Nothing(state, main) if before.is_none() || main != before => state,
                    Todo::Nothing(..) | Todo::Renew(..) => self.restart(host, manner)?,
                    Todo::Start(_) => self.start(host, manner)?,
                    Todo::Load(plist) => self.bootstrap(host, &plist, manner)?,
                };
                let said = format!("{self} is loaded, {}", state.words());
                (Some(state), said)
            }
        };
        Ok(Done::saying(said).with(params::outputs(self, host, state.as_ref())))
    }

    fn went(
        &self,
        host: &Reader,
        wanted: &Wanted,
        motion: Motion,
        undo: &Json,
    ) -> Result<Option<Confirmation>, Failure> {
        let before = || Ok::<_, Failure>(Before::read(undo)?.and_then(|before| before.main));
        let (state, main, is_up) = match motion {
            Motion::Stop => return Ok(None),
            Motion::Restart => {
                let state = self.loaded(host)?;
                let main = Self::main(host, &state)?;
                let is_up = main.is_some();
                (state, main, is_up)
            }
            Motion::Start => match self.todo(host, wanted, motion)? {
                Todo::Nothing(state, main) => (state, main, true),
                Todo::Start(state) | Todo::Renew(state, ..) => (state, None, false),
                Todo::Load(_) => return Ok(Some(Confirmation::NotThere(format!("{self} is not loaded")))),
            },
        };
        Ok(Some(match is_up {
            true if main.is_some() && main == before()? => {
                Confirmation::NotThere(format!("{self} still is what it was before, {}", state.words()))
            }
            true => Confirmation::There,
            false if motion == Motion::Restart && state.has_run() => Confirmation::CannotTell,
            false => Confirmation::NotThere(format!("{self} is {}", state.words())),
        }))
    }
}

impl Job {
    fn todo(&self, host: &Reader, wanted: &Wanted, motion: Motion) -> Result<Todo, Failure> {
        let (state, cwd, may_rest) = if motion == Motion::Restart {
            let (state, cwd) = self.restartable(host)?;
            (state, cwd, false)
        } else {
            let plist = self.plist(host, wanted.plist.as_deref())?;
            let state = self.state(host)?;
            let definition = Definition::of(host, &plist, &self.label)?;
            let Some(state) = state else {
                self.refuse_disabled(host, &definition)?;
                return Ok(Todo::Load(plist));
            };
            self.refuse_other(host, &state, &plist, &definition)?;
            let is_over = state.has_run() && !definition.respawns;
            let may_rest = state.pid.is_some() || !definition.starts_when_loaded || is_over;
            (state, definition.working_directory, may_rest)
        };
        let Some(main) = Self::main(host, &state)? else {
            return Ok(if may_rest { Todo::Nothing(state, None) } else { Todo::Start(state) });
        };
        let newer = newer_than(host, executes(&state, cwd.as_deref()), &wanted.watch, host.started_ns(&main))?;
        Ok(match newer {
            Some(newer) => Todo::Renew(state, main, newer),
            None => Todo::Nothing(state, Some(main)),
        })
    }

    /// A refusal if what is loaded is not what the property list says.
    fn refuse_other(
        &self,
        host: &Reader,
        state: &JobState,
        plist: &Path,
        definition: &Definition,
    ) -> Result<(), Failure> {
        let other = match &state.plist {
            Some(loaded) if host.canonical(loaded)? != host.canonical(plist)? => Some("path"),
            _ => state.differs(definition),
        };
        let Some(what) = other else { return Ok(()) };
        let message = format!("{self} is loaded with another {what} than {} says", plist.display());
        Err(Failure::refused(message).hint(
            "launchd reads a property list when it loads it: put a `launchd.bootout` of the job before this step",
        ))
    }

    /// Its state and where it runs, if a restart is what brings it up to date.
    fn restartable(&self, host: &Reader) -> Result<(JobState, Option<PathBuf>), Failure> {
        let state = self.loaded(host)?;
        let definition = state.plist.as_deref().map(|plist| Definition::at(host, plist)).transpose()?.flatten();
        let Some(definition) = definition else { return Ok((state, None)) };
        if let Some(what) = state.differs(&definition) {
            let message = format!("{self} is loaded with another {what} than its property list says by now");
            return Err(Failure::refused(message)
                .hint("a restart does not read it: use `launchd.bootout` and `launchd.bootstrap`"));
        }
        Ok((state, definition.working_directory))
    }
}

fn executes<'a>(state: &'a JobState, cwd: Option<&'a Path>) -> Executes<'a> {
    Executes {
        program: Path::new(state.arguments.first().map_or("", String::as_str)),
        arguments: state.arguments.get(1..).unwrap_or_default(),
        cwd: cwd.unwrap_or(Path::new("/")),
    }
}

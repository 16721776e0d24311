//! `process.restart`: a service that runs what is on the disk now. Undo starts the old program, once it is put back.

use super::params::{self, OUTPUTS, Wanted};
use crate::freshness::{newer_than, settle};
use crate::process::{Life, Spec};
use runbook_host::Reader;
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Prediction, Purpose, Resource, Role, ServiceSeen, UndoPhase,
    UndoSource,
};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, Lack, Param, ParamType, Probe, Step, Work};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::path::PathBuf;

/// The kind.
pub struct ProcessRestart;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("process.restart"),
    summary: Cow::Borrowed("Restarts a service of the embedded supervisor"),
    text: Cow::Borrowed(
        "Brings the service down as `process.stop` does and up as `process.start` does, with the parameters that it \
         has; those that are given here replace them. There is nothing to do if the running process was started after \
         everything that it executes was last changed: its program, its script, the package that they belong to, and \
         the paths in `watch`. In a rollback the service is first brought down, and started again with its old \
         parameters when everything else is back.",
    ),
    params: Cow::Borrowed(&[
        params::NAME,
        Param::optional("run", ParamType::Argv, "The argument vector, if it changes"),
        params::CWD,
        params::ENV,
        params::LOG,
        params::RESTART,
        params::READY_PORT,
        params::READY_LOG,
        params::READY_WITHIN,
        params::GRACE,
        Param::optional("watch", ParamType::Paths, "More files and directories whose change calls for a restart"),
    ]),
    outputs: Cow::Borrowed(OUTPUTS),
    open_outputs: false,
    example: Cow::Borrowed(
        "- id: restart\n  uses: process.restart\n  with:\n    name: gateway\n    watch: [/srv/app]\n",
    ),
};

impl Kind for ProcessRestart {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let service = params::resource(args);
        let mut declaration = Declaration { purpose: Purpose::Attendant, ..Declaration::principal(UndoSource::Own) }
            .writes(service.clone())
            .role(Role::Restart(service));
        declaration = params::executed_paths(args).into_iter().fold(declaration, Declaration::reads);
        declaration = args.path_resources("watch").into_iter().fold(declaration, Declaration::reads);
        if args.given("run").is_none() {
            // What it executes is known to its spec on the host alone.
            declaration = declaration.reads(Resource::UnknownPath);
        }
        match args.peek::<u16>("ready_port").known() {
            Some(port) => declaration.writes(Resource::Port(port)),
            None => declaration,
        }
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let watch = args.maybe::<Vec<PathBuf>>("watch")?.unwrap_or_default();
        Ok(Box::new(Again { wanted: Wanted::bind(args)?, watch }))
    }
}

struct Again {
    wanted: Wanted,
    watch: Vec<PathBuf>,
}

impl Again {
    fn known(&self, host: &Reader) -> Result<Spec, Failure> {
        let service = &self.wanted.service;
        service.spec(host)?.ok_or_else(|| {
            Failure::missing(format!("there is no service `{}` to restart", service.name))
                .hint("start it with `process.start`, or correct `name`")
        })
    }

    fn spec(&self, host: &Reader) -> Result<(Spec, Spec), Failure> {
        let now = self.known(host)?;
        let wanted = self.wanted.changed(host, now.clone())?;
        Ok((now, wanted))
    }
}

impl Step for Again {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let service = &self.wanted.service;
        let name = &service.name;
        let (now, wanted) = self.spec(host)?;
        let life = service.life(host)?;
        let (Life::Running(process), Some(state)) = (&life, service.state(host)?) else {
            return Ok(Probe::of(Prediction::change(format!("`{name}` is {}; it is started", life.words()))));
        };
        let prediction = if now.runs_like(&wanted) {
            match newer_than(host, wanted.executes(), &self.watch, state.started_ns)? {
                None => Prediction::no_change(format!("`{name}` runs what is on the disk, {process}")),
                Some(path) => Prediction::change(format!(
                    "`{name}` is restarted: {} was changed after {process} was started",
                    path.display()
                )),
            }
        } else {
            Prediction::change(format!("`{name}` is restarted with other parameters"))
        };
        Ok(Probe::of(prediction).with(params::up(service, &wanted, &state)))
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        let service = &self.wanted.service;
        let unknown = self.known(host).err();
        let unknown = unknown.map(|failure| Lack::new(failure, [Resource::Process(service.name.clone())]));
        unknown.into_iter().chain(self.wanted.lacks(host)).collect()
    }

    fn can_take_back(&self, host: &Reader) -> Result<(), Failure> {
        self.wanted.service.can_come_back(host)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.wanted.service.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let service = &self.wanted.service;
        let (_, wanted) = self.spec(work.host)?;
        service.stop(work.host)?;
        settle(work.host, wanted.executes(), &self.watch)?;
        let state = service.start(work.host, &wanted)?;
        let pid = state.child.as_ref().map_or(0, |child| child.pid);
        Ok(Done::saying(format!("pid {pid}")).with(params::up(service, &wanted, &state)))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let service = &self.wanted.service;
        let life = service.life(host)?;
        Ok(match &life {
            Life::Running(_) if !service.was_replaced(host, undo)? => {
                Confirmation::NotThere(format!("`{}` still runs the process that it ran before", service.name))
            }
            Life::Running(_) => {
                let (now, wanted) = self.spec(host)?;
                if now.runs_like(&wanted) {
                    Confirmation::There
                } else {
                    Confirmation::NotThere(format!("`{}` does not run with these parameters yet", service.name))
                }
            }
            other => Confirmation::NotThere(format!("`{}` is {}", service.name, other.words())),
        })
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.wanted.service.take_back(phase, work, undo, true)
    }

    fn close(&self, work: &Work<'_>, _: &Json) -> Result<Option<ServiceSeen>, Failure> {
        self.wanted.service.seen(work.host).map(Some)
    }
}

//! `process.start`: a service that runs under the embedded supervisor. Undo makes it run as before, or not at all.

use super::params::{self, OUTPUTS, Wanted};
use crate::freshness::{newer_than, settle};
use crate::process::Life;
use runbook_host::Reader;
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Prediction, Purpose, Resource, Role, ServiceSeen, UndoPhase,
    UndoSource,
};
use runbook_step::{Args, Confirmation, Done, Kind, KindDoc, Lack, Param, ParamType, Probe, Step, Work};
use serde_json::Value as Json;
use std::borrow::Cow;

/// The kind.
pub struct ProcessStart;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("process.start"),
    summary: Cow::Borrowed("Starts a service on a host without an init system"),
    text: Cow::Borrowed(
        "The service runs under a small supervisor in a session of its own; it outlives `runbook` and is started again \
         when it fails, ten times in five minutes at most. Its processes are known by number and start time, so a \
         reused number is never taken for it. The step fails, with the last lines of the log, when the service ends \
         or does not come up within `ready_within`; then nothing of it is left running. Without `ready_port` and \
         `ready_log` it has to stay up for a moment, which proves little: verify it with `verify.signals`. A service \
         that runs with exactly these parameters is left alone if it was started after everything that it executes was last \
         changed, and after what the plan changed before this step; else it is restarted. Undo makes it \
         run with the parameters that it had, or not at all. `env` is kept in the state directory in a file that only \
         its owner may read.",
    ),
    params: Cow::Borrowed(&[
        params::NAME,
        Param::required("run", ParamType::Argv, "The argument vector; it must stay in the foreground"),
        params::CWD,
        params::ENV,
        params::LOG,
        params::RESTART,
        params::READY_PORT,
        params::READY_LOG,
        params::READY_WITHIN,
        params::GRACE,
    ]),
    outputs: Cow::Borrowed(OUTPUTS),
    open_outputs: false,
    example: Cow::Borrowed(
        "- id: start\n  uses: process.start\n  with:\n    name: gateway\n    run: [/srv/app/bin/gateway, --port, \"18789\"]\n    \
         cwd: /srv/app\n    ready_port: 18789\n",
    ),
};

impl Kind for ProcessStart {
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
            .role(Role::Start(service));
        declaration = params::executed_paths(args).into_iter().fold(declaration, Declaration::reads);
        match args.peek::<u16>("ready_port").known() {
            Some(port) => declaration.writes(Resource::Port(port)),
            None => declaration,
        }
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        args.need::<Vec<String>>("run")?;
        Ok(Box::new(Start(Wanted::bind(args)?)))
    }
}

struct Start(Wanted);

impl Step for Start {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let service = &self.0.service;
        let life = service.life(host)?;
        let (Life::Running(process), Some(state), Some(now)) = (&life, service.state(host)?, service.spec(host)?)
        else {
            let name = &service.name;
            return Ok(Probe::of(Prediction::change(match life {
                Life::Down => format!("`{name}` is started"),
                other => format!("`{name}` is {}; it is brought down and started", other.words()),
            })));
        };
        let outputs = params::up(service, &now, &state);
        let (name, wanted) = (&service.name, self.0.whole(host)?);
        let prediction = if !now.runs_like(&wanted) {
            Prediction::change(format!("`{name}` runs with other parameters, {process}; it is restarted"))
        } else if let Some(path) = newer_than(host, wanted.executes(), &[], state.started_ns)? {
            let path = path.display();
            Prediction::change(format!("`{name}` is restarted: {path} was changed after {process} was started"))
        } else {
            Prediction::no_change(format!("`{name}` runs, {process}"))
        };
        Ok(Probe::of(prediction).with(outputs))
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        self.0.lacks(host)
    }

    fn can_take_back(&self, host: &Reader) -> Result<(), Failure> {
        self.0.service.can_come_back(host)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.0.service.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let service = &self.0.service;
        let spec = self.0.whole(work.host)?;
        service.stop(work.host)?;
        settle(work.host, spec.executes(), &[])?;
        let state = service.start(work.host, &spec)?;
        let pid = state.child.as_ref().map_or(0, |child| child.pid);
        Ok(Done::saying(format!("pid {pid}")).with(params::up(service, &spec, &state)))
    }

    fn confirm(&self, host: &Reader, undo: &Json) -> Result<Confirmation, Failure> {
        let service = &self.0.service;
        let life = service.life(host)?;
        Ok(match (&life, service.spec(host)?) {
            (Life::Running(_), Some(now)) if !now.runs_like(&self.0.whole(host)?) => {
                Confirmation::NotThere(format!("`{}` does not run with these parameters yet", service.name))
            }
            (Life::Running(_), _) if !service.was_replaced(host, undo)? => {
                Confirmation::NotThere(format!("`{}` still runs the process that it ran before", service.name))
            }
            (Life::Running(_), _) => Confirmation::There,
            (other, _) => Confirmation::NotThere(format!("`{}` is {}", service.name, other.words())),
        })
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.0.service.take_back(phase, work, undo, true)
    }

    fn close(&self, work: &Work<'_>, _: &Json) -> Result<Option<ServiceSeen>, Failure> {
        self.0.service.seen(work.host).map(Some)
    }
}

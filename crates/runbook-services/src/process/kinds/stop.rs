//! `process.stop`: a service that is down with all of its processes. Undo makes it run again as before.

use super::params;
use crate::process::{Life, Service};
use runbook_host::Reader;
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Outputs, Prediction, Purpose, Role, SERVICE_KEY, ServiceSeen,
    UndoPhase, UndoSource, service_state,
};
use runbook_step::{Args, Done, Kind, KindDoc, OutputDoc, Probe, Step, Work};
use serde_json::Value as Json;
use std::borrow::Cow;

/// The kind.
pub struct ProcessStop;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("process.stop"),
    summary: Cow::Borrowed("Brings a service of the embedded supervisor down"),
    text: Cow::Borrowed(
        "TERM to the service's process group, KILL after the grace period that it was started with, and the step ends \
         only when none of its processes is left, those among them that put themselves in the background. If the \
         supervisor was killed, the processes are found by identity and by a mark in their environment. Undo makes the \
         service run again with the parameters that it had.",
    ),
    params: Cow::Borrowed(&[params::NAME]),
    outputs: Cow::Borrowed(&[OutputDoc { name: "service", help: "name and state (`down`), a map" }]),
    open_outputs: false,
    example: Cow::Borrowed("- id: stop\n  uses: process.stop\n  with: { name: gateway }\n"),
};

impl Kind for ProcessStop {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        params::check(args, found);
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let service = params::resource(args);
        Declaration { purpose: Purpose::Attendant, ..Declaration::principal(UndoSource::Own) }
            .writes(service.clone())
            .role(Role::Stop(service))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Stop(super::params::Wanted::bind(args)?.service)))
    }
}

struct Stop(Service);

impl Stop {
    fn outputs(&self) -> Outputs {
        Outputs::from_iter([(SERVICE_KEY.to_owned(), service_state(&self.0.name, false))])
    }
}

impl Step for Stop {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let name = &self.0.name;
        let prediction = match self.0.life(host)? {
            Life::Down if self.0.tree(host)?.is_empty() => Prediction::no_change(format!("`{name}` is down")),
            Life::Down => Prediction::change(format!("processes that `{name}` left behind are ended")),
            life => Prediction::change(format!("`{name}` is {}; it is brought down", life.words())),
        };
        Ok(Probe::of(prediction).with(self.outputs()))
    }

    fn can_take_back(&self, host: &Reader) -> Result<(), Failure> {
        self.0.can_come_back(host)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        self.0.remember(work)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        self.0.stop(work.host)?;
        Ok(Done::saying(format!("`{}` is down", self.0.name)).with(self.outputs()))
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        self.0.take_back(phase, work, undo, false)
    }

    fn close(&self, work: &Work<'_>, _: &Json) -> Result<Option<ServiceSeen>, Failure> {
        self.0.seen(work.host).map(Some)
    }
}

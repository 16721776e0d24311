//! Jobs about services that no step asked for: see `crate::services`.

use super::{JobContext, Worker};
use crate::input::Input;
use runbook_model::{Failure, ServiceSeen, StepId};
use runbook_step::Step;
use serde_json::Value as Json;
use std::sync::OnceLock;

/// What the process before this one kept down: steps with their undo data.
#[derive(Default)]
pub(crate) struct KeptDown {
    steps: Vec<(StepId, Json)>,
    again: OnceLock<Result<(), Failure>>,
}

impl KeptDown {
    pub(crate) fn by(steps: Vec<(StepId, Json)>) -> Self {
        Self { steps, again: OnceLock::new() }
    }
}

impl Worker {
    /// The boot of this host; empty where it has no name.
    pub(super) fn boot(&self) -> String {
        self.program.reader(self.state_dir.path()).boot().unwrap_or_default()
    }
}

impl JobContext<'_> {
    /// How the service of the step is before the first change. What cannot be known yet is not waited for.
    pub(super) fn find(&self, step: StepId) -> Input {
        let look = |bound: Box<dyn Step>| bound.service().map_or(Ok(None), |service| service.find(self.host.reader()));
        let found = self.bind_early().and_then(look);
        let (service, data) = found.ok().flatten().map(|found| (found.service, found.data)).unzip();
        Input::Found { step, service, data: data.unwrap_or(Json::Null), boot: self.worker.boot() }
    }

    /// Brings up a service that a boot left down.
    pub(super) fn revive(&self, step: StepId) -> Input {
        let boot = self.worker.boot();
        let result = if boot.is_empty() || boot == self.snapshot.found_in {
            Ok(String::new())
        } else {
            self.on_the_way_back().and_then(|(bound, context)| {
                let Some(service) = bound.service() else { return Ok(String::new()) };
                service.revive(&context.tools(&|note| context.say(note)), &self.snapshot.found)
            })
        };
        Input::Revived { step, result }
    }

    /// Lets go of the service, and reads it.
    pub(super) fn close(&self, step: StepId, service: String) -> Input {
        let back = self.on_the_way_back();
        let seen = back.and_then(|(bound, context)| {
            let Some(service) = bound.service() else { return Ok(ServiceSeen::unread("")) };
            service.close(&context.tools(&|note| context.say(note)), &self.snapshot.undo.data)
        });
        let seen = seen.unwrap_or_else(|failure| ServiceSeen::unread(format!("not read: {}", failure.message)));
        Input::Closed { step, service, seen }
    }

    /// Before the first job of this process that acts: what an earlier process of the run kept down, and could not once it
    /// had ended, is brought down again if others had it up meanwhile, and kept down.
    pub(super) fn keep_down_again(&self) -> Result<(), Failure> {
        let again = || {
            self.worker.kept_down.steps.iter().try_for_each(|(step, undo)| {
                let Some(def) = self.worker.program.step(step) else { return Ok(()) };
                let context = self.of(def, self.host.clone());
                let (bound, context) = context.on_the_way_back()?;
                let Some(service) = bound.service() else { return Ok(()) };
                service.keep_down_again(&context.tools(&|note| context.say(note)), undo)
            })
        };
        self.worker.kept_down.again.get_or_init(again).clone()
    }
}

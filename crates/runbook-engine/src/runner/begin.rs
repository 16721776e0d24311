//! How a new run begins.

use super::open::Known;
use super::{Runner, Settings};
use crate::input::Input;
use crate::mailbox::Mailbox;
use crate::worker::KeptDown;
use crate::{Error, Forecast, Observer, Program};
use runbook_journal::Lock;
use runbook_model::{Event, RunHeader, RunId, RunState};

impl Runner {
    /// Begins a new run. Its header, its plan and the forecast are durable when this returns.
    pub fn begin(
        settings: Settings,
        lock: Lock,
        program: Program,
        forecast: Forecast,
        run: RunId,
        observer: Box<dyn Observer>,
    ) -> Result<Self, Error> {
        settings.state_dir.create_below(&settings.state_dir.run(&run))?;
        let path = settings.state_dir.bundle(&run);
        let program = program.keep_in(path.clone()).map_err(|source| Error::Files { path, source })?;
        let header = header(&settings, &program, &run);
        let saved =
            serde_json::to_string(&program.saved).map_err(|source| Error::Saved { run: run.clone(), source })?;
        let Forecast { steps, outputs, secrets, .. } = forecast;
        let mut events = vec![Event::RunStarted(Box::new(header.clone()))];
        events.extend(steps.into_iter().map(|step| Event::Predicted {
            results: outputs.get(&step.step).cloned().unwrap_or_default(),
            step: step.step,
            prediction: step.prediction,
            needed: step.needed,
        }));
        let mailbox = Mailbox::open(&settings.state_dir, &run)?;
        let known = Known { mailbox, state: RunState::default(), secrets, outputs, kept_down: KeptDown::default() };
        let mut runner = Self::new(settings, lock, program, run, known, Input::Begin, observer)?;
        let records = runner.happen(events)?;
        #[cfg(debug_assertions)]
        runner.worker.faults.before_commit(0, records.len() as u64);
        runner.journal.begin(&header, &saved, &records)?;
        runner.publish(&records);
        runner.attend();
        Ok(runner)
    }
}

fn header(settings: &Settings, program: &Program, run: &RunId) -> RunHeader {
    let plan = program.plan();
    RunHeader {
        run: run.clone(),
        plan: plan.name.clone(),
        summary: plan.summary.clone(),
        digest: plan.digest.clone(),
        environment: plan.environment.clone(),
        steps: plan.steps.iter().map(|step| step.id.clone()).collect(),
        host: plan.host.name.clone(),
        user: settings.user.clone(),
        version: settings.version.clone(),
        format: RunHeader::FORMAT,
        hold_ms: settings.hold.map(|within| u64::try_from(within.as_millis()).unwrap_or(u64::MAX)),
    }
}

//! How a process takes a run up, and how it goes on with one that another process left.

use super::hand_ins::HandIns;
use super::questions::Questions;
use super::{Runner, Settings};
use crate::action::Action;
use crate::audience::Audience;
use crate::decide::decide;
use crate::input::Input;
use crate::mailbox::Mailbox;
use crate::secrets::Secrets;
use crate::undo_sources::Way;
use crate::worker::{KeptDown, Worker};
use crate::{Error, Observer, Program, leftovers};
use runbook_host::{Canceller, Running};
use runbook_journal::{Journal, Lock};
use runbook_model::{Approval, Event, Record, Results, RollbackCause, RunId, RunPhase, RunState, StepId, StepState};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::mpsc::unbounded_channel;

/// What a process knows of a run when it takes it up.
pub(super) struct Known {
    pub(super) mailbox: Mailbox,
    pub(super) state: RunState,
    pub(super) secrets: Secrets,
    pub(super) outputs: HashMap<StepId, Results>,
    pub(super) kept_down: KeptDown,
}

impl Runner {
    /// From here on it hears what it is told. Where that cannot be said, nobody tells it anything.
    pub(super) fn attend(&self) {
        if let Err(error) = self.lock.attend(&self.run) {
            tracing::warn!("others do not see who is at work on run {}: {error}", self.run);
        }
    }

    /// Goes on with a run that was interrupted, in the direction in which it went; or takes it back for the cause `back`.
    /// Ends what a crashed process left running first.
    pub fn reopen(
        settings: Settings,
        lock: Lock,
        program: Program,
        records: &[Record],
        run: RunId,
        back: Option<RollbackCause>,
        observer: Box<dyn Observer>,
    ) -> Result<Self, Error> {
        // What comes from now on is for this process.
        let mut mailbox = Mailbox::open(&settings.state_dir, &run)?;
        let approvals = mailbox.approvals();
        let damaged = |source| Error::Damaged { run: run.clone(), source };
        let state = RunState::replay(records).map_err(damaged)?;
        leftovers::end_leftovers(&settings.state_dir, &run);
        let version = settings.version.clone();
        let rolls_back = matches!(state.phase, RunPhase::RollingBack(_));
        let outputs = state.steps().map(|(step, known)| (step.clone(), known.usable_results().clone()));
        let outputs: HashMap<_, _> = outputs.filter(|(_, results)| *results != Results::default()).collect();
        if !rolls_back && (back.is_some() || state.verdict().is_none()) {
            let way = if back.is_some() { Way::Back } else { Way::On };
            let missing = program.missing(&state, &settings.state_dir, &run, way);
            match (missing.is_empty(), way) {
                (true, _) => {}
                (false, Way::Back) => return Err(Error::NoWayBack { run, missing: missing.join("; ") }),
                (false, Way::On) => return Err(Error::NoWayOn { run, missing: missing.join("; ") }),
            }
        }
        let intents = state.steps().filter_map(|(step, known)| Some((known.intent_seq?, step.clone()))).collect();
        let secrets = Secrets::going_on(program.plan(), &program.provider, &outputs);
        let kept_down = KeptDown::by(movers(&state, &program));
        let known = Known { mailbox, state, secrets, outputs, kept_down };
        let mut runner = Self::new(settings, lock, program, run, known, Input::Resume, observer)?;
        *runner.worker.intents.write().unwrap_or_else(PoisonError::into_inner) = intents;
        // Somebody else may have brought it to its end before this process had the lock.
        if runner.state.verdict().is_some() && back.is_none() {
            return Ok(runner);
        }
        let mut events = vec![Event::RunResumed { version }];
        events.extend(runner.approved_meanwhile(approvals));
        events.extend(back.filter(|_| !rolls_back).map(|cause| Event::RollbackStarted { cause }));
        let records = runner.happen(events)?;
        runner.commit(&records)?;
        runner.attend();
        Ok(runner)
    }

    /// What the approvals come to that were given while nobody held the run.
    fn approved_meanwhile(&self, approvals: Vec<(StepId, Approval)>) -> Vec<Event> {
        let execution = &self.worker.program.execution;
        let approved = approvals.into_iter().map(|(step, approval)| Input::Approved { step, approval });
        let actions = approved.flat_map(|input| decide(&self.state, execution, input));
        let event = |action| match action {
            Action::Record(event) => Some(event),
            Action::Start(_) | Action::Await(_) => None,
        };
        actions.filter_map(event).collect()
    }

    pub(super) fn new(
        settings: Settings,
        lock: Lock,
        mut program: Program,
        run: RunId,
        known: Known,
        first: Input,
        observer: Box<dyn Observer>,
    ) -> Result<Self, Error> {
        let journal = Journal::open(&settings.state_dir)?;
        settings.state_dir.create_below(&settings.state_dir.run(&run))?;
        let notes_file = settings.state_dir.running(&run);
        let running = Running::noted_in(&notes_file)
            .map_err(|source| runbook_journal::Error::StateDir { path: notes_file, source })?;
        let (say, notes) = unbounded_channel();
        let approved = |(step, known): (&StepId, &StepState)| Some((step.clone(), known.approval.clone()?));
        let approvals = known.state.steps().filter_map(approved).collect();
        let (leaving, leave) = Canceller::new();
        program.execution.patience = settings.patience;
        program.execution.handed_in = program.handed_in(&known.secrets, settings.handed_in_within);
        let worker = Worker {
            program,
            run: run.clone(),
            state_dir: settings.state_dir,
            own_program: settings.own_program,
            running,
            secrets: known.secrets,
            outputs: RwLock::new(known.outputs),
            kept_down: known.kept_down,
            intents: RwLock::default(),
            notes: say,
            approvals: RwLock::new(approvals),
            leaving: leave,
            others_ended: std::sync::Once::new(),
            #[cfg(debug_assertions)]
            faults: crate::faults::Faults::from_environment(),
        };
        let (canceller, cancel) = Canceller::new();
        Ok(Self {
            worker: Arc::new(worker),
            journal,
            state: known.state,
            run,
            notes,
            first,
            in_flight: 0,
            written: 0,
            canceller,
            cancel,
            waits: Canceller::new(),
            unstruck: Vec::new(),
            undo: HashMap::new(),
            marks: HashMap::new(),
            controls: settings.controls,
            mailbox: known.mailbox,
            questions: Questions::default(),
            hand_ins: HandIns::default(),
            leaving,
            lock,
            audience: Audience::of(observer)?,
        })
    }
}

/// The steps that moved a service, with their undo data, in the order of their intents.
fn movers(state: &RunState, program: &Program) -> Vec<(StepId, Json)> {
    let moves = |step| program.execution.schedule.plays(step, |role| role.moves().is_some());
    let touched = state.steps().filter(|(_, known)| known.status.may_have_touched());
    let mut movers: Vec<_> = touched.filter(|(step, _)| moves(step)).collect();
    movers.sort_by_key(|(_, known)| known.intent_seq);
    let undo = |known: &StepState| known.undo.clone().unwrap_or_default().data;
    movers.into_iter().map(|(step, known)| (step.clone(), undo(known))).collect()
}

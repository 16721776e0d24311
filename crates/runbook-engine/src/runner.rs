//! The loop around `decide`: append to the journal, apply to the state, tell the observer, start jobs, wait.
//!
//! Ctrl-C (or TERM) going forward: the first finishes what runs and leaves the run open, the second stops what runs and
//! follows `on_failure`, the third leaves at once. While something is taken back, the first two finish the undo that
//! runs and leave the run open, for half an undo is nowhere; the third leaves at once there too.

use crate::audience::Audience;
use crate::decide::{Action, Input, Job, decide};
use crate::relies::{Relies, missing};
use crate::secrets::{Secrets, struck};
use crate::worker::{Brief, Worker, fail};
use crate::{Asker, Error, Forecast, Interrupt, Observer, Program, forward, leftovers};
use runbook_journal::{Journal, Lock, StateDir};
use runbook_model::{
    Event, Failure, Outcome, Outputs, Record, RollbackCause, RunHeader, RunId, RunPhase, RunState, StepId, StepStatus,
};
use runbook_steps::host::{Cancel, Canceller, Running};
use runbook_steps::{BackupRef, Note};
use serde_json::Value as Json;
use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How often the observer is told that time passes.
const TICK: Duration = Duration::from_millis(100);

/// The Ctrl-C that leaves at once.
const LEAVES: u32 = 3;

/// What a run needs besides its plan.
pub struct Settings {
    /// Where the journal is.
    pub state_dir: StateDir,
    /// The `runbook` binary.
    pub own_program: PathBuf,
    /// The version of `runbook`.
    pub version: String,
    /// Who runs it.
    pub user: String,
    /// Who is asked where the evidence does not tell; nobody where nobody is there.
    pub asker: Option<Box<dyn Asker>>,
}

/// How a run was left.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Everything that is known of it. Without a verdict it is open: drained, or left at the third Ctrl-C.
    pub state: RunState,
    /// The operator left at once.
    pub left: bool,
}

/// One run of one plan on this host, held by this process.
pub struct Runner {
    worker: Arc<Worker>,
    journal: Journal,
    state: RunState,
    run: RunId,
    notes: UnboundedReceiver<(StepId, Note)>,
    first: Input,
    in_flight: usize,
    written: u64,
    canceller: Canceller,
    cancel: Cancel,
    /// Ends the pauses between attempts when there will be none.
    pauses: (Canceller, Cancel),
    /// What happened and is not on record yet, as it was before secrets were struck out of it.
    unstruck: Vec<Event>,
    /// Undo data and marks of this process, as they were before secrets were struck out of them.
    undo: HashMap<StepId, Json>,
    marks: HashMap<StepId, Json>,
    // Held until the run is left.
    _lock: Lock,
    // After the lock: nobody has to wait for a screen.
    audience: Audience,
}

/// What a process knows of a run when it takes it up.
struct Known {
    state: RunState,
    secrets: Secrets,
    outputs: HashMap<StepId, Outputs>,
}

/// What came in while waiting.
enum Wake {
    Done(Input),
    Note(StepId, Note),
    Interrupt,
    Tick,
}

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
        let header = header(&settings, &program, &run);
        let saved =
            serde_json::to_string(&program.saved).map_err(|source| Error::Saved { run: run.clone(), source })?;
        let Forecast { steps, outputs, secrets } = forecast;
        let mut events = vec![Event::RunStarted(Box::new(header.clone()))];
        events.extend(steps.into_iter().map(|step| Event::Predicted {
            outputs: outputs.get(&step.step).cloned().unwrap_or_default(),
            step: step.step,
            prediction: step.prediction,
            needed: step.needed,
        }));
        let known = Known { state: RunState::default(), secrets, outputs };
        let mut runner = Self::new(settings, lock, program, run, known, Input::Begin, observer)?;
        let records = runner.happen(events)?;
        #[cfg(debug_assertions)]
        runner.worker.faults.before_commit(0, records.len() as u64);
        runner.journal.begin(&header, &saved, &records)?;
        runner.publish(&records);
        Ok(runner)
    }

    /// Goes on with a run that was interrupted, in the direction in which it went; or, with `back`, takes it back. Ends
    /// what a crashed process left running first.
    pub fn reopen(
        settings: Settings,
        lock: Lock,
        program: Program,
        records: &[Record],
        run: RunId,
        back: bool,
        observer: Box<dyn Observer>,
    ) -> Result<Self, Error> {
        let damaged = |source| Error::Damaged { run: run.clone(), source };
        let state = RunState::replay(records).map_err(damaged)?;
        leftovers::end(&settings.state_dir.running(&run));
        let version = settings.version.clone();
        let rolls_back = matches!(state.phase, RunPhase::RollingBack(_));
        let outputs: HashMap<StepId, Outputs> = state
            .steps()
            .map(|(step, known)| (step.clone(), known.usable_outputs().clone()))
            .filter(|(_, outputs)| !outputs.is_empty())
            .collect();
        if back && !rolls_back {
            let missing = missing(&state, &program.course, &settings.state_dir, &run);
            if !missing.is_empty() {
                return Err(Error::NoWayBack { run, missing: missing.join("; ") });
            }
        }
        let intents = state.steps().filter_map(|(step, known)| Some((known.intent_seq?, step.clone()))).collect();
        let secrets = Secrets::going_on(program.plan(), outputs.iter());
        let known = Known { state, secrets, outputs };
        let mut runner = Self::new(settings, lock, program, run, known, Input::Resume, observer)?;
        *runner.worker.intents.write().unwrap_or_else(PoisonError::into_inner) = intents;
        // Somebody else may have brought it to its end before this process had the lock.
        if runner.state.verdict().is_some() && !back {
            return Ok(runner);
        }
        let mut events = vec![Event::RunResumed { version }];
        if back && !rolls_back {
            events.push(Event::RollbackStarted { cause: RollbackCause::Requested });
        }
        let records = runner.happen(events)?;
        runner.commit(&records)?;
        Ok(runner)
    }

    fn new(
        settings: Settings,
        lock: Lock,
        program: Program,
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
        let mut program = program;
        program.course.asks_for = settings.asker.as_ref().map(|asker| asker.patience());
        let worker = Worker {
            program,
            run: run.clone(),
            state_dir: settings.state_dir,
            own_program: settings.own_program,
            running,
            secrets: known.secrets,
            outputs: RwLock::new(known.outputs),
            intents: RwLock::default(),
            notes: say,
            asker: settings.asker,
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
            pauses: Canceller::new(),
            unstruck: Vec::new(),
            undo: HashMap::new(),
            marks: HashMap::new(),
            _lock: lock,
            audience: Audience::of(observer)?,
        })
    }

    /// Runs to a verdict, or until the operator drains or leaves.
    pub fn go(self) -> Result<Ending, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(Error::Start)?;
        let ending = runtime.block_on(self.turn());
        // Jobs that are still under way when the operator leaves must not hold the process.
        runtime.shutdown_background();
        ending
    }

    async fn turn(mut self) -> Result<Ending, Error> {
        let (done, mut inputs) = unbounded_channel();
        let mut interrupts = interrupts().map_err(Error::Start)?;
        let mut presses = 0;
        let first = std::mem::replace(&mut self.first, Input::Advance { idle: true });
        let mut broken = self.react(first, &done).err();
        loop {
            if self.in_flight == 0 {
                if let Some(error) = broken {
                    return Err(error);
                }
                if self.state.verdict().is_some() || self.react(Input::Advance { idle: true }, &done)? == 0 {
                    return Ok(Ending { state: self.state, left: false });
                }
                continue;
            }
            let wake = tokio::select! {
                Some(input) = inputs.recv() => Wake::Done(input),
                Some((step, note)) = self.notes.recv() => Wake::Note(step, note),
                Some(()) = interrupts.recv() => Wake::Interrupt,
                () = tokio::time::sleep(TICK) => Wake::Tick,
            };
            let result = match wake {
                Wake::Done(input) => {
                    self.in_flight -= 1;
                    tracing::debug!(run = %self.run, under_way = self.in_flight, "a job ended");
                    if broken.is_some() { Ok(()) } else { self.react(input, &done).map(drop) }
                }
                Wake::Note(step, Note::Doing(note)) => {
                    self.audience.progress(step, note);
                    Ok(())
                }
                Wake::Note(step, Note::Waits(waiting)) => {
                    let waits = Input::Waits { step, waiting };
                    if broken.is_some() { Ok(()) } else { self.react(waits, &done).map(drop) }
                }
                Wake::Tick => {
                    self.audience.tick(now_ms());
                    Ok(())
                }
                Wake::Interrupt => {
                    presses += 1;
                    if presses >= LEAVES {
                        self.audience.interrupted(Interrupt::Leaving);
                        leftovers::end(&self.worker.state_dir.running(&self.run));
                        return Ok(Ending { state: self.state, left: true });
                    }
                    let interrupted = self.interrupt(presses);
                    if broken.is_some() { Ok(()) } else { self.react(interrupted, &done).map(drop) }
                }
            };
            // A journal that fails starts nothing more; what is under way is waited for.
            broken = broken.or(result.err());
        }
    }

    fn interrupt(&mut self, presses: u32) -> Input {
        let goes_back = self.state.phase != RunPhase::Forward;
        let (meaning, input) = match presses {
            _ if goes_back => (Interrupt::Pausing { to_leave: LEAVES.saturating_sub(presses) }, Input::Drain),
            1 => (Interrupt::Draining, Input::Drain),
            _ => (Interrupt::Cancelling, Input::Cancel),
        };
        self.audience.interrupted(meaning);
        if meaning == Interrupt::Cancelling {
            self.canceller.cancel();
        }
        input
    }

    /// Reacts to one input, and then to what the records of the reaction make possible. All of it is one commit, and
    /// nothing starts before that. Returns how many actions there were.
    fn react(&mut self, input: Input, done: &UnboundedSender<Input>) -> Result<usize, Error> {
        let (mut records, mut jobs) = (Vec::new(), Vec::new());
        let mut actions = decide(&self.state, &self.worker.program.course, input);
        let mut count = 0;
        while !actions.is_empty() {
            count += actions.len();
            let mut events = Vec::new();
            for action in actions {
                match action {
                    Action::Record(event) => events.push(event),
                    Action::Start(job) => jobs.push(job),
                }
            }
            records.extend(self.happen(events)?);
            let idle = self.in_flight + jobs.len() == 0;
            actions = decide(&self.state, &self.worker.program.course, Input::Advance { idle });
        }
        self.commit(&records)?;
        if !forward::tries_again(&self.state, &self.worker.program.course) {
            self.pauses.0.cancel();
        }
        for job in jobs {
            self.start(job, done.clone());
        }
        Ok(count)
    }

    /// The events as records, which the state knows of from now on.
    fn happen(&mut self, events: Vec<Event>) -> Result<Vec<Record>, Error> {
        let records = self.number(events);
        for record in &records {
            self.state.apply(record).map_err(|source| Error::Damaged { run: self.run.clone(), source })?;
        }
        Ok(records)
    }

    fn number(&mut self, events: Vec<Event>) -> Vec<Record> {
        let at = now_ms();
        let record = |(seq, event): (u64, &Event)| Record { seq, at, event: self.worker.secrets.redact(event.clone()) };
        let records = (self.state.seq + 1..).zip(&events).map(record).collect();
        self.unstruck.extend(events);
        records
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        #[cfg(debug_assertions)]
        self.worker.faults.before_commit(self.written, records.len() as u64);
        self.journal.append(&self.run, records)?;
        self.publish(records);
        Ok(())
    }

    /// Tells the workers and the observer what is on record.
    fn publish(&mut self, records: &[Record]) {
        #[cfg(debug_assertions)]
        self.worker.faults.after_commit(self.written, records.len() as u64);
        self.written += records.len() as u64;
        for event in std::mem::take(&mut self.unstruck) {
            self.learn(event);
        }
        for record in records {
            if let Event::StepIntended { step, .. } = &record.event {
                let mut intents = self.worker.intents.write().unwrap_or_else(PoisonError::into_inner);
                intents.push((record.seq, step.clone()));
            }
            self.audience.record(record);
        }
    }

    /// Keeps in memory what later work needs with its secrets.
    fn learn(&mut self, event: Event) {
        match event {
            Event::StepFinished {
                step, outputs, outcome: Outcome::Unchanged { .. } | Outcome::Changed { .. }, ..
            } => {
                let mut known = self.worker.outputs.write().unwrap_or_else(PoisonError::into_inner);
                known.insert(step, outputs);
            }
            Event::StepIntended { step, undo } => drop(self.undo.insert(step, undo)),
            Event::BaselineTaken { step, marks, .. } => drop(self.marks.insert(step, marks)),
            _ => {}
        }
    }

    fn start(&mut self, job: Job, done: UnboundedSender<Input>) {
        self.in_flight += 1;
        tracing::debug!(run = %self.run, ?job, "start");
        let worker = Arc::clone(&self.worker);
        let brief = self.brief(job.step());
        // An undo is never cancelled half-way: a half-way back is nowhere.
        let takes_back = matches!(job, Job::TakeBack { .. }) || self.state.phase != RunPhase::Forward;
        let cancel = match job {
            // Neither is waited for once the run goes no further.
            Job::Pause { .. } | Job::Ask(_) => self.pauses.1.clone(),
            _ if takes_back => Canceller::new().1,
            _ => self.cancel.clone(),
        };
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let (lost, known) = (job.clone(), &brief);
            let work = AssertUnwindSafe(|| worker.work(job, known, &runtime, cancel));
            let input = catch_unwind(work).unwrap_or_else(|panic| fail(lost, known, failed_itself(panic.as_ref())));
            // The receiver is gone only when the operator left.
            let _ = done.send(input);
        });
    }

    fn brief(&self, step: &StepId) -> Brief {
        let known = self.state.step(step);
        let kept = known.and_then(|known| known.undo.as_ref());
        let plan = self.worker.program.plan();
        let struck_out = kept.filter(|_| !self.undo.contains_key(step)).into_iter().flat_map(|undo| struck(plan, undo));
        let marks = self.marks.get(step).or(known.map(|known| &known.marks));
        let (undo, relies) = Relies::of(self.undo.get(step).or(kept).cloned().unwrap_or(Json::Null));
        let (complete, backups) = self.backups().into_iter().unzip();
        Brief {
            undo,
            held: relies.held,
            struck: struck_out.map(str::to_owned).collect(),
            marks: marks.cloned().unwrap_or(Json::Null),
            baseline: known.and_then(|known| known.baseline.clone()).unwrap_or_default(),
            complete,
            backups,
        }
    }

    /// Complete backups of this run, the latest first, each with the number of the record since which it is complete:
    /// `backup.create` puts out the directory as `dir`.
    fn backups(&self) -> Vec<(u64, BackupRef)> {
        let course = &self.worker.program.course;
        let mut backups: Vec<(u64, BackupRef)> = course
            .backups()
            .filter_map(|step| {
                let known = self.state.step(step)?;
                let complete = matches!(known.status, StepStatus::Unchanged | StepStatus::Changed | StepStatus::Undone);
                let dir = known.outputs.get("dir").and_then(Json::as_str).filter(|_| complete)?;
                Some((known.finished_seq?, BackupRef { step: step.clone(), dir: PathBuf::from(dir) }))
            })
            .collect();
        backups.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        backups
    }
}

/// A fault of ours in one step is a failure of that step: the others, and the way back, must not suffer.
fn failed_itself(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure::failed("runbook itself failed in this step, which is a bug in it").detail(text.unwrap_or_default())
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
    }
}

/// Ctrl-C and TERM count alike. A terminal that goes away is not a cancel.
fn interrupts() -> std::io::Result<UnboundedReceiver<()>> {
    let (send, receive) = unbounded_channel();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(()) = interrupt.recv() => {}
                Some(()) = terminate.recv() => {}
                Some(()) = hangup.recv() => continue,
                else => return,
            }
            if send.send(()).is_err() {
                return;
            }
        }
    });
    Ok(receive)
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

//! One job on one thread: from a job and what is known to an input for `decide`.

mod alone;
mod failed;
mod services;

use crate::Program;
use crate::action::Job;
use crate::binding::{Unbound, unwritten};
#[cfg(debug_assertions)]
use crate::faults::Faults;
use crate::input::{Began, Input};
use crate::predict::CONDITION_IS_FALSE;
use crate::relies::{Relies, refuse_harmed};
use crate::secrets::Secrets;
use crate::since::written;
pub(crate) use failed::fail;

use runbook_host::{Cancel, Host, HostBuilder, Reader, Running, io_failure};
use runbook_journal::StateDir;
use runbook_model::{
    Approval, Declaration, Failure, FailureKind, Outputs, Prediction, Purpose, Reading, Remains, RemainsKind, Role,
    RunId, SignalVerdict, StepDef, StepId, UndoPhase,
};
use runbook_step::{BackupRef, Baseline, Changed, Confirmation, Done, Held, Note, Step, Work};
use serde_json::Value as Json;
pub(crate) use services::KeptDown;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long a change may take whose step names no `timeout`, and how long every undo may at least.
const DEFAULT_LIMIT: Duration = Duration::from_secs(30 * 60);
/// How long it may take to see how a service is.
const LOOKS: Duration = Duration::from_secs(2 * 60);

/// What all jobs of a run share.
pub(crate) struct Worker {
    pub(crate) program: Program,
    pub(crate) run: RunId,
    pub(crate) state_dir: StateDir,
    pub(crate) own_program: PathBuf,
    pub(crate) running: Running,
    pub(crate) secrets: Secrets,
    /// Outputs of steps that are over.
    pub(crate) outputs: RwLock<HashMap<StepId, Outputs>>,
    /// The steps with an intent, by the numbers of those records: known here before any of them acts.
    pub(crate) intents: RwLock<Vec<(u64, StepId)>>,
    /// Steps that a person lets go on.
    pub(crate) approvals: RwLock<HashMap<StepId, Approval>>,
    /// Asked when this process is about to end.
    pub(crate) leaving: Cancel,
    /// Of the process before this one.
    pub(crate) kept_down: KeptDown,
    /// What steps left running that are not taken back was ended.
    pub(crate) others_ended: Once,
    pub(crate) notes: tokio::sync::mpsc::UnboundedSender<(StepId, Note)>,
    #[cfg(debug_assertions)]
    pub(crate) faults: Faults,
}

/// What a job needs of the run's state, copied when it starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brief {
    pub(crate) undo: Json,
    /// Secrets that the undo data was written down without, where the journal is all that this process has of it.
    pub(crate) struck: Vec<String>,
    pub(crate) held: Vec<Held>,
    pub(crate) marks: Json,
    pub(crate) baseline: Vec<Reading>,
    /// The latest first, each with the number of the record since which it is complete.
    pub(crate) complete: Vec<u64>,
    pub(crate) backups: Vec<BackupRef>,
    /// What a rollback keeps of the paths of this backup.
    pub(crate) kept: Vec<PathBuf>,
    /// Paths that were not there before the step.
    pub(crate) absent: Vec<PathBuf>,
    /// What the step found of its service before the first change, and in which boot.
    pub(crate) found: Json,
    pub(crate) found_in: String,
}

/// A thread's view of one job.
struct Bench<'a> {
    worker: &'a Worker,
    def: &'a StepDef,
    brief: &'a Brief,
    host: Host,
    dir: PathBuf,
    held: Mutex<Vec<Held>>,
    evidence: Mutex<Vec<Reading>>,
    remains: Arc<Mutex<Vec<Remains>>>,
}

impl Worker {
    /// Does the job to its end.
    pub(crate) fn work(&self, job: Job, brief: &Brief, runtime: &tokio::runtime::Handle, cancel: Cancel) -> Input {
        if let Job::Pause { step, pause } = job {
            let host = self.host(runtime, cancel, self.mark(&step), None);
            // A pause that is cut short ends like one that is over; the run's state says what follows.
            let _ = host.pause(pause);
            return Input::Paused { step };
        }
        let step = job.step().clone();
        let Some(def) = self.program.step(&step) else {
            return fail(job, brief, Failure::failed(format!("step `{step}` is not in the plan")));
        };
        let limit = self.limit(def, &job);
        let back = matches!(job, Job::Undo { .. } | Job::Verify(_) | Job::Revive(_) | Job::Close { .. });
        let mark = if back { self.mark_back(&step) } else { self.mark(&step) };
        let host = self.host(runtime, cancel, mark, limit.map(|limit| Instant::now() + limit));
        let dir = self.state_dir.step(&self.run, &step);
        // A step that begins makes its own, empty, and only if it needs one.
        let begins = matches!(job, Job::Begin { .. });
        if let Some(error) = (!begins).then(|| self.state_dir.create_below(&dir).err()).flatten() {
            return fail(job, brief, full(&error));
        }
        let held = Mutex::new(brief.held.clone());
        Bench { worker: self, def, brief, host, dir, held, evidence: Mutex::default(), remains: Arc::default() }
            .work(job)
    }

    /// The limit of one attempt. Steps that wait for people or for time to pass have none but their own.
    fn limit(&self, def: &StepDef, job: &Job) -> Option<Duration> {
        let declaration = self.program.course.schedule.declaration(&def.id);
        // An author who hurries a change does not ask for half an undo.
        if matches!(job, Job::Find(_) | Job::Close { .. }) {
            return Some(LOOKS);
        }
        if matches!(job, Job::Undo { .. } | Job::Revive(_)) {
            return Some(def.timeout.unwrap_or_default().max(DEFAULT_LIMIT));
        }
        let bounded = |declaration: &Declaration| declaration.purpose == Purpose::Principal || declaration.changes();
        def.timeout.or(declaration.is_none_or(bounded).then_some(DEFAULT_LIMIT))
    }

    /// For a job that only reads, when its time is up; `None` for one that may change the host.
    pub(crate) fn reads_until(&self, job: &Job) -> Option<Option<Instant>> {
        let declaration = self.program.course.schedule.declaration(job.step());
        let reads = match job {
            Job::Baseline(_) | Job::Verify(_) | Job::Compare(_) | Job::Begin { .. } | Job::Find(_) => true,
            Job::Act(_) | Job::Recheck(_) => declaration.is_some_and(|declaration| !declaration.changes()),
            Job::Ask(_) | Job::Pause { .. } | Job::Undo { .. } | Job::Revive(_) | Job::Close { .. } => false,
        };
        let def = self.program.step(job.step())?;
        reads.then(|| self.limit(def, job).map(|limit| Instant::now() + limit))
    }

    fn host(&self, runtime: &tokio::runtime::Handle, cancel: Cancel, mark: String, deadline: Option<Instant>) -> Host {
        let reader = self.program.reader(self.state_dir.path());
        HostBuilder::new(reader, runtime.clone(), cancel, self.own_program.clone())
            .deadline(deadline)
            .noting(self.running.clone(), mark)
            .until(self.leaving.clone())
            .build()
    }
}

/// The outermost paths of those above or at `written` that are not there.
fn absent(host: &Reader, written: &[PathBuf]) -> Vec<PathBuf> {
    let missing = |path: &Path| matches!(host.lstat(path), Ok(None));
    let outermost = |path: &PathBuf| path.ancestors().take_while(|above| missing(above)).last().map(Path::to_owned);
    let mut found: Vec<PathBuf> = written.iter().filter_map(outermost).collect();
    found.sort();
    found.dedup();
    found
}

/// What there is to say of a path that was not there before the step.
fn still_there(host: &Reader, path: &Path) -> Option<Remains> {
    let name = path.display().to_string();
    match host.lstat(path) {
        Ok(None) => None,
        Ok(Some(_)) => Some(Remains::new(RemainsKind::Left, name, "was not there before")),
        Err(failure) => Some(Remains::new(RemainsKind::NotCompared, name, failure.message)),
    }
}

/// The failure with what the operating system said.
fn full(error: &runbook_journal::Error) -> Failure {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Failure::failed(format!("{error}{source}"))
}

impl Brief {
    /// The signals that were green before the first change.
    pub(super) fn was_green(&self) -> impl Iterator<Item = String> {
        self.baseline.iter().filter(|reading| reading.verdict == SignalVerdict::Green).map(|row| row.signal.clone())
    }
}

impl Bench<'_> {
    fn work(&self, job: Job) -> Input {
        match job {
            Job::Baseline(step) => {
                match self.bind_early().and_then(|bound| bound.baseline(&self.tools(&|note| self.say(note)))) {
                    Ok(baseline) => {
                        let Baseline { readings, marks } = baseline.unwrap_or_default();
                        Input::BaselineTaken { step, readings, marks, failure: None }
                    }
                    Err(failure) => fail(Job::Baseline(step), self.brief, failure),
                }
            }
            Job::Begin { step, forced } => {
                let began = self.keep_down_again().and_then(|()| self.begin(forced));
                let began = began.unwrap_or_else(|failure| {
                    self.end_left_behind(&self.worker.mark(&step));
                    Began::Failed(failure)
                });
                Input::Began { step, began }
            }
            Job::Act(step) => {
                let bound = self.keep_down_again().and_then(|()| self.bind());
                self.acted(step, bound.and_then(|bound| self.act(bound.as_ref())))
            }
            Job::Recheck(step) => {
                let bound = self.keep_down_again().and_then(|()| self.bind());
                self.acted(step, bound.and_then(|bound| self.recheck(bound.as_ref())))
            }
            Job::Ask(step) => Input::Decided { step, decided: None },
            Job::Pause { step, .. } => Input::Paused { step },
            Job::Undo { step, phase } => {
                if let Err(failure) = self.keep_down_again() {
                    // What somebody started meanwhile is replaced by the undo of the step that stopped it.
                    self.say(Note::Doing(format!("others may have it up while it is taken back: {}", failure.message)));
                }
                let result = self.undo(phase);
                Input::Undone { step, phase, result, remains: self.remains() }
            }
            Job::Verify(step) => self.verify(step),
            Job::Compare(step) => self.compare(step),
            Job::Find(step) => self.find(step),
            Job::Revive(step) => self.revive(step),
            Job::Close { step, service } => self.close(step, service),
        }
    }

    fn bind(&self) -> Result<Box<dyn Step>, Failure> {
        self.bound().map_err(Unbound::into_failure)
    }

    /// Before the first step, when it is no fault that something is not known yet.
    fn bind_early(&self) -> Result<Box<dyn Step>, Failure> {
        self.bound().map_err(|unbound| match unbound {
            Unbound::Waits(step) => Failure::new(
                FailureKind::Inconclusive,
                format!("it uses what step `{step}` puts out, which is not known before that step has run"),
            )
            .hint("put the signals that need it into a verification of their own, and the others have a baseline"),
            wrong @ Unbound::Wrong(_) => wrong.into_failure(),
        })
    }

    fn bound(&self) -> Result<Box<dyn Step>, Unbound> {
        let outputs = self.worker.outputs.read().unwrap_or_else(PoisonError::into_inner);
        self.worker.program.bind(self.def, &outputs, &self.worker.secrets, Some(&self.host))
    }

    fn say(&self, note: Note) {
        let note = match note {
            Note::Doing(text) => Note::Doing(self.worker.secrets.redact_text(text)),
            waits @ Note::Waits(_) => waits,
        };
        let _ = self.worker.notes.send((self.def.id.clone(), note));
    }

    fn tools<'b>(&'b self, say: &'b (dyn Fn(Note) + Sync)) -> Work<'b> {
        Work {
            host: &self.host,
            dir: &self.dir,
            step: &self.def.id,
            backups: &self.brief.backups,
            held: &self.held,
            marks: &self.brief.marks,
            baseline: &self.brief.baseline,
            evidence: &self.evidence,
            remains: &self.remains,
            approvals: &self.worker.approvals,
            now_ms: self.host.now_ms(),
            progress: say,
        }
    }

    fn begin(&self, forced: bool) -> Result<Began, Failure> {
        let holds = {
            let outputs = self.worker.outputs.read().unwrap_or_else(PoisonError::into_inner);
            self.worker.program.holds(self.def, &outputs, &self.worker.secrets)
        };
        if !holds.map_err(Unbound::into_failure)? {
            return Ok(Began::Skip(CONDITION_IS_FALSE.to_owned()));
        }
        let declaration = self.worker.program.course.schedule.declaration(&self.def.id);
        let changes = self.changes();
        let attends = declaration.is_some_and(|declaration| declaration.purpose == Purpose::Attendant);
        let bound = self.bind()?;
        self.refuse_other_targets()?;
        let probe = bound.probe(self.host.reader())?;
        // An attendant that changes nothing, such as a verification, has its whole use in acting.
        let must_act = forced || (attends && !changes) || bound.keeps_down();
        if let (Prediction::NoChange { summary }, false) = (probe.prediction, must_act) {
            return Ok(Began::Unchanged { summary, outputs: probe.outputs });
        }
        if !changes {
            return Ok(Began::Ready { undo: None });
        }
        self.forget_earlier_captures()?;
        let absent = absent(&self.host, &written(&self.worker.program.course, &self.def.id));
        let undo = bound.prepare(&self.tools(&|note| self.say(note)))?;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let keeps = std::fs::read_dir(&self.dir).is_ok_and(|mut entries| entries.next().is_some());
        Ok(Began::Ready { undo: Some(Relies::new(held, keeps, absent).capturing_in(&self.dir).with(undo)?) })
    }

    /// Only on the way forward: what was changed is taken back wherever it is.
    fn refuse_other_targets(&self) -> Result<(), Failure> {
        let outputs = self.worker.outputs.read().unwrap_or_else(PoisonError::into_inner);
        let reader = self.host.reader();
        match self.worker.program.missed_target(self.def, &outputs, &self.worker.secrets, reader) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Before its intent a step has not acted: what an attempt that was cut short has captured is of no use, and in the
    /// way of the next one.
    fn forget_earlier_captures(&self) -> Result<(), Failure> {
        match std::fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io_failure("remove", &self.dir, &error));
            }
            _ => {}
        }
        self.worker.state_dir.create_below(&self.dir).map_err(|error| full(&error))
    }

    fn changes(&self) -> bool {
        let declaration = self.worker.program.course.schedule.declaration(&self.def.id);
        declaration.is_none_or(Declaration::changes)
    }

    fn act(&self, bound: &dyn Step) -> Result<Done, Failure> {
        let say = |note| self.say(note);
        let tools = self.tools(&say);
        // A step that changes nothing has no intent, and so no undo data on record.
        let harmless = || refuse_harmed(&self.brief.backups, &self.dir);
        let prepared = if self.changes() { harmless().map(|()| None)? } else { Some(bound.prepare(&tools)?) };
        let undo = prepared.as_ref().unwrap_or(&self.brief.undo);
        let mut done = bound.apply(&tools, undo)?;
        #[cfg(debug_assertions)]
        self.worker.faults.apply(&self.def.id)?;
        if let Confirmation::NotThere(what) = bound.confirm(self.host.reader(), undo)? {
            return Err(Failure::failed(format!("it ended well, but the change is not there: {what}")));
        }
        if let Some(settled) = self.settle_backups()? {
            done.summary = format!("{}; {settled}", done.summary);
        }
        Ok(done)
    }

    /// After a crash: nothing is repeated blindly.
    fn recheck(&self, bound: &dyn Step) -> Result<Done, Failure> {
        match bound.confirm(self.host.reader(), &self.brief.undo)? {
            Confirmation::There => {
                let probe = bound.probe(self.host.reader())?;
                let settled = self.settle_backups()?.map(|settled| format!("; {settled}")).unwrap_or_default();
                Ok(Done::saying(format!("was done before the interruption{settled}")).with(probe.outputs))
            }
            Confirmation::NotThere(_) => self.act(bound),
            Confirmation::CannotTell => Err(Failure::new(
                FailureKind::Inconclusive,
                "it was interrupted, and reading the host cannot tell whether it was done",
            )),
        }
    }

    /// After a service went down, the backups of its directories get their second pass.
    fn settle_backups(&self) -> Result<Option<String>, Failure> {
        let declaration = self.worker.program.course.schedule.declaration(&self.def.id);
        let stops = |role: &Role| matches!(role, Role::Stop(_));
        if !declaration.is_some_and(|declaration| declaration.roles.iter().any(stops)) {
            return Ok(None);
        }
        let mut found = Vec::new();
        for (backup, complete) in self.brief.backups.iter().zip(&self.brief.complete) {
            let Some(def) = self.worker.program.step(&backup.step) else { continue };
            let dir = self.worker.state_dir.step(&self.worker.run, &backup.step);
            let bench = Bench {
                worker: self.worker,
                def,
                brief: self.brief,
                host: self.host.clone(),
                dir,
                held: Mutex::default(),
                evidence: Mutex::default(),
                remains: self.remains.clone(),
            };
            let since = || self.changed_since(*complete);
            found.extend(bench.bind()?.settle(&bench.tools(&|note| bench.say(note)), &since)?);
        }
        Ok((!found.is_empty()).then(|| found.join("; ")))
    }

    /// What this run may have changed since its record `seq`. Steps that run beside this one add to it.
    fn changed_since(&self, seq: u64) -> Vec<Changed> {
        let intents = self.worker.intents.read().unwrap_or_else(PoisonError::into_inner).clone();
        let later = intents.into_iter().filter(|(at, step)| *at > seq && *step != self.def.id);
        let course = &self.worker.program.course;
        later
            .flat_map(|(_, step)| {
                written(course, &step).into_iter().map(move |path| Changed { step: step.clone(), path })
            })
            .collect()
    }

    fn acted(&self, step: StepId, result: Result<Done, Failure>) -> Input {
        if result.is_err() {
            self.end_left_behind(&self.worker.mark(&step));
        }
        let readings = self.evidence.lock().map(|rows| rows.clone()).unwrap_or_default();
        let result = result.map(|done| (done.summary, done.outputs));
        Input::Acted { step, result, readings, remains: self.remains() }
    }

    fn remains(&self) -> Vec<Remains> {
        std::mem::take(&mut self.remains.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn undo(&self, phase: UndoPhase) -> Result<String, Failure> {
        #[cfg(debug_assertions)]
        self.worker.faults.undo(&self.def.id)?;
        let (bound, bench) = self.on_the_way_back()?;
        bench.undo_alone(phase, bound.as_ref())
    }

    /// The step, and a host that refuses whatever would use what is missing now.
    fn on_the_way_back(&self) -> Result<(Box<dyn Step>, Bench<'_>), Failure> {
        let (bound, mut unusable) = {
            let outputs = self.worker.outputs.read().unwrap_or_else(PoisonError::into_inner);
            let program = &self.worker.program;
            let bound = program.bind_to_undo(self.def, &outputs, &self.worker.secrets, &self.host);
            bound.map_err(Unbound::into_failure)?
        };
        unusable.extend(self.brief.struck.iter().map(|name| unwritten(name, &self.def.id)));
        let bench = Bench {
            worker: self.worker,
            def: self.def,
            brief: self.brief,
            host: self.host.clone().refusing(unusable),
            dir: self.dir.clone(),
            held: Mutex::new(self.brief.held.clone()),
            evidence: Mutex::default(),
            remains: self.remains.clone(),
        };
        Ok((bound, bench))
    }

    fn compare(&self, step: StepId) -> Input {
        let compared = match self.brief.kept.as_slice() {
            [] => Ok(Vec::new()),
            kept => self.bind().and_then(|bound| bound.compare(&self.tools(&|note| self.say(note)), kept)),
        };
        match compared {
            Ok(mut remains) => {
                remains.extend(self.brief.absent.iter().filter_map(|path| still_there(&self.host, path)));
                Input::Compared { step, remains }
            }
            Err(failure) => fail(Job::Compare(step), self.brief, failure),
        }
    }

    fn verify(&self, step: StepId) -> Input {
        let read = self
            .on_the_way_back()
            .and_then(|(bound, bench)| bound.verify_rollback(&bench.tools(&|note| bench.say(note))));
        match read {
            Ok(readings) => {
                let now = |name: &String| readings.iter().find(|row| row.signal == *name).map(|row| row.verdict);
                let gone = self.brief.was_green().filter(|name| now(name) != Some(SignalVerdict::Green));
                let (lost, unread) = gone.partition(|name| now(name) == Some(SignalVerdict::Red));
                Input::Verified { step, readings, lost, unread, failure: None }
            }
            Err(failure) => fail(Job::Verify(step), self.brief, failure),
        }
    }
}

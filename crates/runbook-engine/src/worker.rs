//! One job on one thread: from a job and what is known to an input for `decide`.

mod backups;
mod failed;
mod forward;
mod services;
mod undo;
mod verifications;

use crate::Program;
use crate::action::Job;
use crate::binding::{Unbound, Values};
#[cfg(debug_assertions)]
use crate::faults::Faults;
use crate::input::{Began, Input};
use crate::secrets::Secrets;
pub(crate) use failed::fail;

use runbook_host::{Cancel, Host, HostBuilder, Running};
use runbook_journal::StateDir;
use runbook_model::{
    Approval, Declaration, Failure, FailureKind, Purpose, Reading, Remains, Results, RunId, StepDef, StepId, UndoRecord,
};
use runbook_step::{BackupRef, Note, Step, Work};
use serde_json::Value as Json;
pub(crate) use services::KeptDown;
use std::collections::HashMap;
use std::path::PathBuf;
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
    pub(crate) outputs: RwLock<HashMap<StepId, Results>>,
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
pub(crate) struct JobSnapshot {
    pub(crate) undo: UndoRecord,
    /// Secrets that the undo data was written down without, where the journal is all that this process has of it.
    pub(crate) struck: Vec<String>,
    pub(crate) marks: Json,
    pub(crate) baseline: Vec<Reading>,
    /// The latest first, each with the number of the record since which it is complete.
    pub(crate) complete: Vec<u64>,
    pub(crate) backups: Vec<BackupRef>,
    /// What a rollback keeps of the paths of this backup.
    pub(crate) kept: Vec<PathBuf>,
    /// What the step found of its service before the first change, and in which boot.
    pub(crate) found: Json,
    pub(crate) found_in: String,
}

/// A thread's view of one job.
struct JobContext<'a> {
    worker: &'a Worker,
    def: &'a StepDef,
    snapshot: &'a JobSnapshot,
    host: Host,
    dir: PathBuf,
    evidence: Mutex<Vec<Reading>>,
    remains: Arc<Mutex<Vec<Remains>>>,
}

impl Worker {
    /// Does the job to its end.
    pub(crate) fn work(
        &self,
        job: Job,
        snapshot: &JobSnapshot,
        runtime: &tokio::runtime::Handle,
        cancel: Cancel,
    ) -> Input {
        let step = job.step().clone();
        let Some(def) = self.program.step(&step) else {
            return fail(job, snapshot, Failure::failed(format!("step `{step}` is not in the plan")));
        };
        let limit = self.limit(def, &job);
        let back = matches!(job, Job::Undo { .. } | Job::Verify(_) | Job::Revive(_) | Job::Close { .. });
        let mark = if back { self.mark_back(&step) } else { self.mark(&step) };
        let host = self.host(runtime, cancel, mark, limit.map(|limit| Instant::now() + limit));
        let dir = self.state_dir.step(&self.run, &step);
        // A step that begins makes its own, empty, and only if it needs one.
        let begins = matches!(job, Job::Begin { .. });
        if let Some(error) = (!begins).then(|| self.state_dir.create_below(&dir).err()).flatten() {
            return fail(job, snapshot, full(&error));
        }
        JobContext { worker: self, def, snapshot, host, dir, evidence: Mutex::default(), remains: Arc::default() }
            .work(job)
    }

    /// The limit of one attempt. Steps that wait for people or for time to pass have none but their own.
    fn limit(&self, def: &StepDef, job: &Job) -> Option<Duration> {
        let declaration = self.program.execution.schedule.declaration(&def.id);
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
        let declaration = self.program.execution.schedule.declaration(job.step());
        let reads = match job {
            Job::Baseline(_) | Job::Verify(_) | Job::Compare(_) | Job::Begin { .. } | Job::Find(_) => true,
            Job::Act(_) | Job::Recheck(_) => declaration.is_some_and(|declaration| !declaration.changes()),
            Job::Undo { .. } | Job::Revive(_) | Job::Close { .. } => false,
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

/// The failure with what the operating system said.
fn full(error: &runbook_journal::Error) -> Failure {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Failure::failed(format!("{error}{source}"))
}

impl JobContext<'_> {
    fn work(&self, job: Job) -> Input {
        match job {
            Job::Baseline(step) => self.baseline(step),
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

    /// The same for the step `def`.
    fn of<'b>(&'b self, def: &'b StepDef, host: Host) -> JobContext<'b> {
        JobContext {
            worker: self.worker,
            def,
            snapshot: self.snapshot,
            host,
            dir: self.worker.state_dir.step(&self.worker.run, &def.id),
            evidence: Mutex::default(),
            remains: self.remains.clone(),
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
        self.with_values(|values| self.worker.program.bind(self.def, Values { host: Some(&self.host), ..values }))
    }

    /// What `of` makes of what is known by now, without what only a command can tell.
    fn with_values<T>(&self, of: impl FnOnce(Values<'_>) -> T) -> T {
        let outputs = self.worker.outputs.read().unwrap_or_else(PoisonError::into_inner);
        of(Values::early(&outputs, &self.worker.secrets))
    }

    fn declaration(&self) -> Option<&Declaration> {
        self.worker.program.execution.schedule.declaration(&self.def.id)
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
            backups: &self.snapshot.backups,
            restore_points: &self.snapshot.undo.restore_points,
            marks: &self.snapshot.marks,
            baseline: &self.snapshot.baseline,
            evidence: &self.evidence,
            remains: &self.remains,
            approvals: &self.worker.approvals,
            now_ms: self.host.now_ms(),
            progress: say,
        }
    }

    fn remains(&self) -> Vec<Remains> {
        std::mem::take(&mut self.remains.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

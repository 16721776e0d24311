//! Starting what `decide` asks for, each on a thread of its own with what it has to know.

use super::Runner;
use crate::action::Job;
use crate::compared::kept;
use crate::input::Input;
use crate::secrets::struck;
use crate::worker::{JobSnapshot, fail};
use runbook_host::{Cancel, Canceller};
use runbook_model::{Failure, FailureKind, RunPhase, StepId, StepStatus};
use runbook_step::BackupRef;
use serde_json::Value as Json;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// How long work that only reads may take to come back when it is no longer wanted.
const OVERDUE: Duration = Duration::from_secs(10);

impl Runner {
    pub(super) fn start(&mut self, job: Job, done: UnboundedSender<Input>) {
        self.in_flight += 1;
        tracing::debug!(run = %self.run, ?job, "start");
        let worker = Arc::clone(&self.worker);
        let mut snapshot = self.snapshot(job.step());
        if let Job::Compare(step) = &job {
            snapshot.kept = kept(&self.state, &self.worker.program.execution, step);
        }
        let snapshot = Arc::new(snapshot);
        // An undo is never cancelled half-way: a half-way back is nowhere.
        let undoes = matches!(job, Job::Undo { .. } | Job::Close { .. }) || self.state.phase != RunPhase::Forward;
        let cancel = if undoes { Canceller::new().1 } else { self.cancel.clone() };
        let runtime = tokio::runtime::Handle::current();
        let overdue = overdue(worker.reads_until(&job), cancel.clone());
        let (lost, known) = (job.clone(), Arc::clone(&snapshot));
        let (send, result) = tokio::sync::oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let lost = job.clone();
            let work = AssertUnwindSafe(|| worker.work(job, &snapshot, &runtime, cancel));
            let input = catch_unwind(work).unwrap_or_else(|panic| fail(lost, &snapshot, failed_itself(panic.as_ref())));
            // Nobody takes it any more when it comes too late, or the operator left.
            let _ = send.send(input);
        });
        tokio::spawn(async move {
            let input = tokio::select! {
                Ok(input) = result => input,
                () = overdue => fail(lost, &known, hangs()),
            };
            let _ = done.send(input);
        });
    }

    fn snapshot(&self, step: &StepId) -> JobSnapshot {
        let known = self.state.step(step);
        let kept = known.and_then(|known| known.undo.as_ref());
        let plan = self.worker.program.plan();
        let struck_out = kept.filter(|_| !self.undo.contains_key(step)).into_iter().flat_map(|undo| struck(plan, undo));
        let marks = self.marks.get(step).or(known.map(|known| &known.marks));
        let undo = self.undo.get(step).or(kept).cloned().unwrap_or_default();
        let found = known.and_then(|known| known.found.as_ref());
        let (complete, backups) = self.backups().into_iter().unzip();
        JobSnapshot {
            undo,
            found: found.map(|found| found.data.clone()).unwrap_or_default(),
            found_in: found.map(|found| found.boot.clone()).unwrap_or_default(),
            struck: struck_out.map(str::to_owned).collect(),
            marks: marks.cloned().unwrap_or(Json::Null),
            baseline: known.and_then(|known| known.baseline.clone()).unwrap_or_default(),
            complete,
            backups,
            kept: Vec::new(),
        }
    }

    /// Complete backups of this run, the latest first, each with the number of the record since which it is complete.
    fn backups(&self) -> Vec<(u64, BackupRef)> {
        let execution = &self.worker.program.execution;
        let complete = |step: &StepId| {
            let known = self.state.step(step)?;
            let complete = matches!(known.status, StepStatus::Unchanged | StepStatus::Changed | StepStatus::Undone);
            let dir = known.results.backup.as_ref().filter(|_| complete)?.dir.clone();
            Some((known.finished_seq?, BackupRef { step: step.clone(), dir }))
        };
        let mut backups: Vec<(u64, BackupRef)> = execution.backups.iter().filter_map(complete).collect();
        backups.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        backups
    }
}

/// Returns when work that only reads is not waited for any more: so long after its time was up, or after a cancel. Work
/// that changes the host is always waited for, for nothing can be taken back while it may still write.
async fn overdue(reads_until: Option<Option<Instant>>, mut cancel: Cancel) {
    let Some(until) = reads_until else { return std::future::pending().await };
    let time_up = async {
        match until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time_up => {}
        () = cancel.cancelled() => {}
    }
    tokio::time::sleep(OVERDUE).await;
}

fn hangs() -> Failure {
    let message = "reading the host does not come back: it hangs in the kernel, and is left behind";
    Failure::new(FailureKind::TimedOut, message)
        .hint("look for a disk or a network file system that does not answer: `mount`, `dmesg`")
}

/// A fault of ours in one step is a failure of that step: the others, and the way back, must not suffer.
fn failed_itself(panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure::failed("runbook itself failed in this step, which is a bug in it").detail(text.unwrap_or_default())
}

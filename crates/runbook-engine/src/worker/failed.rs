//! What a job says that failed before it began.

use super::JobSnapshot;
use crate::action::Job;
use crate::input::{Began, Input};
use runbook_model::{Failure, Remains, RemainsKind, ServiceSeen, StepId};
use serde_json::Value as Json;
use std::path::PathBuf;

impl Job {
    /// The step that it is about.
    pub fn step(&self) -> &StepId {
        match self {
            Self::Baseline(step) | Self::Act(step) | Self::Recheck(step) => step,
            Self::Verify(step) | Self::Compare(step) | Self::Find(step) | Self::Revive(step) => step,
            Self::Close { step, .. } => step,
            Self::Begin { step, .. } | Self::Undo { step, .. } => step,
        }
    }
}

/// The input that says that a job failed before it began.
pub(crate) fn fail(job: Job, snapshot: &JobSnapshot, failure: Failure) -> Input {
    match job {
        Job::Baseline(step) => {
            Input::BaselineTaken { step, readings: Vec::new(), marks: Json::Null, failure: Some(failure) }
        }
        Job::Begin { step, .. } => Input::Began { step, began: Began::Failed(failure) },
        Job::Act(step) | Job::Recheck(step) => {
            Input::Acted { step, result: Err(failure), readings: Vec::new(), remains: Vec::new() }
        }
        Job::Undo { step, phase } => Input::Undone { step, phase, result: Err(failure), remains: Vec::new() },
        // What nobody could read is neither lost nor as it was.
        Job::Verify(step) => {
            let unread = snapshot.was_green().collect();
            Input::Verified { step, readings: Vec::new(), lost: Vec::new(), unread, failure: Some(failure) }
        }
        Job::Compare(step) => {
            let not = |path: &PathBuf| {
                Remains::new(RemainsKind::NotCompared, path.display().to_string(), failure.message.clone())
            };
            Input::Compared { step, remains: snapshot.kept.iter().map(not).collect() }
        }
        Job::Find(step) => Input::Found { step, service: None, data: Json::Null, boot: String::new() },
        Job::Revive(step) => Input::Revived { step, result: Err(failure) },
        Job::Close { step, service } => {
            Input::Closed { step, service, seen: ServiceSeen::unread(format!("not read: {}", failure.message)) }
        }
    }
}

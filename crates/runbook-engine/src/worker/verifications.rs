//! Verifications beside their own turn: the baseline before the first change, and the reading after a rollback.

use super::{JobContext, JobSnapshot, fail};
use crate::action::Job;
use crate::input::Input;
use runbook_model::{SignalVerdict, StepId};
use runbook_step::Baseline;

impl JobContext<'_> {
    pub(super) fn baseline(&self, step: StepId) -> Input {
        let read = self.bind_early().and_then(|bound| match bound.verification() {
            Some(verification) => verification.baseline(&self.tools(&|note| self.say(note))),
            None => Ok(Baseline::default()),
        });
        match read {
            Ok(Baseline { readings, marks }) => Input::BaselineTaken { step, readings, marks, failure: None },
            Err(failure) => fail(Job::Baseline(step), self.snapshot, failure),
        }
    }

    pub(super) fn verify(&self, step: StepId) -> Input {
        let read = self.on_the_way_back().and_then(|(bound, context)| match bound.verification() {
            Some(verification) => verification.verify_rollback(&context.tools(&|note| context.say(note))),
            None => Ok(Vec::new()),
        });
        match read {
            Ok(readings) => {
                let now = |name: &String| readings.iter().find(|row| row.signal == *name).map(|row| row.verdict);
                let gone = self.snapshot.was_green().filter(|name| now(name) != Some(SignalVerdict::Green));
                let (lost, unread) = gone.partition(|name| now(name) == Some(SignalVerdict::Red));
                Input::Verified { step, readings, lost, unread, failure: None }
            }
            Err(failure) => fail(Job::Verify(step), self.snapshot, failure),
        }
    }
}

impl JobSnapshot {
    /// The signals that were green before the first change.
    pub(super) fn was_green(&self) -> impl Iterator<Item = String> {
        self.baseline.iter().filter(|reading| reading.verdict == SignalVerdict::Green).map(|row| row.signal.clone())
    }
}

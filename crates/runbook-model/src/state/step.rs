//! What is known of one step of a run.

use crate::{
    Approval, Decided, Decision, Event, Failure, Outcome, Prediction, Question, Reading, Record, Remains, Results,
    ServiceFound, ServiceState, SignalVerdict, StepStatus, UndoPhase, UndoRecord, Waiting,
};
use serde::{Deserialize, Serialize};

/// One step as far as the events tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepState {
    /// Where it is in its life.
    pub status: StepStatus,
    /// Attempts begun.
    pub attempts: u32,
    /// What was predicted before the first change.
    pub prediction: Option<Prediction>,
    /// Whether it has to run.
    pub needed: Option<bool>,
    /// How to take it back; set from its intent on.
    pub undo: Option<UndoRecord>,
    /// What it would hand on, as far as that was known before the first change.
    pub foretold: Results,
    /// What it handed on.
    pub results: Results,
    /// What it did, or why it did nothing, in one line.
    pub summary: String,
    /// Why it failed, or why its undo did.
    pub failure: Option<Failure>,
    /// What it waits for; `None` unless it waits for a person now.
    pub waits_for: Option<Waiting>,
    /// Who let it go on, when and why.
    pub approval: Option<Approval>,
    /// What nobody can tell from its signals; `Some` while a person is asked what follows.
    pub asks: Option<Question>,
    /// What was decided where its signals did not.
    pub decided: Option<Decided>,
    /// The signals that it read.
    pub readings: Vec<Reading>,
    /// The signals before the first change.
    pub baseline: Option<Vec<Reading>>,
    /// Why there is no reading from before the first change.
    pub no_baseline: Option<Failure>,
    /// Positions taken with the baseline.
    pub marks: serde_json::Value,
    /// The signals after the rollback.
    pub after_rollback: Option<Vec<Reading>>,
    /// Why the signals could not be read after the rollback.
    pub not_verified: Option<Failure>,
    /// Which green signals the rollback did not bring back.
    pub lost: Vec<String>,
    /// Which green signals could not be read after the rollback.
    pub unread: Vec<String>,
    /// Whether the signals were read since the last part of the run was taken back.
    pub verified: bool,
    /// The last part of taking it back that began.
    pub undo_phase: Option<UndoPhase>,
    /// Parts of taking it back that are complete, in order.
    pub undone: Vec<UndoPhase>,
    /// When the last part of taking it back began, in milliseconds since 1970.
    pub undo_started_at: Option<i64>,
    /// Why its undo failed; `None` where it did not, or where a later attempt went well.
    pub undo_failure: Option<Failure>,
    /// What it, or its undo, left on the host.
    pub remains: Vec<Remains>,
    /// How what the rollback kept differs from this backup; `None` until it was compared since the last part of the run
    /// was taken back.
    pub compared: Option<Vec<Remains>>,
    /// How its service was before the first change, if it looked.
    pub found: Option<ServiceFound>,
    /// Its place among the steps in the order in which their intents became durable.
    pub intent_seq: Option<u64>,
    /// When it began, in milliseconds since 1970.
    pub started_at: Option<i64>,
    /// When it ended going forward.
    pub finished_at: Option<i64>,
    /// Its place among all records when it ended going forward: what orders it against intents, as no clock can.
    pub finished_seq: Option<u64>,
}

impl StepState {
    /// Takes in what an event says of the step without moving it.
    pub(super) fn told(&mut self, record: &Record) {
        match &record.event {
            Event::DecisionAsked { failure, readings, .. } => {
                self.asks = Some(Question { seq: record.seq, failure: failure.clone() });
                self.readings = readings.clone();
                self.decided = None;
            }
            Event::DecisionMade { decided, .. } => {
                self.asks = None;
                self.decided = Some(decided.clone());
            }
            Event::StepWaits { waiting, .. } => self.waits_for = Some(waiting.clone()),
            Event::StepApproved { approval, .. } => drop(self.approval.get_or_insert_with(|| approval.clone())),
            Event::Predicted { prediction, needed, results, .. } => {
                self.prediction = Some(prediction.clone());
                self.needed = Some(*needed);
                self.foretold = results.clone();
            }
            Event::BaselineTaken { readings, marks, failure, .. } => {
                self.no_baseline = failure.clone();
                self.baseline = Some(readings.clone());
                self.marks = marks.clone();
            }
            Event::Remained { remains, .. } => Remains::merge(&mut self.remains, remains),
            Event::RollbackVerified { readings, lost, unread, failure, .. } => {
                self.not_verified = failure.clone();
                self.after_rollback = Some(readings.clone());
                self.lost = lost.clone();
                self.unread = unread.clone();
                self.verified = true;
            }
            Event::Compared { remains, .. } => self.compared = Some(remains.clone()),
            Event::ServiceFound { service, data, boot, .. } => {
                let (service, data, boot) = (service.clone(), data.clone(), boot.clone());
                self.found = Some(ServiceFound { service, data, boot, looked_after: false, failure: None });
            }
            _ => {}
        }
    }

    /// Takes in what a record says that moved the step.
    pub(super) fn goes_on(&mut self, record: &Record) {
        self.waits_for = None;
        self.asks = None;
        match &record.event {
            Event::StepStarted { attempt, .. } => {
                self.attempts = *attempt;
                self.started_at = self.started_at.or(Some(record.at));
            }
            Event::StepIntended { undo, .. } => {
                self.undo = Some(undo.clone());
                self.intent_seq = Some(record.seq);
            }
            Event::StepRetrying { failure, .. } => self.failure = Some(failure.clone()),
            Event::StepFinished { outcome, results, readings, .. } => {
                self.finished_at = Some(record.at);
                self.finished_seq = Some(record.seq);
                self.results = results.clone();
                self.readings = readings.clone();
                self.failure = None;
                match outcome {
                    Outcome::Unchanged { summary } | Outcome::Changed { summary } => self.summary = summary.clone(),
                    Outcome::Skipped { because } => self.summary = because.clone(),
                    Outcome::Failed(failure) => {
                        self.summary = failure.message.clone();
                        self.failure = Some(failure.clone());
                    }
                }
            }
            Event::UndoStarted { phase, .. } => {
                self.undo_phase = Some(*phase);
                self.undo_started_at = Some(record.at);
                self.undo_failure = None;
            }
            Event::UndoFinished { phase, failure: None, .. } => self.undone.push(*phase),
            Event::UndoFinished { failure: Some(failure), .. } => {
                self.failure = Some(failure.clone());
                self.undo_failure = Some(failure.clone());
            }
            _ => {}
        }
    }

    /// The service that the step moved, or found before the first change.
    pub fn service(&self) -> Option<&str> {
        let found = || self.found.as_ref()?.service.as_ref();
        self.moved().or_else(found).map(|service| service.name.as_str())
    }

    /// The service that the step moved, as it was before.
    pub fn moved(&self) -> Option<&ServiceState> {
        self.undo.as_ref()?.service.as_ref()
    }

    /// What later steps may use of it: what it put out, or what was foretold where it did not act.
    pub fn usable_results(&self) -> &Results {
        if self.results == Results::default() { &self.foretold } else { &self.results }
    }

    /// Whether somebody kept the change although its signals prove nothing.
    pub fn is_kept(&self) -> bool {
        self.decided.as_ref().is_some_and(|decided| decided.decision == Decision::Keep)
    }

    /// What it left on the host, with what differs from its backup.
    pub fn all_remains(&self) -> impl Iterator<Item = &Remains> {
        self.remains.iter().chain(self.compared.iter().flatten())
    }

    /// Whether there is a signal to compare with after a rollback.
    pub fn was_green(&self) -> bool {
        self.baseline.iter().flatten().any(|reading| reading.verdict == SignalVerdict::Green)
    }
}

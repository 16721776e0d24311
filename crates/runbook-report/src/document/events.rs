//! What single records tell: failures, decisions and approvals, in the order in which they happened.

use crate::account::decision_text;
use crate::text::clean;
use runbook_model::{Event, Failure, Outcome, Record, StepId};

/// Something that happened to a step.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) at: i64,
    pub(crate) step: &'a StepId,
    pub(crate) what: String,
}

/// A failure, with all that is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble<'a> {
    pub(crate) at: i64,
    pub(crate) step: &'a StepId,
    /// What the step did: `failed`.
    pub(crate) what: &'static str,
    pub(crate) failure: &'a Failure,
}

pub(super) fn failures<'a>(records: &'a [Record]) -> Vec<Trouble<'a>> {
    let trouble = |record: &'a Record| {
        let (step, what, failure) = match &record.event {
            Event::StepRetrying { step, failure, .. } => (step, "attempt failed", failure),
            Event::StepFinished { step, outcome: Outcome::Failed(failure), .. } => (step, "failed", failure),
            Event::UndoFinished { step, failure: Some(failure), .. } => (step, "was not taken back", failure),
            _ => return None,
        };
        Some(Trouble { at: record.at, step, what, failure })
    };
    records.iter().filter_map(trouble).collect()
}

/// What people decided where the evidence did not, and what they approved.
pub(super) fn decisions(records: &[Record]) -> Vec<Moment<'_>> {
    let moment = |record| {
        let Record { event, at, .. }: &Record = record;
        let (step, what) = match event {
            Event::DecisionAsked { step, failure, .. } => (step, format!("asked, because {}", failure.message)),
            Event::DecisionMade { step, decided } => (step, decision_text(decided)),
            Event::StepApproved { step, approval } => (step, clean(&approval.to_string())),
            _ => return None,
        };
        Some(Moment { at: *at, step, what })
    };
    records.iter().filter_map(moment).collect()
}

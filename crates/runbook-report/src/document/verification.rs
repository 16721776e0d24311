//! The matrix of a verification over a run: each signal before the change, after it and after the rollback.

use super::StepRow;
use crate::account::places;
use runbook_model::{Failure, Reading, StepId};
use std::collections::HashMap;

#[derive(Debug)]
pub(crate) struct Verification<'a> {
    pub(crate) step: &'a StepId,
    /// Before the change, after it, after the rollback.
    pub(crate) stages: [Stage<'a>; 3],
    pub(crate) rows: Vec<SignalRow<'a>>,
    /// The files that readings name, in full.
    pub(crate) places: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) when: &'static str,
    pub(crate) readings: &'a [Reading],
    /// Why nothing was read.
    pub(crate) unread: Option<&'a Failure>,
}

/// One signal at each stage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignalRow<'a> {
    /// The latest thing that is known of it before the rollback: what was read after the change, else before it.
    pub(crate) signal: &'a Reading,
    pub(crate) read: [Option<&'a Reading>; 3],
}

impl<'a> Verification<'a> {
    /// `None` if no signal of the step was to be read.
    pub(super) fn of(row: &StepRow<'a>) -> Option<Self> {
        let StepRow { id, state, .. } = *row;
        let stage = |when, readings, unread| Stage { when, readings, unread };
        let stages = [
            stage("before the change", state.baseline.as_deref().unwrap_or_default(), state.no_baseline.as_ref()),
            stage("after the change", &state.readings, None),
            stage(
                "after the rollback",
                state.after_rollback.as_deref().unwrap_or_default(),
                state.not_verified.as_ref(),
            ),
        ];
        let is_read = stages.iter().any(|stage| !stage.readings.is_empty() || stage.unread.is_some());
        let places = places(stages.iter().flat_map(|stage| stage.readings));
        is_read.then(|| Self { step: id, rows: rows(&stages), stages, places })
    }

    /// The stages of which nothing was read, and why.
    pub(crate) fn unread(&self) -> impl Iterator<Item = (&'static str, &'a Failure)> {
        self.stages.iter().filter_map(|stage| Some((stage.when, stage.unread?)))
    }
}

fn rows<'a>(stages: &[Stage<'a>; 3]) -> Vec<SignalRow<'a>> {
    let mut rows: Vec<SignalRow<'a>> = Vec::new();
    let mut at: HashMap<&str, usize> = HashMap::new();
    for (nth, stage) in stages.iter().enumerate() {
        for reading in stage.readings {
            let place = *at.entry(&reading.signal).or_insert(rows.len());
            if place == rows.len() {
                rows.push(SignalRow { signal: reading, read: [None; 3] });
            }
            if let Some(row) = rows.get_mut(place) {
                row.read[nth].get_or_insert(reading);
            }
        }
    }
    for row in &mut rows {
        row.signal = row.read[1].unwrap_or(row.signal);
    }
    rows
}

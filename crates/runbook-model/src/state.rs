//! `RunState`: one fold over events, for the live run, resume, `status` and every report.

mod previous;
mod step;

pub use step::StepState;

use crate::service::effect_on_service;
use crate::{
    Deadline, Event, Failure, IllegalTransition, Record, RollbackCause, RunHeader, ServiceTime, StepId, StepStatus,
    UndoPhase, Uptime, Verdict, next_status,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::Excluded;

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunPhase {
    /// No record yet.
    #[default]
    New,
    /// Steps are applied.
    Forward,
    /// Steps are taken back.
    RollingBack(RollbackCause),
    /// Over.
    Finished(Verdict),
}

/// A secret that is handed in while a run waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretWait {
    /// It is waited for.
    Asked {
        /// Until then, in milliseconds since 1970.
        until: i64,
    },
    /// It is in the memory of the process that holds the run.
    HandedIn,
    /// Nobody handed it in.
    Missed,
}

/// Everything that is known of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunState {
    /// What the run is.
    pub header: Option<RunHeader>,
    /// Where it is.
    pub phase: RunPhase,
    /// The operator asked to start nothing more.
    pub draining: bool,
    /// The operator asked to stop what runs.
    pub cancelling: bool,
    /// The number of the last record.
    pub seq: u64,
    /// When the first and the last record were written.
    pub began_at: i64,
    /// See `began_at`.
    pub last_at: i64,
    /// How long somebody was at work on it, in milliseconds: not what lies between its end, or a crash, and the
    /// process that went on with it.
    pub worked_ms: i64,
    /// Why it was taken back; stays when the run is over.
    pub rollback: Option<RollbackCause>,
    /// Until when it holds, if it got there.
    pub held: Option<Deadline>,
    /// Who committed it.
    pub committed: Option<String>,
    /// The secrets that this process was to be handed, by name.
    pub secrets: BTreeMap<String, SecretWait>,
    /// What the run did to services, by name.
    pub services: BTreeMap<String, ServiceTime>,
    /// Whether it had come to an end, and not a stuck one, before it was taken up again.
    pub had_ended: bool,
    /// Why it ended as it did.
    pub note: String,
    steps: Vec<StepState>,
    /// How many steps have each status: `decide` asks that after each record, and must not look over all steps.
    counts: HashMap<StepStatus, usize>,
    /// Every step before this place in the file has begun or is over.
    first_pending: usize,
    /// Whether a verification was read since the last part of the run was taken back.
    any_verified: bool,
    index: HashMap<StepId, usize>,
    /// How long the longest id of a step is.
    widest_id: usize,
    /// The intents, by the numbers of their records, each with the place of its step.
    intents: BTreeMap<u64, usize>,
    /// Those of them that were not taken back yet.
    left: BTreeMap<u64, usize>,
    /// The place of the step that was compared last.
    last_compared: Option<usize>,
}

impl RunState {
    /// The state after all of `records`.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Self, IllegalTransition> {
        let mut state = Self::default();
        for record in records {
            state.apply(record)?;
        }
        Ok(state)
    }

    /// The state of `step`; `None` if the run has no such step.
    pub fn step(&self, step: &StepId) -> Option<&StepState> {
        self.index.get(step).and_then(|at| self.steps.get(*at))
    }

    /// The status of `step`; pending for a step that it has never heard of.
    pub fn status(&self, step: &StepId) -> StepStatus {
        self.step(step).map_or(StepStatus::Pending, |state| state.status)
    }

    /// How many steps have a status of which `is` is true. What it costs does not depend on how many steps there are.
    pub fn count(&self, is: impl Fn(StepStatus) -> bool) -> usize {
        self.counts.iter().filter(|(status, _)| is(**status)).map(|(_, count)| count).sum()
    }

    /// The place in the plan's file before which no step is pending.
    pub fn first_pending(&self) -> usize {
        self.first_pending
    }

    /// The steps in the order of the plan's file, without their ids.
    pub fn states(&self) -> &[StepState] {
        &self.steps
    }

    /// All steps in the order of the plan's file.
    pub fn steps(&self) -> impl Iterator<Item = (&StepId, &StepState)> {
        let ids = self.header.iter().flat_map(|header| &header.steps);
        ids.zip(&self.steps)
    }

    /// How long the longest id of a step is: every line of an account asks that.
    pub fn widest_id(&self) -> usize {
        self.widest_id
    }

    /// The steps of which the host may carry traces.
    pub fn touched(&self) -> impl Iterator<Item = &StepId> {
        self.steps().filter(|(_, known)| known.status.may_have_touched()).map(|(step, _)| step)
    }

    /// Whether anything on the host may carry traces of this run.
    pub fn may_have_touched(&self) -> bool {
        self.count(StepStatus::may_have_touched) > 0
    }

    /// Whether a step ever meant to change the host, be it taken back since.
    pub fn has_acted(&self) -> bool {
        !self.intents.is_empty()
    }

    /// Whether a step meant to change the host between these two records.
    pub fn acted_between(&self, after: u64, before: u64) -> bool {
        after < before && self.intents.range((Excluded(after), Excluded(before))).next().is_some()
    }

    /// The steps that meant to change the host between these two records and were not taken back yet, the last one first.
    pub fn left_between(&self, after: u64, before: u64) -> impl Iterator<Item = &StepId> {
        let range = (after < before).then(|| self.left.range((Excluded(after), Excluded(before))));
        let steps = self.header.as_ref().map(|header| &header.steps[..]).unwrap_or_default();
        range.into_iter().flatten().rev().filter_map(|(_, at)| steps.get(*at))
    }

    /// The steps in the order of the plan's file, from the one behind the last that was compared.
    pub fn behind_compared(&self) -> impl Iterator<Item = (&StepId, &StepState)> {
        let from = self.last_compared.map_or(0, |at| at + 1);
        let ids = self.header.as_ref().and_then(|header| header.steps.get(from..)).unwrap_or_default();
        ids.iter().zip(self.steps.get(from..).unwrap_or_default())
    }

    /// Whether it was closed because somebody keeps what is not proven. What was to be taken back after that, and was
    /// closed by hand then, is not kept.
    pub fn is_kept(&self) -> bool {
        self.rollback.is_none() && self.steps.iter().any(StepState::is_kept)
    }

    /// Whether it waits for a secret that is handed in.
    pub fn waits_for_a_secret(&self) -> bool {
        self.secrets.values().any(|wait| matches!(wait, SecretWait::Asked { .. }))
    }

    /// Until when everything that it did stands and waits for somebody who commits it; `None` where it does not.
    pub fn holds(&self) -> Option<&Deadline> {
        self.held.as_ref().filter(|_| self.phase == RunPhase::Forward && self.committed.is_none())
    }

    /// Whether it waits for a commit and no time is left for one.
    pub fn hold_is_over(&self, now: &Uptime) -> bool {
        self.holds().is_some_and(|deadline| deadline.left(now).is_zero())
    }

    /// The verdict, if the run is over.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.phase {
            RunPhase::Finished(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// Folds one record in. An illegal transition leaves the state as it was.
    pub fn apply(&mut self, record: &Record) -> Result<(), IllegalTransition> {
        match &self.header {
            Some(header) if header.format < RunHeader::FORMAT => {
                self.fold(&Record { event: previous::typed(record.event.clone()), ..*record })
            }
            _ => self.fold(record),
        }
    }

    fn fold(&mut self, record: &Record) -> Result<(), IllegalTransition> {
        if let Some(id) = record.event.moves() {
            self.move_step(&id.clone(), record)?;
            if matches!(record.event, Event::UndoFinished { .. }) && std::mem::take(&mut self.any_verified) {
                self.last_compared = None;
                self.steps.iter_mut().for_each(|step| {
                    step.verified = false;
                    step.compared = None;
                });
            }
        } else {
            self.apply_to_run(record);
        }
        while self.steps.get(self.first_pending).is_some_and(|step| step.status != StepStatus::Pending) {
            self.first_pending += 1;
        }
        if self.seq == 0 {
            self.began_at = record.at;
        } else if !matches!(record.event, Event::RunResumed { .. }) {
            self.worked_ms += (record.at - self.last_at).max(0);
        }
        self.seq = record.seq;
        self.last_at = record.at;
        Ok(())
    }

    fn apply_to_run(&mut self, record: &Record) {
        if let Some(state) = record.event.tells_of().and_then(|step| self.step_mut(step)) {
            state.told(record);
        }
        match &record.event {
            Event::RunStarted(header) => {
                self.begin(header);
            }
            Event::RunResumed { .. } => {
                self.draining = false;
                self.cancelling = false;
                // They were in the memory of the process before.
                self.secrets.clear();
                self.look_again();
                // The process that waited is gone; a step that still waits says so again.
                self.steps.iter_mut().for_each(|step| {
                    step.waits_for = None;
                    step.asks = None;
                });
            }
            Event::SecretAsked { secret, within_ms } => {
                let until = record.at.saturating_add(i64::try_from(*within_ms).unwrap_or(i64::MAX));
                self.secrets.insert(secret.clone(), SecretWait::Asked { until });
            }
            Event::SecretHandedIn { secret } => drop(self.secrets.insert(secret.clone(), SecretWait::HandedIn)),
            Event::SecretMissed { secret, .. } => drop(self.secrets.insert(secret.clone(), SecretWait::Missed)),
            Event::RunHeld { deadline } => self.held = Some(deadline.clone()),
            Event::RunCommitted { by } => self.committed = Some(by.clone()),
            Event::DrainRequested => self.draining = true,
            Event::CancelRequested => self.cancelling = true,
            Event::RollbackStarted { cause } => {
                self.phase = RunPhase::RollingBack(cause.clone());
                self.rollback = Some(cause.clone());
                self.begin_rollback();
            }
            Event::RollbackVerified { .. } => self.any_verified = true,
            Event::Compared { step, .. } => self.last_compared = self.index.get(step).copied(),
            Event::ServiceRevived { step, summary, failure } => self.revived(step, summary, failure.as_ref()),
            Event::ServiceRead { step, seen, .. } => {
                // A secret may be struck out of the name in the record; the step by which it was reached knows it.
                let name = self.step(step).and_then(StepState::service).map(str::to_owned);
                if let Some(time) = name.and_then(|name| self.services.get_mut(&name)) {
                    time.seen = Some(seen.clone());
                }
            }
            Event::RunFinished { verdict, note } => {
                self.had_ended |= *verdict != Verdict::Stuck;
                self.phase = RunPhase::Finished(*verdict);
                self.note = note.clone();
            }
            // All that they say is of a step, if anything.
            Event::ControlRefused { .. }
            | Event::DecisionAsked { .. }
            | Event::DecisionMade { .. }
            | Event::StepWaits { .. }
            | Event::StepApproved { .. }
            | Event::Predicted { .. }
            | Event::BaselineTaken { .. }
            | Event::Remained { .. }
            | Event::ServiceFound { .. }
            | Event::StepStarted { .. }
            | Event::StepIntended { .. }
            | Event::StepRetrying { .. }
            | Event::StepFinished { .. }
            | Event::UndoStarted { .. }
            | Event::UndoFinished { .. } => {}
        }
    }

    fn begin(&mut self, header: &RunHeader) {
        self.phase = RunPhase::Forward;
        self.steps = vec![StepState::default(); header.steps.len()];
        self.counts = HashMap::from([(StepStatus::default(), header.steps.len())]);
        self.first_pending = 0;
        self.intents = BTreeMap::new();
        self.left = BTreeMap::new();
        self.index = header.steps.iter().cloned().zip(0..).collect();
        self.widest_id = header.steps.iter().map(|step| step.as_str().len()).max().unwrap_or(0);
        self.header = Some(header.clone());
    }

    /// What was read of services, and done for them at the end, is of another time.
    fn look_again(&mut self) {
        self.services.values_mut().for_each(|time| time.seen = None);
        for found in self.steps.iter_mut().filter_map(|step| step.found.as_mut()) {
            found.looked_after = false;
            found.failure = None;
        }
    }

    fn revived(&mut self, step: &StepId, summary: &str, failure: Option<&Failure>) {
        let Some(found) = self.step_mut(step).and_then(|state| state.found.as_mut()) else { return };
        found.looked_after = true;
        found.failure = failure.cloned();
        let name = found.service.as_ref().map(|service| service.name.clone());
        // The run never moved it, and what is said of it at the end is read all the same.
        if let (Some(name), true) = (name, failure.is_some() || !summary.is_empty()) {
            let time = self.services.entry(name).or_insert_with(|| ServiceTime { was_up: true, ..Default::default() });
            time.seen = None;
        }
    }

    /// An interrupt that led here is answered. What could not be taken back earlier is tried anew, and all is verified
    /// anew.
    fn begin_rollback(&mut self) {
        self.draining = false;
        self.cancelling = false;
        self.look_again();
        // Where nothing is half-way, the signals are read before anything else is done about those that were lost.
        let untouched = !self.may_have_touched();
        self.last_compared = None;
        for step in &mut self.steps {
            step.verified = false;
            step.compared = None;
            if untouched {
                step.lost.clear();
                step.unread.clear();
            }
            if step.status == StepStatus::UndoFailed {
                step.status = StepStatus::FailedTouched;
            }
        }
        if let Some(failed) = self.counts.remove(&StepStatus::UndoFailed) {
            *self.counts.entry(StepStatus::FailedTouched).or_default() += failed;
        }
    }

    fn step_mut(&mut self, step: &StepId) -> Option<&mut StepState> {
        self.index.get(step).and_then(|at| self.steps.get_mut(*at))
    }

    fn move_step(&mut self, id: &StepId, record: &Record) -> Result<(), IllegalTransition> {
        let at = self.index.get(id).copied();
        let Some((at, step)) = at.and_then(|at| Some((at, self.steps.get_mut(at)?))) else {
            return Err(IllegalTransition { from: StepStatus::Pending, event: record.event.name() });
        };
        let from = step.status;
        step.status = next_status(from, &record.event)?;
        if let Some(count) = self.counts.get_mut(&from) {
            *count = count.saturating_sub(1);
        }
        *self.counts.entry(step.status).or_default() += 1;
        match &record.event {
            Event::StepIntended { .. } => {
                if let Some(earlier) = step.intent_seq {
                    self.intents.remove(&earlier);
                    self.left.remove(&earlier);
                }
                self.intents.insert(record.seq, at);
                self.left.insert(record.seq, at);
            }
            Event::UndoFinished { phase: UndoPhase::Undo, failure: None, .. } => {
                step.intent_seq.map(|intent| self.left.remove(&intent));
            }
            _ => {}
        }
        step.goes_on(record);
        if let Some((name, step)) = effect_on_service(&record.event, step.moved()) {
            let time = step.fold(self.services.remove(&name), record.at);
            self.services.insert(name, time);
        }
        Ok(())
    }
}

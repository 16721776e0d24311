//! The way of what happened: into the state, the journal, and then to those who are told.

use super::Runner;
use crate::Error;
use runbook_host::now_ms;
use runbook_model::{Event, Outcome, Record};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How long a journal is tried that takes nothing, and the pause between two tries.
const PERSISTENCE: Duration = Duration::from_secs(300);
const AGAIN: Duration = Duration::from_millis(500);

impl Runner {
    /// The events as records, which the state knows of from now on.
    pub(super) fn happen(&mut self, events: Vec<Event>) -> Result<Vec<Record>, Error> {
        let records = self.number(events)?;
        for record in &records {
            self.state.apply(record).map_err(|source| Error::Damaged { run: self.run.clone(), source })?;
        }
        Ok(records)
    }

    fn number(&mut self, events: Vec<Event>) -> Result<Vec<Record>, Error> {
        let at = now_ms();
        let record = |(seq, event): (u64, &Event)| {
            let struck = self.worker.secrets.redact(event.clone());
            struck.map(|event| Record { seq, at, event }).ok_or(Error::Untold { event: event.name() })
        };
        let records = (self.state.seq + 1..).zip(&events).map(record).collect::<Result<_, _>>()?;
        self.unstruck.extend(events);
        Ok(records)
    }

    pub(super) fn commit(&mut self, records: &[Record]) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        #[cfg(debug_assertions)]
        self.worker.faults.before_commit(self.written, records.len() as u64);
        self.journal.append(&self.run, records)?;
        self.publish(records);
        Ok(())
    }

    /// As [`commit`](Self::commit), tried again for a while: a run that nobody committed is taken back by nobody else before
    /// the next boot, and a disk may be full for a moment only. Nothing else goes on meanwhile.
    pub(super) fn commit_persistently(&mut self, records: &[Record]) -> Result<(), Error> {
        let end = Instant::now() + PERSISTENCE;
        loop {
            match self.commit(records) {
                Err(error) if Instant::now() < end => {
                    tracing::warn!(%error, "the journal takes nothing, and is tried again");
                    std::thread::sleep(AGAIN);
                }
                done => return done,
            }
        }
    }

    /// Tells the workers and the observer what is on record.
    pub(super) fn publish(&mut self, records: &[Record]) {
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
                step, results, outcome: Outcome::Unchanged { .. } | Outcome::Changed { .. }, ..
            } => {
                let mut known = self.worker.outputs.write().unwrap_or_else(PoisonError::into_inner);
                known.insert(step, results);
            }
            Event::StepApproved { step, approval } => {
                let mut known = self.worker.approvals.write().unwrap_or_else(PoisonError::into_inner);
                known.entry(step).or_insert(approval);
            }
            Event::StepIntended { step, undo } => drop(self.undo.insert(step, undo)),
            Event::BaselineTaken { step, marks, .. } => drop(self.marks.insert(step, marks)),
            _ => {}
        }
    }
}

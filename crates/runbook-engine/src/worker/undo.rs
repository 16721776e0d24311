//! The undo of a step. It is taken back alone: what its commands left running is ended, so that it writes nothing after that.

use super::{JobContext, Worker};
use crate::binding::{Unbound, Values, unwritten};
use runbook_model::{Declaration, Failure, StepId, UndoPhase};
use runbook_step::Step;

impl Worker {
    /// The mark of what a step runs on the way forward.
    pub(super) fn mark(&self, step: &StepId) -> String {
        format!("{}/{step}", self.run.as_str())
    }

    /// The mark of what it runs on the way back: what an undo starts is not what the step left.
    pub(super) fn mark_back(&self, step: &StepId) -> String {
        format!("{}/{step}/back", self.run.as_str())
    }
}

impl JobContext<'_> {
    pub(super) fn undo(&self, phase: UndoPhase) -> Result<String, Failure> {
        #[cfg(debug_assertions)]
        self.worker.faults.undo(&self.def.id)?;
        let (bound, context) = self.on_the_way_back()?;
        context.undo_alone(phase, bound.as_ref())
    }

    /// The step, and a host that refuses whatever would use what is missing now.
    pub(super) fn on_the_way_back(&self) -> Result<(Box<dyn Step>, JobContext<'_>), Failure> {
        let bind = |values: Values<'_>| {
            self.worker.program.bind_to_undo(self.def, Values { host: Some(&self.host), ..values })
        };
        let (bound, mut unusable) = self.with_values(bind).map_err(Unbound::into_failure)?;
        unusable.extend(self.snapshot.struck.iter().map(|name| unwritten(name, &self.def.id)));
        Ok((bound, self.of(self.def, self.host.clone().refusing(unusable))))
    }

    /// Takes the step back when nothing that it started runs. An undo that is a program of the author's is run first, for
    /// it may want to stop what the step started by itself; it is run again if it left something of that running.
    fn undo_alone(&self, phase: UndoPhase, bound: &dyn Step) -> Result<String, Failure> {
        let undo = || bound.take_back(phase, &self.tools(&|note| self.say(note)), &self.snapshot.undo.data);
        if phase != UndoPhase::Undo {
            return undo();
        }
        self.end_what_others_left();
        let (mark, back) = (self.worker.mark(&self.def.id), self.worker.mark_back(&self.def.id));
        let knows = bound.ends_what_it_left();
        if !knows {
            self.end_left_behind(&mark);
        }
        let mut result = undo();
        if knows && self.end_left_behind(&mark) {
            result = undo();
        }
        if result.is_err() {
            self.end_left_behind(&back);
        }
        result
    }

    /// Steps that change nothing are never taken back, so nothing else would end what they left.
    fn end_what_others_left(&self) {
        self.worker.others_ended.call_once(|| {
            let schedule = &self.worker.program.execution.schedule;
            let changes = |step: &StepId| schedule.declaration(step).is_none_or(Declaration::changes);
            for step in schedule.order().iter().filter(|step| !changes(step)) {
                self.end_left_behind(&self.worker.mark(step));
            }
        });
    }

    /// Ends what commands with this mark left running, and tells what could not be ended. Whether there was anything.
    pub(super) fn end_left_behind(&self, mark: &str) -> bool {
        let left = self.host.end_left_behind(mark);
        if let Ok(mut known) = self.remains.lock() {
            known.extend(left.remains);
        }
        left.found
    }
}

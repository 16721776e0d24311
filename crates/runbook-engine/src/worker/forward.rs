//! A step going forward: its condition, probe and `prepare`, then `apply` and `confirm`.

use super::{JobContext, full};
use crate::binding::{Unbound, Values};
use crate::input::{Began, Input};
use crate::predict::CONDITION_IS_FALSE;
use crate::undo_sources::refuse_harmed;
use crate::written_paths::written;
use runbook_host::{Reader, io_failure};
use runbook_model::{Declaration, Failure, FailureKind, Prediction, Purpose, StepId, UndoRecord};
use runbook_step::{Confirmation, Done, Prepared, ServiceStep, Step, captures_in};
use std::path::{Path, PathBuf};

impl JobContext<'_> {
    pub(super) fn begin(&self, forced: bool) -> Result<Began, Failure> {
        let holds = self.with_values(|values| self.worker.program.holds(self.def, values));
        if !holds.map_err(Unbound::into_failure)? {
            return Ok(Began::Skip(CONDITION_IS_FALSE.to_owned()));
        }
        let changes = self.changes();
        let attends = self.declaration().is_some_and(|declaration| declaration.purpose == Purpose::Attendant);
        if let Some(failure) = self.worker.program.made_anew(self.def) {
            return Err(failure);
        }
        let bound = self.bind()?;
        self.refuse_other_targets()?;
        let probe = bound.probe(self.host.reader())?;
        // An attendant that changes nothing, such as a verification, has its whole use in acting.
        let must_act = forced || (attends && !changes) || bound.service().is_some_and(ServiceStep::keeps_down);
        if let (Prediction::NoChange { summary }, false) = (probe.prediction, must_act) {
            return Ok(Began::Unchanged { summary, results: probe.results });
        }
        if !changes {
            return Ok(Began::Ready { undo: None });
        }
        self.forget_earlier_captures()?;
        let absent = absent(&self.host, &written(&self.worker.program.execution, &self.def.id));
        let Prepared { undo, service, restore_points } = bound.prepare(&self.tools(&|note| self.say(note)))?;
        let files = std::fs::read_dir(&self.dir).is_ok_and(|mut entries| entries.next().is_some());
        let captured = captures_in(&self.dir).is_dir();
        Ok(Began::Ready { undo: Some(UndoRecord { data: undo, service, restore_points, files, captured, absent }) })
    }

    /// Only on the way forward: what was changed is taken back wherever it is.
    fn refuse_other_targets(&self) -> Result<(), Failure> {
        let missed = |values: Values<'_>| self.worker.program.missed_target(self.def, values, self.host.reader());
        self.with_values(missed).map_or(Ok(()), Err)
    }

    /// Before its intent a step has not acted: what an attempt that was cut short has captured is of no use, and in the
    /// way of the next one.
    fn forget_earlier_captures(&self) -> Result<(), Failure> {
        if let Err(error) = std::fs::remove_dir_all(&self.dir)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(io_failure("remove", &self.dir, &error));
        }
        self.worker.state_dir.create_below(&self.dir).map_err(|error| full(&error))
    }

    fn changes(&self) -> bool {
        self.declaration().is_none_or(Declaration::changes)
    }

    pub(super) fn act(&self, bound: &dyn Step) -> Result<Done, Failure> {
        let say = |note| self.say(note);
        let tools = self.tools(&say);
        // A step that changes nothing has no intent, and so no undo data on record.
        let harmless = || refuse_harmed(&self.snapshot.backups, &self.dir);
        let prepared = if self.changes() { harmless().map(|()| None)? } else { Some(bound.prepare(&tools)?.undo) };
        let undo = prepared.as_ref().unwrap_or(&self.snapshot.undo.data);
        let mut done = bound.apply(&tools, undo)?;
        #[cfg(debug_assertions)]
        self.worker.faults.apply(&self.def.id)?;
        if let Confirmation::NotThere(what) = bound.confirm(self.host.reader(), undo)? {
            return Err(Failure::failed(format!("it ended well, but the change is not there: {what}")));
        }
        if let Some(settled) = self.second_pass()? {
            done.summary = format!("{}; {settled}", done.summary);
        }
        Ok(done)
    }

    /// After a crash: nothing is repeated blindly.
    pub(super) fn recheck(&self, bound: &dyn Step) -> Result<Done, Failure> {
        match bound.confirm(self.host.reader(), &self.snapshot.undo.data)? {
            Confirmation::There => {
                let probe = bound.probe(self.host.reader())?;
                let settled = self.second_pass()?.map(|settled| format!("; {settled}")).unwrap_or_default();
                Ok(Done::saying(format!("was done before the interruption{settled}")).with(probe.results))
            }
            Confirmation::NotThere(_) => self.act(bound),
            Confirmation::CannotTell => Err(Failure::new(
                FailureKind::Inconclusive,
                "it was interrupted, and reading the host cannot tell whether it was done",
            )),
        }
    }

    pub(super) fn acted(&self, step: StepId, result: Result<Done, Failure>) -> Input {
        if result.is_err() {
            self.end_left_behind(&self.worker.mark(&step));
        }
        let readings = self.evidence.lock().map(|rows| rows.clone()).unwrap_or_default();
        let result = result.map(|done| (done.summary, done.results));
        Input::Acted { step, result, readings, remains: self.remains() }
    }
}

/// The outermost paths of those above or at `written` that are not there.
fn absent(host: &Reader, written: &[PathBuf]) -> Vec<PathBuf> {
    let missing = |path: &Path| matches!(host.lstat(path), Ok(None));
    let outermost = |path: &PathBuf| path.ancestors().take_while(|above| missing(above)).last().map(Path::to_owned);
    let mut found: Vec<PathBuf> = written.iter().filter_map(outermost).collect();
    found.sort_unstable();
    found.dedup();
    found
}

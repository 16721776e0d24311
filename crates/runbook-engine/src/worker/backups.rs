//! The backups of a run after they are complete: their second pass, and how what a rollback kept differs from them.

use super::{JobContext, fail};
use crate::action::Job;
use crate::input::Input;
use crate::written_paths::written;
use runbook_host::Reader;
use runbook_model::{Failure, Remains, RemainsKind, Role, StepId};
use runbook_step::{BackupStep, Changed};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

impl JobContext<'_> {
    /// After a service went down, the backups of its directories get their second pass.
    pub(super) fn second_pass(&self) -> Result<Option<String>, Failure> {
        if !self.declaration().is_some_and(|it| it.plays(|role| matches!(role, Role::Stop(_)))) {
            return Ok(None);
        }
        let mut found = Vec::new();
        for (backup, complete) in self.snapshot.backups.iter().zip(&self.snapshot.complete) {
            let Some(def) = self.worker.program.step(&backup.step) else { continue };
            let context = self.of(def, self.host.clone());
            let bound = context.bind()?;
            let Some(backup) = bound.backup() else { continue };
            let since = || self.changed_since(*complete);
            found.extend(backup.second_pass(&context.tools(&|note| context.say(note)), &since)?);
        }
        Ok((!found.is_empty()).then(|| found.join("; ")))
    }

    /// What this run may have changed since its record `seq`. Steps that run beside this one add to it.
    fn changed_since(&self, seq: u64) -> Vec<Changed> {
        let intents = self.worker.intents.read().unwrap_or_else(PoisonError::into_inner).clone();
        let later = intents.into_iter().filter(|(at, step)| *at > seq && *step != self.def.id);
        let execution = &self.worker.program.execution;
        let changed = |(_, step): (u64, StepId)| {
            written(execution, &step).into_iter().map(move |path| Changed { step: step.clone(), path })
        };
        later.flat_map(changed).collect()
    }

    pub(super) fn compare(&self, step: StepId) -> Input {
        match self.differences(&self.snapshot.kept) {
            Ok(mut remains) => {
                remains.extend(self.snapshot.undo.absent.iter().filter_map(|path| still_there(&self.host, path)));
                Input::Compared { step, remains }
            }
            Err(failure) => fail(Job::Compare(step), self.snapshot, failure),
        }
    }

    fn differences(&self, kept: &[PathBuf]) -> Result<Vec<Remains>, Failure> {
        if kept.is_empty() {
            return Ok(Vec::new());
        }
        let bound = self.bind()?;
        let compare = |backup: &dyn BackupStep| backup.compare(&self.tools(&|note| self.say(note)), kept);
        bound.backup().map_or(Ok(Vec::new()), compare)
    }
}

/// What there is to say of a path that was not there before the step.
fn still_there(host: &Reader, path: &Path) -> Option<Remains> {
    let name = path.display().to_string();
    match host.lstat(path) {
        Ok(None) => None,
        Ok(Some(_)) => Some(Remains::new(RemainsKind::Left, name, "was not there before")),
        Err(failure) => Some(Remains::new(RemainsKind::NotCompared, name, failure.message)),
    }
}

//! The way back of the steps that start, stop and restart: the service as it was, with the spec that it had.

use super::{Life, Service, Spec};
use crate::managed::{Motion, ServiceUndo};
use crate::manner::Manner;
use crate::undo_data;
use runbook_host::{Command, Identity, Reader};
use runbook_model::{Failure, ServiceState};
use runbook_step::{Prepared, Work};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The service before the step. The spec lies beside it in the step's directory, for it may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    /// Its process, if it ran.
    running: Option<Identity>,
    /// Whether it was running or about to be started again by its supervisor.
    up: bool,
    /// Its supervisor, if it kept ending by itself: it waited to be started again, or had been only just now.
    #[serde(default)]
    failing: Option<Identity>,
    /// Whether it was known at all.
    known: bool,
}

const SPEC: &str = "service.json";
const BROUGHT_BACK: &str = "brought-back.json";

impl ServiceUndo for Service {
    fn remember(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        self.refuse_from_inside(work.host)?;
        let life = self.life(work.host)?;
        let spec = self.spec(work.host)?;
        let failing = self.supervisor_of_a_loop(work, &life, spec.as_ref())?;
        let spec = match (spec, life.process()) {
            // An older version did not write down what the service was started with.
            (Some(spec @ Spec { umask: None, .. }), Some(process)) => {
                Some(Spec { umask: work.host.umask_of(process.pid)?, ..spec })
            }
            (spec, _) => spec,
        };
        if let Some(spec) = &spec {
            work.host.keep(&work.dir.join(SPEC), &spec.to_bytes()?)?;
        }
        let up = life != Life::Down;
        let before = Before { running: life.process().cloned(), up, failing, known: spec.is_some() };
        undo_data::of_service(&before, ServiceState::new(&self.name, up))
    }

    /// Its program may be gone from the disk while it runs.
    fn can_come_back(&self, host: &Reader, _: Motion) -> Result<(), Failure> {
        let (Life::Running(_), Some(spec)) = (self.life(host)?, self.spec(host)?) else { return Ok(()) };
        let program = spec.program.to_string_lossy().into_owned();
        host.can_run(&Command { argv: vec![program], cwd: Some(spec.cwd), ..Command::default() })
    }

    fn halt(&self, work: &Work<'_>, _: &Json, _: Manner) -> Result<String, Failure> {
        let stopped = self.stop(work.host)?;
        Ok(if stopped { format!("`{}` brought down", self.name) } else { String::new() })
    }

    fn undo(&self, work: &Work<'_>, undo: &Json, _: Manner, up: bool) -> Result<String, Failure> {
        let (before, spec) = match undo_data::read::<Before>(undo)? {
            Some(before) => {
                let spec = if before.known { self.remembered_spec(work)? } else { None };
                (before, spec)
            }
            None => (Before { running: None, up, failing: None, known: true }, self.spec(work.host)?),
        };
        match spec {
            Some(spec) if before.up => self.bring_back(work, &before, &spec),
            spec => {
                self.stop(work.host)?;
                self.restore_spec(work.host, spec.as_ref())?;
                Ok(format!("`{}` is down as before", self.name))
            }
        }
    }
}

impl Service {
    /// Whether the process that ran before the step is another one than the one that runs now.
    pub fn was_replaced(&self, host: &Reader, undo: &Json) -> Result<bool, Failure> {
        let before = undo_data::read::<Before>(undo)?.and_then(|before| before.running);
        Ok(self.life(host)?.process().is_some_and(|now| before.as_ref() != Some(now)))
    }

    fn bring_back(&self, work: &Work<'_>, before: &Before, spec: &Spec) -> Result<String, Failure> {
        let life = self.life(work.host)?;
        let brought_back: Option<Identity> = undo_data::kept(work.host, &work.dir.join(BROUGHT_BACK))?;
        if let Life::Running(now) = &life {
            if before.running.as_ref() == Some(now) {
                return Ok(format!("`{}` was never brought down, {now}", self.name));
            }
            if brought_back.as_ref() == Some(now) && self.spec(work.host)?.is_some_and(|now| now.runs_like(spec)) {
                return Ok(format!("`{}` runs again, {now}", self.name));
            }
        }
        if let Some(supervisor) = &before.failing {
            return self.bring_back_loop(work, supervisor, spec);
        }
        self.stop(work.host)?;
        let state = self.start(work.host, spec)?;
        let Some(now) = state.child else { return Err(Failure::failed(format!("`{}` is not running", self.name))) };
        undo_data::keep(work.host, &work.dir.join(BROUGHT_BACK), &now)?;
        Ok(format!("`{}` runs again as before, {now}", self.name))
    }

    /// It did not stay up before, so nobody can wait for it to be up now: what comes back is its supervisor.
    fn bring_back_loop(&self, work: &Work<'_>, before: &Identity, spec: &Spec) -> Result<String, Failure> {
        let path = work.dir.join(BROUGHT_BACK);
        let brought_back: Option<Identity> = undo_data::kept(work.host, &path)?;
        let now = self.state(work.host)?.map(|state| state.supervisor);
        let is_back = match &now {
            Some(now) if now == before || Some(now) == brought_back.as_ref() => work.host.alive(now)?,
            _ => false,
        };
        if !is_back || !self.spec(work.host)?.is_some_and(|now| now.runs_like(spec)) {
            self.stop(work.host)?;
            let state = self.supervise(work.host, spec)?;
            undo_data::keep(work.host, &path, &state.supervisor)?;
        }
        Ok(format!(
            "`{}` is about to be started again by its supervisor, as before: it did not stay up then",
            self.name
        ))
    }

    /// The supervisor of a service that does not stay up: it waits, or its process was started again by itself less
    /// long ago than that may take to come up.
    fn supervisor_of_a_loop(
        &self,
        work: &Work<'_>,
        life: &Life,
        spec: Option<&Spec>,
    ) -> Result<Option<Identity>, Failure> {
        let (Some(state), Some(spec)) = (self.state(work.host)?, spec) else { return Ok(None) };
        let started_ms = i64::try_from(state.started_ns / 1_000_000).unwrap_or(i64::MAX);
        let age_ms = work.host.now_ms().saturating_sub(started_ms);
        let only_just = state.restarts > 0 && age_ms < i64::try_from(spec.ready.within_ms).unwrap_or(i64::MAX);
        let failing = matches!(life, Life::Waiting) || (matches!(life, Life::Running(_)) && only_just);
        Ok(failing.then_some(state.supervisor))
    }

    fn remembered_spec(&self, work: &Work<'_>) -> Result<Option<Spec>, Failure> {
        let path = work.dir.join(SPEC);
        let bytes = work.host.read(&path)?.ok_or_else(|| {
            Failure::failed(format!("{}, which says how `{}` was run, is not there", path.display(), self.name))
        })?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Failure::failed(format!("{} is damaged: {error}", path.display())))
    }
}

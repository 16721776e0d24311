//! The way back of the steps that load, end or restart a job: loaded and running as before, from the same property list.

use super::{Definition, Job, JobState};
use crate::managed::{AroundRun, ServiceUndo};
use crate::manner::Manner;
use crate::undo_data;
use runbook_host::{Identity, Reader};
use runbook_model::{Failure, ServiceSeen, ServiceState};
use runbook_step::{Prepared, Work};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The job before the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The property list that it was loaded from; `None` if it was not loaded.
    plist: Option<PathBuf>,
    /// Its main process, if it had one.
    pub main: Option<Identity>,
    /// Whether launchd would have refused to load it, as it may with a job that is loaded.
    disabled: bool,
}

/// The file in the step's own directory with the process that was brought back.
const BROUGHT_BACK: &str = "brought-back";
/// The file with the path of the property list of the job that a halt has ended.
const HALTED: &str = "halted";

impl ServiceUndo for Job {
    /// A job that could not be loaded again is refused.
    fn remember(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let state = self.state(work.host)?;
        let plist = state.as_ref().map(|state| self.loaded_from(work.host, state)).transpose()?;
        let definition = plist.as_deref().map(|plist| Definition::of(work.host, plist, &self.label)).transpose()?;
        let main = state.as_ref().map(|state| Self::main(work.host, state)).transpose()?.flatten();
        let before = Before { disabled: self.is_disabled(work.host, definition.as_ref())?, plist, main };
        undo_data::of_service(&before, ServiceState::new(self.title(), before.main.is_some()))
    }

    /// Without undo data it is loaded again if a halt has ended it.
    fn undo(&self, work: &Work<'_>, undo: &Json, manner: Manner, up: bool) -> Result<String, Failure> {
        let manner = manner.lenient();
        let before = Before::read(undo)?;
        let halted = work.host.read(&work.dir.join(HALTED))?;
        let halted = halted.map(|path| PathBuf::from(OsStr::from_bytes(&path))).filter(|_| up);
        // What had no process was no better off than that; what the step found to be in order was.
        let stays = before.as_ref().is_none_or(|before| before.main.is_some());
        let before = before.unwrap_or(Before { plist: halted, main: None, disabled: false });
        match &before.plist {
            Some(plist) => self.bring_back(work, &before, plist, stays.then_some(manner)),
            None => {
                self.bootout(work.host, manner)?;
                Ok(format!("{self} is not loaded, as before"))
            }
        }
    }

    /// Notes what it was loaded from.
    fn halt(&self, work: &Work<'_>, _: &Json, manner: Manner) -> Result<String, Failure> {
        let Some(state) = self.state(work.host)? else { return Ok(String::new()) };
        if let Some(plist) = &state.plist {
            work.host.keep(&work.dir.join(HALTED), plist.as_os_str().as_bytes())?;
        }
        self.bootout(work.host, manner.lenient())?;
        Ok(format!("{self} ended"))
    }
}

impl AroundRun for Job {
    /// A job that is loaded for something that is yet to happen has no process.
    fn close(&self, work: &Work<'_>, _: &Json) -> Result<ServiceSeen, Failure> {
        let state = self.state(work.host)?;
        let words = state.as_ref().map_or_else(|| "not loaded".to_owned(), JobState::words);
        Ok(ServiceSeen { up: Some(state.is_some()), words, start: None })
    }
}

impl Job {
    /// Loads it as it was loaded. `up` is how it has to come up; `None` if it had no process before either: one that
    /// failed already keeps nobody from going back.
    fn bring_back(
        &self,
        work: &Work<'_>,
        before: &Before,
        plist: &Path,
        up: Option<Manner>,
    ) -> Result<String, Failure> {
        let marker = work.dir.join(BROUGHT_BACK);
        if let Some(now) = self.state(work.host)?
            && let Some(main) = Self::main(work.host, &now)?
        {
            if before.main.as_ref() == Some(&main) {
                return Ok(format!("{self} was never ended, {}", now.words()));
            }
            if work.host.read(&marker)?.is_some_and(|kept| kept == life(&main)) {
                return Ok(format!("{self} runs again, {}", now.words()));
            }
        }
        self.bootout(work.host, Manner { settle: Duration::ZERO, leave_processes: true })?;
        let state = self.load_as_before(work, before, plist, up)?;
        match Self::main(work.host, &state)? {
            Some(main) => {
                work.host.keep(&marker, &life(&main))?;
                Ok(format!("{self} runs again as before, {}", state.words()))
            }
            None => Ok(format!("{self} is loaded again as before, {}", state.words())),
        }
    }

    /// Loads it, and starts it if it ran; whether it may be loaded is afterwards as it was.
    fn load_as_before(
        &self,
        work: &Work<'_>,
        before: &Before,
        plist: &Path,
        up: Option<Manner>,
    ) -> Result<JobState, Failure> {
        let host = work.host;
        let definition = Definition::of(host, plist, &self.label)?;
        if before.disabled && self.is_disabled(host, Some(&definition))? {
            self.set_disabled(host, false)?;
        }
        let state = match up {
            None => self.bring_in(host, plist, &definition)?,
            Some(manner) => {
                let loaded = self.bootstrap(host, plist, manner)?;
                if before.main.is_some() && loaded.pid.is_none() { self.start(host, manner)? } else { loaded }
            }
        };
        if before.disabled && !self.is_disabled(host, Some(&definition))? {
            self.set_disabled(host, true)?;
        }
        Ok(state)
    }

    /// Where it was loaded from; a refusal if it could not be loaded from there again.
    fn loaded_from(&self, host: &Reader, state: &JobState) -> Result<PathBuf, Failure> {
        let why = match &state.plist {
            Some(plist) if host.stat(plist)?.is_some_and(|found| found.is_file()) => return Ok(plist.clone()),
            Some(plist) => format!("its property list {} is gone", plist.display()),
            None => "launchd has it from no property list".to_owned(),
        };
        Err(Failure::refused(format!("{self} could not be loaded again: {why}"))
            .hint("put the property list back, or end the job by hand if it is meant to go"))
    }
}

/// One process for all time, as bytes of a file.
fn life(main: &Identity) -> Vec<u8> {
    format!("{} {} {}", main.pid, main.start, main.boot).into_bytes()
}

impl Before {
    /// What [`Job::remember`] wrote; `None` if it was not asked to.
    pub fn read(undo: &Json) -> Result<Option<Self>, Failure> {
        undo_data::read(undo)
    }
}

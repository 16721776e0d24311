//! What can be seen of a service of the embedded supervisor.

use super::{Life, Service};
use crate::log::{Marks, Moment, Tail};
use crate::managed::AroundRun;
use crate::observed::{Beside, Holders, Logged, Observed, Sight};
use crate::target_service::TargetService;
use runbook_host::{Identity, LogMark, Reader};
use runbook_model::{Failure, Resource, ServiceSeen};
use runbook_step::Work;
use serde_json::Value as Json;
use std::fmt;
use std::path::PathBuf;

impl Observed for Service {
    fn resource(&self) -> Resource {
        Resource::Process(self.name.clone())
    }

    fn target(&self) -> Option<&dyn TargetService> {
        Some(self)
    }

    fn sight(&self, host: &Reader) -> Result<Sight, Failure> {
        let life = self.life(host)?;
        let process = if let Life::Running(process) = &life { Some(process.clone()) } else { None };
        Ok(Sight { is_up: process.is_some(), words: life.words(), process, restarts: None })
    }

    /// A service may give its socket to whom it likes.
    fn holders(&self, host: &Reader) -> Result<Holders, Failure> {
        Ok(Holders { own: self.identities(host)?, beside: Beside::Anybody, otherwise: String::new() })
    }
}

impl Logged for Service {
    fn log_file(&self, host: &Reader) -> Result<Option<(PathBuf, Option<LogMark>)>, Failure> {
        let started = self.spec(host)?.zip(self.state(host)?);
        Ok(started.map(|(spec, state)| (spec.log, state.log_since)))
    }

    fn log(&self, host: &Reader, _: &Marks<'_>, _: Moment) -> Result<Result<Tail, String>, Failure> {
        let never = || Err("the service was never started, so it has no log".to_owned());
        Ok(self.log_file(host)?.map_or_else(never, |(path, mark)| Tail::of_file(path, mark)))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Service {
    /// Every process of it that runs.
    pub(super) fn identities(&self, host: &Reader) -> Result<Vec<Identity>, Failure> {
        Ok(self.tree(host)?.into_iter().map(|process| process.identity).collect())
    }

    /// What the process table says.
    pub fn life(&self, host: &Reader) -> Result<Life, Failure> {
        self.state(host)?.map_or(Ok(Life::Down), |state| state.life(host))
    }
}

impl AroundRun for Service {
    fn close(&self, work: &Work<'_>, _: &Json) -> Result<ServiceSeen, Failure> {
        let life = self.life(work.host)?;
        let up = matches!(life, Life::Running(_) | Life::Unsupervised(_));
        Ok(ServiceSeen { up: Some(up), words: life.words(), start: None })
    }
}

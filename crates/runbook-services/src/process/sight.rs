//! What can be seen of a service of the embedded supervisor.

use super::{Life, Service};
use crate::observed::{Beside, Holders, Observed, Sight};
use runbook_host::Reader;
use runbook_model::{Failure, ServiceSeen};
use std::fmt;

impl Observed for Service {
    fn sight(&self, host: &Reader) -> Result<Sight, Failure> {
        let life = self.life(host)?;
        let process = if let Life::Running(process) = &life { Some(process.clone()) } else { None };
        Ok(Sight { is_up: process.is_some(), words: life.words(), process, restarts: None })
    }

    /// A service may give its socket to whom it likes.
    fn holders(&self, host: &Reader) -> Result<Holders, Failure> {
        let own = self.tree(host)?.into_iter().map(|process| process.identity).collect();
        Ok(Holders { own, beside: Beside::Anybody, otherwise: String::new() })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Service {
    /// What the process table says.
    pub fn life(&self, host: &Reader) -> Result<Life, Failure> {
        self.state(host)?.map_or(Ok(Life::Down), |state| state.life(host))
    }

    /// How it is, for the end of a run.
    pub(crate) fn seen(&self, host: &Reader) -> Result<ServiceSeen, Failure> {
        let life = self.life(host)?;
        let up = matches!(life, Life::Running(_) | Life::Unsupervised(_));
        Ok(ServiceSeen { up: Some(up), words: life.words(), start: None })
    }
}

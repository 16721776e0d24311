//! What the next start of a service executes, by its spec.

use super::Service;
use crate::facts::{Launch, ServiceFacts};
use crate::observed::Inspected;
use runbook_host::{Account, Reader};
use runbook_model::Failure;

impl Inspected for Service {
    /// What its supervisor goes by. A service that is not known on this host is a failure.
    fn facts(&self, host: &Reader) -> Result<ServiceFacts, Failure> {
        let name = &self.name;
        let spec = self.spec(host)?.ok_or_else(|| {
            Failure::missing(format!("there is no service `{name}` on this host"))
                .hint("correct `name`, or start it with `process.start`; `--state-dir` says where services are kept")
        })?;
        let life = self.life(host)?;
        let restarts = self.state(host)?.map_or(0, |state| state.restarts);
        let account = Account::named(host, &host.own_uid().to_string())?;
        let env = spec.base_env.iter().chain(&spec.env);
        let launch = Launch {
            program: spec.program.to_string_lossy().into_owned(),
            args: spec.argv.iter().skip(1).cloned().map(Some).collect(),
            cwd: spec.cwd.clone(),
            env: env.map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
            account: account.clone(),
        };
        Ok(ServiceFacts {
            title: format!("service `{name}`"),
            launch: Ok(launch),
            declared: spec.argv.clone(),
            account,
            processes: life.process().cloned().into_iter().collect(),
            files: Vec::new(),
            deciding: Vec::new(),
            stale: None,
            log: spec.log.to_string_lossy().into_owned(),
            restart: spec.restart.name().to_owned(),
            restarts,
            state: life.words(),
        })
    }
}

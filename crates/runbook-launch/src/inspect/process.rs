//! A service of the embedded supervisor.

use super::service_facts::ServiceFacts;
use crate::Launch;
use runbook_host::{Account, Reader};
use runbook_model::Failure;
use runbook_services::process::Service;

/// What its supervisor goes by. A service that is not known on this host is a failure.
pub(super) fn tell(host: &Reader, service: &Service) -> Result<ServiceFacts, Failure> {
    let name = &service.name;
    let spec = service.spec(host)?.ok_or_else(|| {
        Failure::missing(format!("there is no service `{name}` on this host"))
            .hint("correct `name`, or start it with `process.start`; `--state-dir` says where services are kept")
    })?;
    let life = service.life(host)?;
    let restarts = service.state(host)?.map_or(0, |state| state.restarts);
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
        restart: spec.restart.word().to_owned(),
        restarts,
        state: life.words(),
    })
}

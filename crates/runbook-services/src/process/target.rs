//! A service of the embedded supervisor for housekeeping around it.

use super::{Life, Service};
use crate::target_service::{Surroundings, TargetService};
use runbook_host::{Identity, PortOwners, Reader, base_environment};
use runbook_model::Failure;
use runbook_step::Work;

impl TargetService for Service {
    fn full_name(&self) -> String {
        format!("service `{}`", self.name)
    }

    fn standing(&self, host: &Reader) -> Result<(bool, Option<String>), Failure> {
        let life = self.life(host)?;
        Ok((self.spec(host)?.is_some(), (life != Life::Down).then(|| life.words())))
    }

    fn unknown(&self) -> Failure {
        Failure::refused(format!("there is no service `{}` on this host", self.name))
            .hint("correct `service` or the state directory, or leave `service` out if there is none")
    }

    fn keepers(&self, host: &Reader, _: u16, _: &PortOwners) -> Result<Vec<Identity>, Failure> {
        self.identities(host)
    }

    fn surroundings(&self, host: &Reader) -> Result<Option<Surroundings>, Failure> {
        let Some(spec) = self.spec(host)? else {
            return Ok(Some(Surroundings { environment: base_environment(), ..Surroundings::default() }));
        };
        let program = spec.program.display().to_string();
        let command = std::iter::once(program).chain(spec.argv.into_iter().skip(1)).collect();
        let environment = spec.base_env.into_iter().chain(spec.env).collect();
        Ok(Some(Surroundings { environment, cwd: spec.cwd, commands: vec![command] }))
    }

    fn put_down(&self, work: &Work<'_>) -> Result<(), Failure> {
        self.stop(work.host).map(drop)
    }

    fn put_up(&self, work: &Work<'_>) -> Result<String, Failure> {
        match (self.life(work.host)?, self.spec(work.host)?) {
            (Life::Running(now), _) => Ok(format!("`{}` is up, {now}", self.name)),
            (_, Some(spec)) => self.start(work.host, &spec).map(|_| format!("`{}` is up", self.name)),
            (_, None) => Err(Failure::missing(format!("nothing says how `{}` is run", self.name))),
        }
    }
}

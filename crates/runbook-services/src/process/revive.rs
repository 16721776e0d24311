//! Services that nobody brought down and that are down all the same: their supervisors died with the host, or were killed.

use super::state::Phase;
use super::{Life, Service};
use runbook_host::Host;
use runbook_model::Failure;

/// Brings up every service of this state directory that was up when its supervisor ended without a word. One line for
/// each; the failure of one keeps no other down.
pub fn revive(host: &Host) -> Result<Vec<Result<String, Failure>>, Failure> {
    let mut told = Vec::new();
    for name in host.list(&host.state_dir().join("processes"))?.unwrap_or_default() {
        let service = Service::named(name.to_string_lossy());
        if was_cut_short(host, &service)? {
            told.push(service.come_back(host));
        }
    }
    Ok(told)
}

fn was_cut_short(host: &Host, service: &Service) -> Result<bool, Failure> {
    let Some(state) = service.state(host)? else { return Ok(false) };
    let was_up = matches!(state.phase, Phase::Running | Phase::Waiting);
    Ok(was_up && state.life(host)? == Life::Down && service.tree(host)?.is_empty())
}

impl Service {
    fn come_back(&self, host: &Host) -> Result<String, Failure> {
        let name = &self.name;
        let failed = |failure: Failure| Failure {
            message: format!("service `{name}` was up before and does not come up: {}", failure.message),
            ..failure
        };
        let spec = self.spec(host)?.ok_or_else(|| failed(Failure::missing("nothing says how it is run")))?;
        let state = self.start(host, &spec).map_err(failed)?;
        let pid = state.child.map(|child| format!(", {child}")).unwrap_or_default();
        Ok(format!("service `{name}` was up before the interruption and is up again{pid}"))
    }
}

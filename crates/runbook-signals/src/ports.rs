//! Who owns a port, as a signal.

use super::seen::Seen;
use runbook_host::{Identity, PortOwners, Process, Reader};
use runbook_model::Failure;
use runbook_services::Holders;

/// Every listener belongs to one of the service's own processes, and to nobody else but who may hold it as well.
pub(super) fn owned(host: &Reader, owners: &PortOwners, wanted: &Holders) -> Result<Seen, Failure> {
    let is_own = |process: &&Process| wanted.own.contains(&process.identity);
    for (listener, holders) in &owners.sockets {
        let stranger = holders.iter().find(|process| !is_own(process) && !wanted.beside.admits(process));
        let stranger = stranger.or_else(|| holders.first().filter(|_| !holders.iter().any(|one| is_own(&one))));
        if let Some(stranger) = stranger {
            let executed = host.executed(&stranger.identity)?.unwrap_or_default();
            let what = format!("{} is owned by {} ({})", listener.address, stranger.identity, executed.line());
            return Ok(Seen::red(format!("{what}{}", wanted.otherwise)));
        }
    }
    let owner = owners.processes().into_iter().find(|process| wanted.own.contains(&process.identity));
    let owner = owner.map(|process| process.identity.clone());
    let text = owner.as_ref().map_or_else(String::new, Identity::to_string);
    Ok(Seen { process: owner, ..Seen::green(format!("owned by {text}")) })
}

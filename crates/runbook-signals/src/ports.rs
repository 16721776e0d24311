//! Who owns a port, as a signal.

use super::seen::Seen;
use runbook_host::{Identity, PortOwners, Process, Reader};
use runbook_model::Failure;

/// Every listener belongs to one of the processes `own`. The service manager may hold a socket as well: it passes on
/// those that it was told to open. `otherwise` is added where a stranger holds one.
pub(super) fn owned(
    host: &Reader,
    owners: &PortOwners,
    own: &[Identity],
    manager: &dyn Fn(&Process) -> bool,
    otherwise: &str,
) -> Result<Seen, Failure> {
    for (listener, holders) in &owners.sockets {
        let is_own = |process: &&Process| own.contains(&process.identity);
        let stranger = holders.iter().find(|process| !is_own(process) && !manager(process));
        let stranger = stranger.or_else(|| holders.first().filter(|_| !holders.iter().any(|one| is_own(&one))));
        if let Some(stranger) = stranger {
            let executed = host.executed(&stranger.identity)?.unwrap_or_default();
            let what = format!("{} is owned by {} ({})", listener.address, stranger.identity, executed.line());
            return Ok(Seen::red(format!("{what}{otherwise}")));
        }
    }
    let owner = owners.processes().into_iter().find(|process| own.contains(&process.identity));
    let owner = owner.map(|process| process.identity.clone());
    let text = owner.as_ref().map_or_else(String::new, Identity::to_string);
    Ok(Seen { process: owner, ..Seen::green(format!("owned by {text}")) })
}

//! Who holds a port, and which of them may be ended.

use super::program;
use runbook_host::{Executed, Identity, Process, Reader};
use runbook_model::{Failure, Resource};
use runbook_services::whose::{has_orphans_like_services, manager_listens_for, supervising, unit_of};
use runbook_services::{AnyService, TargetService};
use std::path::Path;
use std::time::Duration;

/// Ends the orphans that hold one port.
pub(super) struct EndOrphans {
    pub(super) port: u16,
    pub(super) expect: String,
    pub(super) service: Option<AnyService>,
    pub(super) owner: Option<String>,
    /// Whether the plan itself starts that service.
    pub(super) is_started: bool,
    pub(super) grace: Duration,
}

/// Who holds the port.
pub(super) enum Holder {
    Nobody,
    TheService,
    Orphans(Vec<(Identity, Executed)>),
}

impl EndOrphans {
    /// Judges every holder of the port; one that may not be ended is a refusal.
    pub(super) fn holder(&self, host: &Reader) -> Result<Holder, Failure> {
        self.check_service(host)?;
        let owners = host.port_owners(self.port)?;
        if owners.is_free() {
            return Ok(Holder::Nobody);
        }
        if let Some(listener) = owners.unseen() {
            let message =
                format!("port {} on {} belongs to a process that this user may not see", self.port, listener.address);
            return Err(Failure::refused(message).hint("run as root, or as the user of that process"));
        }
        let own = self.target().map(|target| target.keepers(host, self.port, &owners)).transpose()?.unwrap_or_default();
        let strangers = owners.processes().into_iter().filter(|process| !own.contains(&process.identity));
        let orphans: Result<Vec<_>, Failure> =
            strangers.filter_map(|process| self.judge(host, process).transpose()).collect();
        let orphans = orphans?;
        Ok(if orphans.is_empty() { Holder::TheService } else { Holder::Orphans(orphans) })
    }

    /// The services that the holders of the port are parts of, as far as that can be read.
    pub(super) fn services_there(&self, host: &Reader) -> Vec<Resource> {
        let Ok(owners) = host.port_owners(self.port) else { return Vec::new() };
        let of = |process: Process| {
            let supervised = supervising(host, &process.identity).ok().flatten().map(Resource::Process);
            let unit = unit_of(host, &process.identity).ok().flatten().map(|place| place.resource());
            supervised.into_iter().chain(unit)
        };
        owners.processes().into_iter().cloned().flat_map(of).collect()
    }

    fn target(&self) -> Option<&dyn TargetService> {
        self.service.as_deref()?.target()
    }

    fn check_service(&self, host: &Reader) -> Result<(), Failure> {
        let Some(target) = self.target() else { return Ok(()) };
        target.up(host, self.is_started)?;
        if target.has_own_network(host)? {
            return Err(Failure::refused(format!(
                "{} has a network of its own, in which port {} is another one than here",
                target.full_name(),
                self.port
            ))
            .hint("leave this step out: nothing outside that network can hold the port of the unit"));
        }
        Ok(())
    }

    /// The process with what it executes if it may be ended; `None` if it is gone.
    fn judge(&self, host: &Reader, process: &Process) -> Result<Option<(Identity, Executed)>, Failure> {
        let identity = &process.identity;
        let Some(executed) = host.executed(identity)? else { return Ok(None) };
        let refused = |why: &str, next: &str| {
            let message = format!("port {} belongs to {identity} ({}), {why}", self.port, executed.line());
            Err(Failure::refused(message).hint(next))
        };
        const FIND_OUT: &str = "it was left alone; find out what it is before you end it";
        if let Some(sockets) = manager_listens_for(host, identity, self.port)? {
            let names = sockets.join(" and ");
            return match sockets.is_empty() {
                true => refused("which is systemd and is never ended", FIND_OUT),
                false => refused(
                    &format!("which is systemd and listens for {names}"),
                    &format!("it was left alone; stop {names} with `systemd.stop` if the port is not for it"),
                ),
            };
        }
        if is_above(host, identity)? {
            return refused("which is never ended: it runs this `runbook`", FIND_OUT);
        }
        if executed.contained == Some(true) {
            return refused(
                "which is in a container",
                "it was left alone; stop the container, or give it another port",
            );
        }
        if !program::is(&self.expect, &executed, &|path: &Path| host.canonical(path).ok().flatten()) {
            return refused(&format!("which is not `{}`", self.expect), FIND_OUT);
        }
        if let Some(service) = supervising(host, identity)? {
            return refused(&format!("which belongs to service `{service}`, and its supervisor runs"), FIND_OUT);
        }
        if has_orphans_like_services(host)? {
            return refused(
                "and whose process this is cannot be told from launchd's jobs here",
                "it was left alone; end the job with `launchd.bootout` if it is one, else end the process by hand",
            );
        }
        if let Some(place) = self.service_of(host, identity)? {
            let next = format!("it was left alone; give one of the two another port, or stop {place} first");
            return refused(&format!("which belongs to {place}, and that is up"), &next);
        }
        if let Some(why) = self.wrong_user(host, &executed)? {
            return refused(&why, "it was left alone; if it is the orphan, name its user in `owner`");
        }
        Ok(Some((identity.clone(), executed)))
    }

    /// The unit that this process is a part of, if that is up and no session of a person.
    fn service_of(&self, host: &Reader, identity: &Identity) -> Result<Option<String>, Failure> {
        let Some(place) = unit_of(host, identity)? else { return Ok(None) };
        // Where no unit is meant, what `runbook` and its services run in is not a stranger's.
        let own = host.process(std::process::id())?;
        let beside = own.map(|own| unit_of(host, &own.identity)).transpose()?.flatten();
        if self.target().is_none_or(TargetService::is_beside_us) && beside.as_ref() == Some(&place) {
            return Ok(None);
        }
        Ok(place.is_active(host)?.then(|| place.to_string()))
    }

    /// Why this user's process is not ended.
    fn wrong_user(&self, host: &Reader, executed: &Executed) -> Result<Option<String>, Failure> {
        let owner = self.owner.as_deref().map(|name| host.uid_of(name)).transpose()?;
        if owner.is_some() && executed.uid == owner {
            return Ok(None);
        }
        if let Some(target) = self.target()
            && let Some(uid) = target.owner(host)?
        {
            let (is, name) =
                (executed.uid.map_or("another user".to_owned(), |uid| format!("user {uid}")), target.full_name());
            return Ok((executed.uid != Some(uid)).then(|| format!("which runs as {is}, and {name} as user {uid}")));
        }
        let may = (host.own_uid() == 0 && owner.is_none()) || executed.uid == Some(host.own_uid());
        Ok((!may).then(|| "which belongs to another user".to_owned()))
    }
}

/// Whether this process is this `runbook` or above it.
fn is_above(host: &Reader, identity: &Identity) -> Result<bool, Failure> {
    let own = std::process::id();
    Ok(identity.pid == own || host.ancestors(own)?.iter().any(|above| above.identity == *identity))
}

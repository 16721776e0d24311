//! Who holds a port, and which of them may be ended.

use super::program;
use runbook_host::{Executed, Identity, PortOwners, Process, Reader};
use runbook_model::{Failure, Resource};
use runbook_services::process::Service;
use runbook_services::systemd::{Place, SocketUnit, UnitState};
use runbook_services::target_service::{Look, TargetService};
use std::path::Path;
use std::time::Duration;

/// Ends the orphans that hold one port.
pub(super) struct EndOrphans {
    pub(super) port: u16,
    pub(super) expect: String,
    pub(super) target: Option<TargetService>,
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
        let look = self.target.as_ref().map(|target| target.look(host)).transpose()?;
        self.check_service(look.as_ref())?;
        let owners = host.port_owners(self.port)?;
        if owners.is_free() {
            return Ok(Holder::Nobody);
        }
        if let Some(listener) = owners.unseen() {
            let message =
                format!("port {} on {} belongs to a process that this user may not see", self.port, listener.address);
            return Err(Failure::refused(message).hint("run as root, or as the user of that process"));
        }
        let own = self.own(host, look.as_ref(), &owners)?;
        let strangers = owners.processes().into_iter().filter(|process| !own.contains(&process.identity));
        let orphans: Result<Vec<_>, Failure> =
            strangers.filter_map(|process| self.judge(host, look.as_ref(), process).transpose()).collect();
        let orphans = orphans?;
        Ok(if orphans.is_empty() { Holder::TheService } else { Holder::Orphans(orphans) })
    }

    /// The services that the holders of the port are parts of, as far as that can be read.
    pub(super) fn services_there(&self, host: &Reader) -> Vec<Resource> {
        let Ok(owners) = host.port_owners(self.port) else { return Vec::new() };
        let of = |process: Process| {
            let supervised = Service::supervising(host, &process.identity).ok().flatten();
            let place = Place::of(host, &process.identity).ok().flatten().filter(|place| !place.is_session());
            let supervised = supervised.map(|service| Resource::Process(service.to_string()));
            supervised.into_iter().chain(place.map(|place| place.unit.resource()))
        };
        owners.processes().into_iter().cloned().flat_map(of).collect()
    }

    fn check_service(&self, look: Option<&Look>) -> Result<(), Failure> {
        let (Some(target), Some(look)) = (&self.target, look) else { return Ok(()) };
        if !look.is_known && !self.is_started {
            return Err(target.unknown());
        }
        let apart = look.unit.as_ref().filter(|unit| has_own_network(unit));
        if apart.is_some() {
            return Err(Failure::refused(format!(
                "{target} has a network of its own, in which port {} is another one than here",
                self.port
            ))
            .hint("leave this step out: nothing outside that network can hold the port of the unit"));
        }
        Ok(())
    }

    /// The processes that hold the port for the service, and are left alone.
    fn own(&self, host: &Reader, look: Option<&Look>, owners: &PortOwners) -> Result<Vec<Identity>, Failure> {
        let (unit, state) = match (&self.target, look.and_then(|look| look.unit.as_ref())) {
            (Some(TargetService::Service(service)), _) => {
                return Ok(service.tree(host)?.into_iter().map(|process| process.identity).collect());
            }
            (Some(TargetService::Unit(unit)), Some(state)) => (&unit.resolved(host)?, state),
            _ => return Ok(Vec::new()),
        };
        let mut own = unit.members(host, state)?;
        if state.is_down()
            && let Some(left) = owners.processes().into_iter().find(|process| own.contains(&process.identity))
        {
            let what = host.executed(&left.identity)?.unwrap_or_default();
            let (port, left, what) = (self.port, &left.identity, what.line());
            return Err(Failure::refused(format!(
                "port {port} belongs to {left} ({what}), which {unit} left behind in its control group when it stopped"
            ))
            .hint(format!("stop {unit} with `systemd.stop` without `leave_processes`: that ends what is left in it")));
        }
        for process in owners.processes() {
            if let Some(of_user) = manager(host, &process.identity)?
                && of_user == unit.user.then(|| host.own_uid())
                && sockets(host, of_user, self.port)?.iter().any(|socket| socket.starts.contains(&unit.name))
            {
                own.push(process.identity.clone());
            }
        }
        Ok(own)
    }

    /// The process with what it executes if it may be ended; `None` if it is gone.
    fn judge(
        &self,
        host: &Reader,
        look: Option<&Look>,
        process: &Process,
    ) -> Result<Option<(Identity, Executed)>, Failure> {
        let identity = &process.identity;
        let Some(executed) = host.executed(identity)? else { return Ok(None) };
        let refused = |why: &str, next: &str| {
            let message = format!("port {} belongs to {identity} ({}), {why}", self.port, executed.line());
            Err(Failure::refused(message).hint(next))
        };
        const FIND_OUT: &str = "it was left alone; find out what it is before you end it";
        if let Some(of_user) = manager(host, identity)? {
            let sockets = sockets(host, of_user, self.port)?;
            let names: Vec<&str> = sockets.iter().map(|socket| socket.name.as_str()).collect();
            return match names.as_slice() {
                [] => refused("which is systemd and is never ended", FIND_OUT),
                names => refused(
                    &format!("which is systemd and listens for {}", names.join(" and ")),
                    &format!(
                        "it was left alone; stop {} with `systemd.stop` if the port is not for it",
                        names.join(" and ")
                    ),
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
        if let Some(service) = Service::supervising(host, identity)? {
            return refused(&format!("which belongs to service `{service}`, and its supervisor runs"), FIND_OUT);
        }
        if is_of_launchd(host)? {
            return refused(
                "and whose process this is cannot be told from launchd's jobs here",
                "it was left alone; end the job with `launchd.bootout` if it is one, else end the process by hand",
            );
        }
        if let Some(place) = self.service_of(host, identity)? {
            let next = format!("it was left alone; give one of the two another port, or stop {place} first");
            return refused(&format!("which belongs to {place}, and that is up"), &next);
        }
        if let Some(why) = self.wrong_user(host, look, &executed)? {
            return refused(&why, "it was left alone; if it is the orphan, name its user in `owner`");
        }
        Ok(Some((identity.clone(), executed)))
    }

    /// The unit that this process is a part of, if that is up and no session of a person.
    fn service_of(&self, host: &Reader, identity: &Identity) -> Result<Option<Place>, Failure> {
        if host.stat(Path::new("/run/systemd/system"))?.is_none() {
            return Ok(None);
        }
        let Some(place) = Place::of(host, identity)?.filter(|place| !place.is_session()) else { return Ok(None) };
        // Where no unit is meant, what `runbook` and its services run in is not a stranger's.
        let beside = host.process(std::process::id())?.map(|own| Place::of(host, &own.identity)).transpose()?.flatten();
        if !matches!(self.target, Some(TargetService::Unit(_))) && beside.as_ref() == Some(&place) {
            return Ok(None);
        }
        Ok(place.is_active(host)?.then_some(place))
    }

    /// Why this user's process is not ended.
    fn wrong_user(&self, host: &Reader, look: Option<&Look>, executed: &Executed) -> Result<Option<String>, Failure> {
        let unit = match (&self.target, look.and_then(|look| look.unit.as_ref())) {
            (Some(TargetService::Unit(unit)), Some(state)) => Some((unit, state)),
            _ => None,
        };
        let owner = self.owner.as_deref().map(|name| host.uid_of(name)).transpose()?;
        if owner.is_some() && executed.uid == owner {
            return Ok(None);
        }
        if let Some((unit, state)) = unit {
            let uid = unit.uid(host, state)?;
            let is = executed.uid.map_or("another user".to_owned(), |uid| format!("user {uid}"));
            return Ok((executed.uid != Some(uid)).then(|| format!("which runs as {is}, and {unit} as user {uid}")));
        }
        let may = (host.own_uid() == 0 && owner.is_none()) || executed.uid == Some(host.own_uid());
        Ok((!may).then(|| "which belongs to another user".to_owned()))
    }
}

/// Whether a port of the unit is another one than that of this host.
fn has_own_network(state: &UnitState) -> bool {
    state.get("PrivateNetwork") == "yes" || !state.get("NetworkNamespacePath").is_empty()
}

/// Whether this process is a service manager: `Some(None)` that of the system, `Some(Some(user))` that of a user.
fn manager(host: &Reader, identity: &Identity) -> Result<Option<Option<u32>>, Failure> {
    if identity.pid == 1 {
        return Ok(Some(None));
    }
    let Some(place) = Place::of(host, identity)?.filter(Place::is_manager) else { return Ok(None) };
    let Some(executed) = host.executed(identity)? else { return Ok(None) };
    let is_systemd = executed.exe.as_deref().and_then(Path::file_name).is_some_and(|name| name == "systemd");
    Ok(place.of_user.filter(|_| is_systemd).map(Some))
}

/// The socket units of that manager on the port; none where it cannot be asked.
fn sockets(host: &Reader, of_user: Option<u32>, port: u16) -> Result<Vec<SocketUnit>, Failure> {
    let reached = match of_user {
        Some(uid) => uid == host.own_uid(),
        None => host.stat(Path::new("/run/systemd/system"))?.is_some(),
    };
    if reached { SocketUnit::on_port(host, of_user.is_some(), port) } else { Ok(Vec::new()) }
}

/// Whether launchd is the service manager here: it keeps no groups, and an orphan has the same parent as a job.
fn is_of_launchd(host: &Reader) -> Result<bool, Failure> {
    Ok(host.stat(Path::new("/run/systemd/system"))?.is_none() && host.program("launchctl").is_ok())
}

/// Whether this process is this `runbook` or above it.
fn is_above(host: &Reader, identity: &Identity) -> Result<bool, Failure> {
    let own = std::process::id();
    Ok(identity.pid == own || host.ancestors(own)?.iter().any(|above| above.identity == *identity))
}

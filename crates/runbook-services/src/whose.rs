//! Whose a process is, whatever keeps it up: a manager itself, a service, or nobody that could be told.

use crate::process::Service;
use crate::systemd::{Place, SocketUnit};
use runbook_host::{Identity, Reader};
use runbook_model::Failure;
use std::path::Path;

/// The name of the service under whose supervisor `process` runs, in whatever state directory that one is.
pub fn supervising(host: &Reader, process: &Identity) -> Result<Option<String>, Failure> {
    Service::supervising(host, process)
}

/// Whether this process is a service manager: `Some(None)` that of the system, `Some(Some(user))` that of a user.
pub(crate) fn manager_of(host: &Reader, process: &Identity) -> Result<Option<Option<u32>>, Failure> {
    if process.pid == 1 {
        return Ok(Some(None));
    }
    let Some(place) = Place::of(host, process)?.filter(Place::is_manager) else { return Ok(None) };
    let Some(executed) = host.executed(process)? else { return Ok(None) };
    let is_systemd = executed.exe.as_deref().and_then(Path::file_name).is_some_and(|name| name == "systemd");
    Ok(place.of_user.filter(|_| is_systemd).map(Some))
}

/// The socket units of that manager on the port; none where it cannot be asked.
pub(crate) fn sockets_of(host: &Reader, of_user: Option<u32>, port: u16) -> Result<Vec<SocketUnit>, Failure> {
    let reached = match of_user {
        Some(uid) => uid == host.own_uid(),
        None => runs_systemd(host)?,
    };
    if reached { SocketUnit::on_port(host, of_user.is_some(), port) } else { Ok(Vec::new()) }
}

/// What a service manager, if this process is one, was told to listen for on the port: the names of its sockets.
pub fn manager_listens_for(host: &Reader, process: &Identity, port: u16) -> Result<Option<Vec<String>>, Failure> {
    let Some(of_user) = manager_of(host, process)? else { return Ok(None) };
    Ok(Some(sockets_of(host, of_user, port)?.into_iter().map(|socket| socket.name).collect()))
}

/// The unit that this process is a part of and no session of a person; `None` where no manager keeps processes in groups.
pub fn unit_of(host: &Reader, process: &Identity) -> Result<Option<Place>, Failure> {
    if !runs_systemd(host)? {
        return Ok(None);
    }
    Ok(Place::of(host, process)?.filter(|place| !place.is_session()))
}

/// Whether the service manager here keeps no groups, and an orphan has the same parent as a service.
pub fn has_orphans_like_services(host: &Reader) -> Result<bool, Failure> {
    Ok(!runs_systemd(host)? && host.program("launchctl").is_ok())
}

fn runs_systemd(host: &Reader) -> Result<bool, Failure> {
    Ok(host.stat(Path::new("/run/systemd/system"))?.is_some())
}

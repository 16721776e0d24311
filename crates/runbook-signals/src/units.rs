//! What systemd says of a unit, as a signal.

use super::ports::owned;
use super::seen::Seen;
use runbook_host::{Identity, PortOwners, Process, Reader};
use runbook_model::Failure;
use runbook_services::systemd::{Load, Unit, UnitState};

/// A unit that is active, with the process that it runs and how often systemd has started it again.
pub(super) fn unit(host: &Reader, unit: &Unit) -> Result<Seen, Failure> {
    let state = unit.state(host)?;
    let words = words(&state);
    if !matches!(state.active.as_str(), "active" | "reloading") {
        return Ok(Seen { restarts: Some(state.restarts), ..Seen::red(words) });
    }
    let process = state.main_pid.map(|pid| host.process(pid)).transpose()?.flatten();
    let process = process.map(|process| process.identity);
    let read = process.as_ref().map_or(words.clone(), |process| format!("{words}, {process}"));
    Ok(Seen { process, restarts: Some(state.restarts), ..Seen::green(read) })
}

/// Where the user's service manager runs, beside the units that it runs; that of the system is process 1.
fn manager_group(unit: &Unit, control_group: &str) -> String {
    let above = control_group.split_inclusive(".service/").next().filter(|_| unit.user);
    above.map(|above| format!("{above}init.scope")).unwrap_or_default()
}

/// `active (running), restarted by systemd 2 times`.
fn words(state: &UnitState) -> String {
    let is = match state.load {
        Load::NotFound => return "there is no such unit".to_owned(),
        Load::Masked => "masked".to_owned(),
        // Why it failed says more than that it did.
        _ if state.active == "failed" => format!("failed ({})", state.result),
        _ => format!("{} ({})", state.active, state.sub),
    };
    match state.restarts {
        0 => is,
        1 => format!("{is}, restarted by systemd once"),
        times => format!("{is}, restarted by systemd {times} times"),
    }
}

/// Every listener belongs to processes in the unit's control group. The service manager may hold a socket as well: it
/// passes on those that it was told to open for the unit.
pub(super) fn port(host: &Reader, unit: &Unit, owners: &PortOwners) -> Result<Seen, Failure> {
    let state = unit.state(host)?;
    let own: Vec<Identity> =
        host.processes_in_group(&state.control_group)?.into_iter().map(|process| process.identity).collect();
    let managers = host.processes_in_group(&manager_group(unit, &state.control_group))?;
    let manager = |process: &Process| process.identity.pid == 1 || managers.contains(process);
    let is = if state.is_up() { String::new() } else { format!("; {unit} is {}", words(&state)) };
    owned(host, owners, &own, &manager, &is)
}

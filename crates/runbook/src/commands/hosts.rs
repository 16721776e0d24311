//! `hosts`: what an inventory says of its hosts. Nobody is contacted.

use super::elsewhere::inventory;
use super::rows::{finish, row};
use crate::cli::HostsArgs;
use crate::screen::Screen;
use runbook_fleet::read_inventory;
use runbook_model::{Escalation, InventoryHost, SourceMap};
use runbook_plan::Selector;
use runbook_report::clean;
use runbook_session::{CommandError, Exit};
use serde_json::{Value, json};

pub(crate) fn hosts(screen: &Screen, args: &HostsArgs) -> Result<Exit, CommandError> {
    let loaded = read_inventory(&inventory(args.inventory.as_deref())?)
        .map_err(|error| CommandError::refused(error.to_string()))?;
    if loaded.inventory.is_none() {
        screen.diagnostics(&loaded.diagnostics, &loaded.sources)?;
    } else {
        screen.diagnostics_beside(&loaded.diagnostics, &loaded.sources)?;
    }
    let Some(inventory) = loaded.inventory else { return Ok(Exit::Refused) };
    let refused = |error: runbook_plan::SelectorError| {
        CommandError::refused(clean(&error.to_string())).hint("runbook hosts".to_owned())
    };
    let selector = Selector::parse(&args.hosts).map_err(refused)?;
    let hosts = selector.select(&inventory).map_err(refused)?;
    let width = |of: fn(&InventoryHost) -> String| hosts.iter().map(|host| of(host).chars().count()).max().unwrap_or(0);
    let (w, v) = (width(|host| host.name.to_string()), width(destination));
    let mut rows = Vec::new();
    for host in hosts {
        let text = clean(&format!("{:w$}  {:v$}  {}", host.name, destination(host), about(host)));
        row(screen, &mut rows, &format!("{text}\n"), document(host, &loaded.sources))?;
    }
    finish(screen, &rows)?;
    Ok(Exit::Done)
}

/// As ssh writes it.
fn destination(host: &InventoryHost) -> String {
    let user = host.ssh.user.as_ref().map_or(String::new(), |user| format!("{user}@"));
    let port = host.ssh.port.map_or(String::new(), |port| format!(":{port}"));
    format!("{user}{}{port}", host.address)
}

/// Labels, groups, what it exercises, and how the agent becomes root.
fn about(host: &InventoryHost) -> String {
    let labels = host.labels.iter().map(|(name, value)| format!("{name}={value}"));
    let groups = host.groups.iter().map(|group| format!("in {group}"));
    let exercises = host.exercises.iter().map(|what| format!("+{what}"));
    let escalation = (host.escalation == Escalation::Sudo).then(|| "sudo".to_owned());
    labels.chain(groups).chain(exercises).chain(escalation).collect::<Vec<_>>().join(" ")
}

fn document(host: &InventoryHost, sources: &SourceMap) -> Value {
    let vars: serde_json::Map<String, Value> =
        host.vars.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect();
    json!({
        "name": host.name, "address": host.address, "labels": host.labels, "groups": host.groups, "exercises": host.exercises,
        "become": if host.escalation == Escalation::Sudo { "sudo" } else { "none" },
        "max_clock_skew": runbook_model::format_duration(host.max_clock_skew),
        "ssh": { "user": host.ssh.user, "port": host.ssh.port, "options": host.ssh.options },
        "vars": vars, "place": sources.place(host.span),
    })
}

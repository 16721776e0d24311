//! `hosts`: what an inventory says of its hosts, and with `--check` what they say themselves.

use super::checking::check;
use super::reaching::{Named, Reaching, typed};
use super::rows::{finish, row};
use crate::cli::HostsArgs;
use crate::screen::Screen;
use runbook_model::{Escalation, InventoryHost, SourceMap};
use runbook_report::clean;
use runbook_session::{CommandError, Exit, Session};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn hosts(
    screen: &Screen,
    session: &Session,
    state_dir: Option<&Path>,
    args: &HostsArgs,
) -> Result<Exit, CommandError> {
    let named = Named::read(screen, args.inventory.as_deref())?;
    let hosts = named.select(&args.hosts)?;
    if args.check {
        let reaching = Reaching::new(session, args.agent.as_deref(), typed(state_dir))?;
        return check(screen, &reaching, &hosts, args.forks);
    }
    let width = |of: fn(&InventoryHost) -> String| hosts.iter().map(|host| of(host).chars().count()).max().unwrap_or(0);
    let (w, v) = (width(|host| host.name.to_string()), width(destination));
    let mut rows = Vec::new();
    for host in hosts {
        let text = clean(&format!("{:w$}  {:v$}  {}", host.name, destination(host), about(host)));
        row(screen, &mut rows, &format!("{text}\n"), document(host, &named.sources))?;
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

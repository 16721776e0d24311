//! Hosts that have Node, and gateways that run on it.

use crate::stage::{install_runbook, print};
use crate::ways::runbook;
use runbook_model::Reading;
use serde_json::Value as Json;
use std::time::Duration;
use test_hosts::{Host, Lab, Node, Output};

/// A host with `runbook`, and with Node and npm under `prefix`; `None`, said loudly, where they cannot be had.
pub(crate) fn boot(lab: &Lab, name: &str, prefix: &str) -> Option<Host> {
    let node = Node::for_test()?;
    let host = lab.boot(name).unwrap();
    install_runbook(&host);
    node.put_on(&host, prefix).unwrap();
    Some(host)
}

/// The gateway in `/opt/gateway`, version 1, and a unit of it that is down.
pub(crate) fn install_gateway(host: &Host, unit: &str, port: u16, address: &str) {
    host.write("/opt/gateway/index.mjs", include_str!("programs/gateway.mjs")).unwrap();
    host.write("/opt/gateway/VERSION", "1\n").unwrap();
    let exec = format!("ExecStart=/usr/local/bin/node /opt/gateway/index.mjs {port} {address}");
    host.write(&format!("/etc/systemd/system/{unit}.service"), &format!("[Service]\n{exec}\nRestart=on-failure\n"))
        .unwrap();
    print(host.run(["systemctl", "daemon-reload"]));
}

/// Starts a program that belongs to no unit, as `user`, and gives its number once it listens on `port`.
pub(crate) fn stray(host: &Host, user: &str, program: &str, port: u16) -> String {
    let start = format!("cd /; setsid {program} > /dev/null 2>&1 < /dev/null & echo $!");
    let pid = print(host.run(["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "sh", "-c", &start]));
    wait_for_port(host, port);
    pid
}

pub(crate) fn wait_for_port(host: &Host, port: u16) {
    host.wait_for(&format!("ss -Hltn sport = {port} | grep -q ."), Duration::from_secs(20)).unwrap();
}

pub(crate) fn is_alive(host: &Host, pid: &str) -> bool {
    host.run(["kill", "-0", pid]).unwrap().code == 0
}

/// What `signal` showed after the change, in what `runbook show --format ndjson` printed.
pub(crate) fn read_after(shown: &Output, signal: &str) -> Reading {
    let events = shown.stdout.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let rows = |event: Json| (event["event"] == "step-finished").then(|| event["readings"].clone());
    let mut rows = events.filter_map(rows).filter(|rows| !rows.is_null());
    let rows = rows.next_back().unwrap_or_else(|| panic!("{}", shown.stdout));
    let rows: Vec<Reading> = serde_json::from_value(rows).unwrap();
    rows.into_iter().find(|row| row.signal == signal).unwrap()
}

/// The same for the last run of root.
pub(crate) fn last_read(host: &Host, signal: &str) -> Reading {
    read_after(&runbook(host, &["show", "--format", "ndjson"]), signal)
}

//! `runbook` on the host: a run of the playbook, and what the journal says of it.

use super::Result;
use super::downtime::{Prober, now_ms};
use std::process::Stdio;
use std::time::{Duration, Instant};
use test_hosts::Host;

const RUNBOOK: &str = "/usr/local/bin/runbook";
const PLAYBOOK: &str = "/opt/playbooks/openclaw/upgrade-global-npm.yaml";

/// `runbook`: the plan or its use is refused, so there is no run.
const REFUSED: i32 = 1;
/// What the log says when a channel works as far as it can on a host without a way out: its plugin was loaded, and it tries.
const LINES: [(&str, &str); 1] =
    [("channel_lines", r#"["[slack] socket mode", "[whatsapp] [default] starting provider"]"#)];

/// A run that has ended.
pub(super) struct Run {
    /// The exit code of `runbook apply`.
    pub(super) code: i32,
    /// How long it took.
    pub(super) took: Duration,
    /// When the gateway's port did not answer, as measured.
    pub(super) down: String,
    /// How long the service was down, as the journal of `runbook` has it.
    pub(super) down_by_journal: String,
    /// The signals that were red in the verification, each with what was read.
    pub(super) red: Vec<(String, String)>,
}

/// Upgrades to `target`; `runbook` prints to this terminal.
pub(super) fn upgrade(host: &Host, prober: &Prober, target: &str) -> Result<Run> {
    let (begun, begin_ms) = (Instant::now(), now_ms());
    let mut apply = host.command([RUNBOOK, "apply", PLAYBOOK, "--env", "staging", "--yes"])?;
    for (name, value) in [("target", target), ("reviewed", target)].iter().chain(&LINES) {
        apply.arg("--var").arg(format!("{name}={value}"));
    }
    let status = apply.stdin(Stdio::null()).status()?;
    if status.code() == Some(REFUSED) {
        return Err("runbook refused the playbook; what it said is above".into());
    }
    let (took, down) = (begun.elapsed(), prober.since(begin_ms));
    let shown = host.run([RUNBOOK, "show", "--format", "json"])?.ok()?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    Ok(Run {
        code: status.code().unwrap_or(-1),
        took,
        down,
        down_by_journal: down_by_journal(&shown),
        red: red(&shown),
    })
}

fn down_by_journal(shown: &serde_json::Value) -> String {
    let services = shown["services"].as_array().into_iter().flatten();
    let each = services.map(|service| format!("{:.1} s", service["down_ms"].as_f64().unwrap_or_default() / 1000.0));
    each.collect::<Vec<_>>().join(", ")
}

fn red(shown: &serde_json::Value) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let steps = shown["steps"].as_array().into_iter().flatten();
    let readings = steps.filter_map(|step| step["readings"].as_array()).flatten();
    let red = readings.filter(|reading| reading["verdict"] == "red");
    red.map(|reading| (text(&reading["signal"]), text(&reading["read"]))).collect()
}

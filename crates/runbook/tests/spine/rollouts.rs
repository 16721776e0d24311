//! Rollouts over hosts that are directories of this machine: a program that stands in for ssh gives each its own state directory.

use crate::bench::{Bench, Said, said};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Reaches this machine as if it were another, with a state directory of its own.
const SSH: &str = r#"#!/bin/sh
[ "$1" != -G ] || { echo hostname far; exit 0; }
for word; do host=$last; last=$word; done
[ "$host" != gone ] || { echo "no route to $host" >&2; exit 255; }
mkdir -p "{root}/hosts/$host"
exec env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin USER=root RUNBOOK_STATE_DIR="{root}/hosts/$host/state" sh -c "$last"
"#;

const INVENTORY: &str = "
kind: Inventory
version: 1
name: estate
hosts:
  one: { labels: { role: canary }, exercises: [core], vars: { dir: {root}/hosts/one } }
  two: { exercises: [core], vars: { dir: {root}/hosts/two } }
  three: { exercises: [core], vars: { dir: {root}/hosts/three } }
";

const ROLLOUT: &str = "
kind: Rollout
version: 1
name: greeting
inventory: inventory.yaml
vars: { text: hi }
stages:
  - { id: canary, canary: true, hosts: { role: canary }, plan: greeting.yaml }
  - { id: rest, needs: [canary], hosts: [two, three], plan: greeting.yaml }
";

const PLAN: &str = "
kind: Plan
version: 1
name: greeting
vars: { dir: { type: path }, text: { type: string } }
steps:
  - { id: write, uses: file.write, with: { path: '{{ vars.dir }}/greeting', content: '{{ vars.text }}' } }
";

pub(crate) struct Estate(pub(crate) Bench);

impl Estate {
    pub(crate) fn new() -> Self {
        let bench = Bench::new("");
        let root = bench.path("").to_string_lossy().trim_end_matches('/').to_owned();
        let program = format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_runbook"));
        for (name, text) in [("ssh", SSH), ("agent", &program)] {
            bench.write(name, &text.replace("{root}", &root));
            std::fs::set_permissions(bench.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        bench.write("inventory.yaml", &INVENTORY.replace("{root}", &root));
        bench.write("rollout.yaml", ROLLOUT);
        bench.write("greeting.yaml", PLAN);
        Self(bench)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let bench = &self.0;
        let mut command = bench.command(args);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", bench.path("").display())).env("RUNBOOK_AGENT", bench.path("agent"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(&mut self.command(args))
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        // No agent outlives its host.
        for host in ["one", "two", "three"] {
            let _ = self.run(&["retire", host]);
        }
    }
}

#[test]
fn what_would_be_done_is_told_once_for_hosts_where_it_is_the_same() {
    let estate = Estate::new();
    let inventory = estate.0.read("inventory.yaml").unwrap();
    estate.0.write("inventory.yaml", &inventory.replace("hosts/three", "hosts/two"));
    let shown = estate.run(&["plan", "rollout.yaml"]);
    let headings: Vec<&str> = shown.out.lines().filter(|line| line.starts_with("== ")).collect();
    assert_eq!(
        (shown.code, headings),
        (Some(0), vec!["== canary: one", "== rest: two, three"]),
        "{} {}",
        shown.out,
        shown.err
    );
    assert_eq!(shown.out.matches("1 to change. Nothing was written.").count(), 2, "{}", shown.out);
    assert_eq!(estate.run(&["plan", "rollout.yaml", "--detailed-exitcode", "--forks", "1"]).code, Some(2));
    assert!(!estate.0.path("hosts/one/greeting").exists());
}

#[test]
fn a_host_that_is_not_there_is_told_and_the_others_are_shown() {
    let estate = Estate::new();
    estate.0.write(
        "inventory.yaml",
        &std::fs::read_to_string(estate.0.path("inventory.yaml"))
            .unwrap()
            .replace("  three: {", "  three: { address: gone,"),
    );
    let shown = estate.run(&["plan", "rollout.yaml", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let told: Vec<(&str, usize)> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["stage"].as_str().unwrap(), row["hosts"].as_array().unwrap().len()))
        .collect();
    assert_eq!((shown.code, told), (Some(7), vec![("canary", 1), ("rest", 1)]), "{} {}", shown.out, shown.err);
    assert!(shown.err.contains("three: ") && shown.err.contains("no route to gone"), "{}", shown.err);
}

#[test]
fn a_rollout_names_its_hosts_itself() {
    let estate = Estate::new();
    for command in ["plan", "check", "vars"] {
        let refused = estate.run(&[command, "rollout.yaml", "--host", "two"]);
        assert_eq!(refused.code, Some(1), "{command}");
        assert!(refused.err.contains("a rollout says itself which hosts it is about"), "{}", refused.err);
    }
}

//! Rollouts from their begin to their end: a canary that fails, what it proved on other hosts, gates, and a controller that is killed.

use crate::bench::until;
use crate::rollouts::Estate;
use std::fs;
use std::process::{Child, Stdio};

const CANARY: &str = "
kind: Plan
version: 1
name: canary
vars: { dir: { type: path }, text: { type: string }, wanted: { type: string } }
steps:
  - { id: write, uses: file.write, with: { path: '{{ vars.dir }}/app/version', content: '{{ vars.text }}' } }
  - id: verify
    uses: verify.signals
    needs: [write]
    with:
      within: 1ms
      watch: 1ms
      signals:
        works: { command: [grep, -q, '{{ vars.wanted }}', '{{ vars.dir }}/app/version'], kind: functional }
  - { id: core, uses: artifact.pack, with: { path: '{{ vars.dir }}/app' } }
";

const EDGE: &str = "
kind: Plan
version: 1
name: edge
vars: { dir: { type: path }, wanted: { type: string }, archive: { type: path }, digest: { type: string } }
steps:
  - { id: backup, uses: backup.create, with: { paths: ['{{ vars.dir }}/app'] } }
  - { id: deploy, uses: artifact.deploy, with: { from: '{{ vars.archive }}', digest: '{{ vars.digest }}', to: '{{ vars.dir }}/app' } }
  - id: verify
    uses: verify.signals
    with:
      within: 1ms
      watch: 1ms
      log: '{{ vars.dir }}/log'
      signals:
        works: { command: [grep, -q, '{{ vars.wanted }}', '{{ vars.dir }}/app/version'], kind: functional }
        missing: { log_absent: Cannot find package, kind: negative }
";

const PROMOTED: &str = "
kind: Rollout
version: 1
name: promoted
inventory: inventory.yaml
vars: { text: v2, wanted: v2 }
confirm: { within: 1m }
stages:
  - { id: canary, canary: true, hosts: { role: canary }, plan: canary.yaml, artifacts: [core] }
  - id: edge
    needs: [canary]
    hosts: [two, three]
    plan: edge.yaml
    promote: { core: same-platform }
    vars: { archive: '{{ artifacts.core.path }}', digest: '{{ artifacts.core.digest }}' }
    {gate}
";

/// Three hosts with version 1.
fn estate(gate: &str) -> Estate {
    let estate = Estate::new();
    for (name, text) in [("canary.yaml", CANARY), ("edge.yaml", EDGE), ("promoted.yaml", PROMOTED)] {
        estate.0.write(name, &text.replace("{gate}", gate));
    }
    for host in ["one", "two", "three"] {
        fs::create_dir_all(estate.0.path(&format!("hosts/{host}/app"))).unwrap();
        estate.0.write(&format!("hosts/{host}/app/version"), "v1");
        estate.0.write(&format!("hosts/{host}/log"), "");
    }
    estate
}

fn versions(estate: &Estate) -> Vec<String> {
    ["one", "two", "three"].iter().map(|host| estate.0.read(&format!("hosts/{host}/app/version")).unwrap()).collect()
}

fn leads(estate: &Estate, args: &[&str]) -> Child {
    estate.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn waits_for_approval(estate: &Estate) {
    until("the gate", || estate.run(&["rollout", "show", "--format", "ndjson"]).out.contains("approval-asked"));
}

#[test]
fn a_canary_that_fails_goes_back_alone_and_the_next_attempt_promotes_what_it_proves() {
    let estate = estate("");
    let failed = estate.run(&["apply", "promoted.yaml", "--yes", "--var", "wanted=v3"]).ends(3);
    assert_eq!(versions(&estate), ["v1", "v1", "v1"], "{}", failed.out);
    assert!(!estate.0.path("hosts/two/state/runs").exists(), "no run began there");
    assert!(failed.out.contains("the canary one is not ok"), "{}", failed.out);

    let kept = estate.run(&["apply", "promoted.yaml", "--yes"]).ends(0);
    assert_eq!(versions(&estate), ["v2", "v2", "v2"], "{}", kept.out);
    let listed = estate.run(&["rollout", "list"]).ends(0);
    assert_eq!(listed.out, "promoted, attempt 1  3 hosts  stopped\npromoted, attempt 2  3 hosts  done\n");
    assert_eq!(estate.run(&["rollout", "show", "promoted", "--attempt", "1"]).code, Some(3));
    let report = estate.run(&["rollout", "report"]).ends(0).out;
    assert!(report.contains("| three | edge | ok |"), "{report}");
}

#[test]
fn a_gate_is_opened_from_another_terminal_and_only_while_it_waits() {
    let estate = estate("approve: { within: 1h }");
    let mut apply = leads(&estate, &["apply", "promoted.yaml", "--yes"]);
    waits_for_approval(&estate);
    assert_eq!(versions(&estate), ["v2", "v1", "v1"]);
    estate.run(&["rollout", "approve", "promoted"]).ends(0);
    assert_eq!(apply.wait().unwrap().code(), Some(0));
    assert_eq!(versions(&estate), ["v2", "v2", "v2"]);
    let refused = estate.run(&["rollout", "approve", "promoted"]);
    assert_eq!(refused.code, Some(6), "{}", refused.err);
}

/// Whoever goes on needs the attempt's journal, and the files as they were.
#[test]
fn a_controller_that_was_killed_is_gone_on_with_and_other_files_are_refused() {
    let estate = estate("approve: { within: 1h }");
    let mut apply = leads(&estate, &["apply", "promoted.yaml", "--yes"]);
    waits_for_approval(&estate);
    apply.kill().unwrap();
    apply.wait().unwrap();
    let open = estate.run(&["apply", "promoted.yaml", "--yes"]);
    assert!(open.code == Some(1) && open.err.contains("is not over"), "{}", open.err);

    estate.0.write("edge.yaml", &EDGE.replace("Cannot find package", "Cannot find it"));
    let other = estate.run(&["rollout", "resume", "promoted", "--yes"]).ends(1);
    assert!(other.err.contains("was begun with other files"), "{}", other.err);
    estate.0.write("edge.yaml", EDGE);

    let mut resume = leads(&estate, &["rollout", "resume", "promoted", "--yes"]);
    estate.run(&["rollout", "approve", "promoted"]).ends(0);
    assert_eq!(resume.wait().unwrap().code(), Some(0));
    assert_eq!(versions(&estate), ["v2", "v2", "v2"]);
    assert_eq!(estate.run(&["rollout", "list"]).out, "promoted, attempt 1  3 hosts  done\n");
}

#[test]
fn an_attempt_that_is_cancelled_leaves_alone_what_has_not_begun() {
    let estate = estate("approve: { within: 1h }");
    let mut apply = leads(&estate, &["apply", "promoted.yaml", "--yes"]);
    waits_for_approval(&estate);
    estate.run(&["rollout", "cancel", "promoted"]).ends(0);
    assert!(!apply.wait().unwrap().success());
    assert_eq!(versions(&estate).get(1..).unwrap(), ["v1", "v1"]);
}

#[test]
fn no_host_is_picked_out_behind_a_canary_that_nobody_proved() {
    let estate = estate("");
    let limited = estate.run(&["apply", "promoted.yaml", "--yes", "--limit", "two"]).ends(1);
    assert!(limited.err.contains("which is a canary above it"), "{}", limited.err);
    assert_eq!(versions(&estate), ["v1", "v1", "v1"]);
}

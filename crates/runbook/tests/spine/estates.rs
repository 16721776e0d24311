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
    for told in [
        "| three | edge | ok |",
        "* **three** (edge): **Done.**",
        "From the runs of 3 hosts.",
        "| checked | The validated result was promoted",
    ] {
        assert!(report.contains(told), "{told}:\n{report}");
    }
    let first = estate.run(&["rollout", "report", "promoted", "--attempt", "1"]).ends(0).out;
    assert!(first.contains("* **one** (canary): **Rolled back.**") && first.contains("* `works` was red"), "{first}");
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

/// Whoever goes on needs what is kept with the attempt, and nothing of the checkout.
#[test]
fn a_controller_that_was_killed_is_gone_on_with_without_its_checkout() {
    let estate = estate("approve: { within: 1h }");
    let mut apply = leads(&estate, &["apply", "promoted.yaml", "--yes"]);
    waits_for_approval(&estate);
    apply.kill().unwrap();
    apply.wait().unwrap();
    let open = estate.run(&["apply", "promoted.yaml", "--yes"]);
    assert!(open.code == Some(1) && open.err.contains("is not over"), "{}", open.err);

    for gone in ["promoted.yaml", "canary.yaml", "inventory.yaml"] {
        fs::remove_file(estate.0.path(gone)).unwrap();
    }
    estate.0.write("edge.yaml", "something else");
    let mut resume = leads(&estate, &["rollout", "resume", "promoted", "--yes"]);
    estate.run(&["rollout", "approve", "promoted"]).ends(0);
    assert_eq!(resume.wait().unwrap().code(), Some(0));
    assert_eq!(versions(&estate), ["v2", "v2", "v2"]);
    assert_eq!(estate.run(&["rollout", "list"]).out, "promoted, attempt 1  3 hosts  done\n");
    let report = estate.run(&["rollout", "report"]).ends(0).out;
    assert!(report.contains("* **three** (edge): **Done.**"), "{report}");
    // `retire` names hosts by it.
    estate
        .0
        .write("inventory.yaml", "kind: Inventory\nversion: 1\nname: estate\nhosts: { one: {}, two: {}, three: {} }\n");
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

/// What is told to an attempt that nobody leads any more is done by whoever goes on with it.
#[test]
fn an_attempt_that_is_over_is_taken_back_newest_first() {
    let estate = estate("");
    estate.run(&["apply", "promoted.yaml", "--yes"]).ends(0);
    assert_eq!(versions(&estate), ["v2", "v2", "v2"]);
    estate.run(&["rollout", "rollback", "promoted", "--yes"]).ends(0);
    let back = estate.run(&["rollout", "resume", "promoted", "--yes"]).ends(3);
    assert_eq!(versions(&estate), ["v1", "v1", "v1"], "{}", back.out);
    let at = |told: &str| back.out.find(told).unwrap_or_else(|| panic!("{told}:\n{}", back.out));
    for edge in ["two (edge): is taken back whole", "three (edge): is taken back whole"] {
        assert!(at(edge) < at("one (canary): is taken back whole"), "{}", back.out);
    }
}

#[test]
fn an_attempt_that_drains_goes_on_where_it_was() {
    let estate = estate("approve: { within: 1h }");
    let mut apply = leads(&estate, &["apply", "promoted.yaml", "--yes"]);
    waits_for_approval(&estate);
    estate.run(&["rollout", "cancel", "promoted", "--drain"]).ends(0);
    assert_eq!(apply.wait().unwrap().code(), Some(130));
    assert_eq!(versions(&estate), ["v2", "v1", "v1"]);
    assert_eq!(estate.run(&["rollout", "show", "promoted"]).code, Some(6));
    let mut resume = leads(&estate, &["rollout", "resume", "promoted", "--yes"]);
    until("the approval", || {
        estate.run(&["rollout", "approve", "promoted"]);
        versions(&estate) == ["v2", "v2", "v2"]
    });
    assert_eq!(resume.wait().unwrap().code(), Some(0));
}

/// A part of the hosts, once the canary has proven the change.
#[test]
fn hosts_are_picked_out_behind_a_canary_that_is_proven() {
    let estate = estate("");
    estate.run(&["apply", "promoted.yaml", "--yes", "--limit", "one"]).ends(0);
    assert_eq!(versions(&estate), ["v2", "v1", "v1"]);
    estate.run(&["apply", "promoted.yaml", "--yes", "--limit", "two"]).ends(0);
    assert_eq!(versions(&estate), ["v2", "v2", "v1"]);
}

/// The hosts that failed are tried again and no other; what the canary proved goes to them.
#[test]
fn those_that_failed_are_tried_again_alone() {
    let estate = estate("");
    // Nobody can say what a log does not hold that is not there.
    fs::rename(estate.0.path("hosts/three/log"), estate.0.path("hosts/three/away")).unwrap();
    estate.run(&["apply", "promoted.yaml", "--yes"]);
    assert_eq!(versions(&estate)[2], "v1");
    fs::rename(estate.0.path("hosts/three/away"), estate.0.path("hosts/three/log")).unwrap();
    let again = estate.run(&["apply", "promoted.yaml", "--yes", "--retry-failed"]).ends(0);
    assert_eq!(versions(&estate), ["v2", "v2", "v2"], "{}", again.out);
    assert!(!again.out.contains("one (canary): begins"), "{}", again.out);
}

/// Commands about runs of this host name the one that is about the rollout, and do nothing with it.
#[test]
fn a_rollout_is_no_run_of_this_host() {
    let estate = estate("approve: { within: 1h }");
    let mut apply = leads(&estate, &["apply", "promoted.yaml", "--yes"]);
    waits_for_approval(&estate);
    for command in ["show", "report", "rollback", "resume", "cancel"] {
        let refused = estate.run(&[command, "promoted"]).ends(1);
        assert!(refused.err.contains(&format!("runbook rollout {command} promoted")), "{}", refused.err);
    }
    let status = estate.run(&["status"]);
    assert!(
        status.err.contains("rollout promoted, attempt 1 is not over: `runbook rollout show promoted`"),
        "{}",
        status.err
    );
    assert!(estate.run(&["history"]).err.contains("runbook rollout list"));
    estate.run(&["rollout", "cancel", "promoted"]).ends(0);
    apply.wait().unwrap();
    assert!(!estate.run(&["status"]).err.contains("not over"));
}

/// What is past the retention of its plans goes, and the artifacts that only it knew; what somebody may still need stays.
#[test]
fn attempts_past_their_retention_go_with_their_artifacts() {
    let estate = estate("");
    let keeps = "retention: { keep_for: 1ms, keep_last: 1 }\nsteps:";
    for (name, text) in [("canary.yaml", CANARY), ("edge.yaml", EDGE)] {
        estate.0.write(name, &text.replace("steps:", keeps));
    }
    estate.run(&["apply", "promoted.yaml", "--yes"]).ends(0);
    let digests = || -> Vec<String> {
        let names = fs::read_dir(estate.0.path("state/artifacts")).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let first = digests();
    assert_eq!(first.len(), 1);
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 24 * 60 * 60);
    let artifact = fs::File::open(estate.0.path("state/artifacts").join(&first[0])).unwrap();
    artifact.set_modified(long_ago).unwrap();
    estate.0.write("promoted.yaml", &PROMOTED.replace("{gate}", "").replace("v2", "v3"));
    estate.run(&["apply", "promoted.yaml", "--yes"]).ends(0);
    assert_eq!(estate.run(&["rollout", "list"]).out, "promoted, attempt 2  3 hosts  done\n");
    assert!(digests().len() == 1 && digests() != first);
}

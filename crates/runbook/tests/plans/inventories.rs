//! `runbook hosts`: what it lists of an inventory, for people and for programs.

use crate::corpus::runbook;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Output;

const ESTATE: &str = "
kind: Inventory
version: 1
name: e
groups: { eu: { hosts: [vm-a] } }
hosts:
  vm-a: { address: 192.0.2.7, labels: { layout: npm }, exercises: [core], become: sudo, vars: { unit: a } }
  edge: { labels: { layout: wrapper }, ssh: { user: ops, port: 2222 } }
";

const ANSIBLE: &str = "[web]\nw[1:2]\n[web:vars]\nansible_user=ops\nansible_password=x\n";

fn hosts(dir: &Path, arguments: &[&str]) -> Output {
    runbook(dir).arg("hosts").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn estate() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("inventory.yaml"), ESTATE).unwrap();
    fs::write(dir.path().join("ansible"), ANSIBLE).unwrap();
    dir
}

#[test]
fn the_nearest_inventory_is_listed_for_people() {
    let dir = estate();
    let below = dir.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    let output = hosts(&below, &[]);
    let wanted = "vm-a  192.0.2.7      layout=npm in eu +core sudo\nedge  ops@edge:2222  layout=wrapper\n";
    assert_eq!((text(&output.stdout), text(&output.stderr), output.status.code()), (wanted, "", Some(0)));
    let output = hosts(dir.path(), &["layout=w*"]);
    assert_eq!(text(&output.stdout), "edge  ops@edge:2222  layout=wrapper\n");
}

#[test]
fn programs_get_each_host_whole() {
    let dir = estate();
    let output = hosts(dir.path(), &["vm-a", "--format", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let one = &found[0];
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(one["labels"], json!({ "layout": "npm" }));
    assert_eq!(
        (&one["groups"], &one["become"], &one["vars"]),
        (&json!(["eu"]), &json!("sudo"), &json!({ "unit": "a" }))
    );
    assert!(one["place"].as_str().unwrap().ends_with("inventory.yaml:7:3"), "{one}");
}

#[test]
fn a_warning_is_told_once_beside_what_is_for_programs() {
    let dir = estate();
    let output =
        runbook(dir.path()).args(["hosts", "--format", "ndjson"]).env("RUNBOOK_INVENTORY", "ansible").output().unwrap();
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = lines.iter().map(|host| host["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["w1", "w2"]);
    assert!(lines.iter().all(|host| host["ssh"]["user"] == "ops" && host["groups"] == json!(["web"])), "{lines:?}");
    assert_eq!(text(&output.stderr), "warning[RB0108]: `ansible_password` is not used (ansible:5:18)\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_selector_that_fits_nothing_is_refused_and_reaches_no_terminal() {
    let dir = estate();
    for (selector, wanted) in [
        (
            "vm-b",
            "error: `vm-b` is no host, group or label of the inventory; did you mean `vm-a`?\n  help: runbook hosts\n",
        ),
        ("\u{1b}[2J", "error: `\\u{1b}[2J` is no host, group or label of the inventory\n  help: runbook hosts\n"),
    ] {
        let output = hosts(dir.path(), &[selector]);
        assert_eq!((text(&output.stdout), text(&output.stderr), output.status.code()), ("", wanted, Some(1)));
    }
}

#[test]
fn an_inventory_with_a_fault_lists_no_host() {
    let dir = estate();
    fs::write(dir.path().join("ansible"), "a\nb[2:1] x=\n").unwrap();
    let output = hosts(dir.path(), &["--inventory", "ansible"]);
    assert_eq!((text(&output.stdout), output.status.code()), ("", Some(1)));
    assert!(text(&output.stderr).contains("ends before it begins"), "{}", text(&output.stderr));
}

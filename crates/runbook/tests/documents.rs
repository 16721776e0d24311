//! Pages and schemas that are written by the program: what is in the repository is what the program writes.

#![expect(clippy::unwrap_used, reason = "what the tests share runs outside of test functions")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn runbook(args: &[&str]) -> Output {
    // No external kinds: what is written must not depend on the machine.
    Command::new(env!("CARGO_BIN_EXE_runbook")).args(args).current_dir(root()).env("PATH", "/nowhere").output().unwrap()
}

#[test]
fn the_page_of_kinds_is_current() {
    let written = std::fs::read_to_string(root().join("docs/kinds.md")).unwrap();
    let output = runbook(&["steps", "--markdown"]);
    assert!(written.as_bytes() == output.stdout, "docs/kinds.md is not current; run: just schemas");
}

/// Tables are for pages; a person at a terminal gets lines that fit.
#[test]
fn a_kind_is_told_without_markdown_unless_that_is_asked_for() {
    let text = |args: &[&str]| String::from_utf8(runbook(args).stdout).unwrap();
    let markdown = text(&["steps", "verify.signals", "--markdown"]);
    assert!(
        markdown.contains("| `within` | a duration | How long all of it may take. Default: `30s`. |"),
        "{markdown}"
    );
    let plain = text(&["steps", "verify.signals"]);
    assert!(plain.contains("  within: a duration\n      How long all of it may take. Default: `30s`.\n"), "{plain}");
    assert!(plain.lines().all(|line| line.chars().count() <= 100 && !line.starts_with(['|', '#'])), "{plain}");
}

#[test]
fn every_kind_is_there_once() {
    let output = runbook(&["steps", "--format", "json"]);
    let kinds: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let names: BTreeSet<&str> = kinds.iter().map(|kind| kind["kind"].as_str().unwrap()).collect();
    assert_eq!(names.len(), kinds.len(), "a kind stands twice in the catalogue");
}

#[test]
fn the_schemas_are_current() {
    let output = runbook(&["schema", "--check", "schemas"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_schema_that_is_not_current_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    assert_eq!(runbook(&["schema", "--check", dir]).status.code(), Some(1));
    assert!(runbook(&["schema", "--write", dir]).status.success());
    assert!(runbook(&["schema", "--check", dir]).status.success());
    std::fs::write(Path::new(dir).join("plan.schema.json"), "{}").unwrap();
    assert_eq!(runbook(&["schema", "--check", dir]).status.code(), Some(1));
}

/// Examples are what people copy: each plan of the repository names the schema that it follows, and that file is there.
#[test]
fn every_shipped_plan_names_its_schema() {
    let mut plans = 0;
    let mut dirs = vec![root().join("examples")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                dirs.push(entry);
            } else if entry.extension().is_some_and(|end| end == "yaml") {
                let text = std::fs::read_to_string(&entry).unwrap();
                let schema = text.lines().find_map(|line| line.strip_prefix("# yaml-language-server: $schema="));
                let schema = schema.unwrap_or_else(|| panic!("{} names no schema", entry.display()));
                assert!(entry.parent().unwrap().join(schema).is_file(), "{}: {schema} is not there", entry.display());
                plans += 1;
            }
        }
    }
    assert!(plans > 0);
}

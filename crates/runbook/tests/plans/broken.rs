//! What is said of each broken plan, word by word, and that every code is among them.

use crate::corpus::{about, directory, plans, snapshots, told};
use runbook_model::CODES;
use std::collections::BTreeSet;
use std::fs;

/// Codes that no plan of the corpus has, each with the reason.
const ELSEWHERE: &[(&str, &str)] = &[
    ("RB0120", "a vault's value stands in an inventory of Ansible"),
    ("RB0420", "`same-platform` is judged when the hosts were reached"),
];

#[test]
fn every_mistake_is_told_at_its_place() {
    let corpus = directory("broken-plans");
    let _guard = snapshots(&corpus).bind_to_scope();
    insta::glob!("../../../../tests/broken-plans", "*.yaml", |plan| {
        let output = about(plan, &["check"]);
        let text = told(&corpus, &output.stderr);
        assert_eq!(output.status.code(), Some(1), "{}: {text}", plan.display());
        assert!(output.stdout.is_empty(), "{}", plan.display());
        insta::assert_snapshot!(text);
    });
}

#[test]
fn every_snapshot_is_of_a_plan() {
    for name in ["broken-plans", "sound-plans"] {
        let corpus = directory(name);
        let of: BTreeSet<String> =
            plans(&corpus).iter().map(|plan| plan.file_name().unwrap().to_string_lossy().into_owned()).collect();
        for entry in fs::read_dir(corpus.join("snapshots")).unwrap() {
            let file = entry.unwrap().file_name().to_string_lossy().into_owned();
            let plan = file.split_once('@').and_then(|(_, rest)| rest.strip_suffix(".snap")).unwrap_or(&file);
            assert!(of.contains(plan), "{name}/snapshots/{file} is of no plan");
        }
    }
}

#[test]
fn every_code_is_in_the_corpus_or_elsewhere_for_a_reason() {
    let corpus = directory("broken-plans");
    let mut seen = BTreeSet::new();
    for plan in plans(&corpus) {
        let text = told(&corpus, &about(&plan, &["check"]).stderr);
        seen.extend(CODES.iter().map(|doc| doc.code).filter(|code| text.contains(&format!("[{code}]"))));
    }
    let expected: BTreeSet<&str> = ELSEWHERE.iter().map(|(code, _)| *code).collect();
    let missing: BTreeSet<&str> = CODES.iter().map(|doc| doc.code).filter(|code| !seen.contains(code)).collect();
    assert_eq!(missing, expected);
}

#[test]
fn the_machine_readable_form_has_the_same_faults() {
    let corpus = directory("broken-plans");
    for plan in plans(&corpus) {
        let text = told(&corpus, &about(&plan, &["check"]).stderr);
        let faults = text.lines().filter(|line| line.starts_with("error[") || line.starts_with("warning[")).count();
        let output = about(&plan, &["check", "--format", "ndjson"]);
        let said = [output.stdout, output.stderr].concat();
        let lines = String::from_utf8(said).unwrap();
        let found = lines.lines().filter(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value.get("code").is_some_and(|code| !code.is_null())
        });
        assert_eq!(found.count(), faults, "{}: {lines}", plan.display());
    }
}

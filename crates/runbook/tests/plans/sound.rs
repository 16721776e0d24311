//! Sound plans: nothing is said of them, their order is fixed, another reader of YAML reads the same, and each kind's
//! documented example stands in one of them as it is printed.

use crate::corpus::{about, directory, plans, snapshots, told};
use runbook_model::SourceId;
use std::fs;

#[test]
fn nothing_is_said_of_a_sound_plan() {
    for plan in plans(&directory("sound-plans")) {
        let output = about(&plan, &["check"]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{}", plan.display());
    }
}

#[test]
fn the_order_of_a_sound_plan_is_fixed() {
    let corpus = directory("sound-plans");
    let _guard = snapshots(&corpus).bind_to_scope();
    insta::glob!("../../../../tests/sound-plans", "*.yaml", |plan| {
        let output = about(plan, &["graph", "--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", plan.display());
        assert_eq!(output.stdout, about(plan, &["graph", "--format", "json"]).stdout);
        insta::assert_snapshot!(told(&corpus, &output.stdout));
    });
}

#[test]
fn another_reader_reads_the_same() {
    for plan in plans(&directory("sound-plans")) {
        let text = fs::read_to_string(&plan).unwrap();
        let (node, faults) = runbook_plan::read(SourceId(0), &text);
        assert!(faults.is_empty(), "{}", plan.display());
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let oracle: serde_json::Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(node.unwrap().to_json(), oracle, "{}", plan.display());
    }
}

#[test]
fn every_documented_example_is_in_a_sound_plan() {
    let texts: Vec<String> =
        plans(&directory("sound-plans")).iter().map(|plan| fs::read_to_string(plan).unwrap()).collect();
    for kind in runbook_kinds::catalogue().built_in() {
        let doc = kind.doc();
        let example: String = doc.example.lines().map(|line| format!("  {line}\n")).collect();
        assert!(texts.iter().any(|text| text.contains(&example)), "the example of `{}`", doc.name);
    }
}

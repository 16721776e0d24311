//! The JSON Schemas agree with the program, as a validator that others wrote sees them.

use crate::corpus::{directory, plans};
use jsonschema::Validator;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
}

fn validator(name: &str) -> Validator {
    let text = fs::read_to_string(root().join("schemas").join(name)).unwrap();
    jsonschema::draft202012::new(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn document(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_yaml::from_str(text.strip_prefix('\u{feff}').unwrap_or(&text)).unwrap()
}

/// Every YAML file below `dir`, but for those that are told to be broken.
fn below(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn every_shipped_and_every_sound_document_is_valid() {
    let schemas = [
        ("Plan", validator("plan.schema.json")),
        ("Environment", validator("environment.schema.json")),
        ("Inventory", validator("inventory.schema.json")),
        ("Rollout", validator("rollout.schema.json")),
    ];
    let mut files = Vec::new();
    for dir in ["playbooks", "examples", "tests/sound-plans"] {
        below(&root().join(dir), &mut files);
    }
    files.push(root().join("crates/runbook/src/plan-template.yaml"));
    let mut judged = [0, 0, 0, 0];
    for file in files {
        let document = document(&file);
        for (nth, (kind, schema)) in schemas.iter().enumerate() {
            if document["kind"] == *kind {
                let faults: Vec<String> =
                    schema.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
                assert!(faults.is_empty(), "{}: {faults:#?}", file.display());
                judged[nth] += 1;
            }
        }
    }
    assert!(judged[0] > 50 && judged[1] > 3 && judged[2] > 0 && judged[3] > 0, "{judged:?}");
}

#[test]
fn a_fault_of_shape_is_one_for_the_schema_too() {
    let [plan, rollout] = ["plan.schema.json", "rollout.schema.json"].map(validator);
    let corpus = directory("broken-plans");
    let known = plans(&corpus);
    for name in [
        "allow-without-a-reason",
        "format-version-of-tomorrow",
        "header-forgotten",
        "ids-that-are-none",
        "kind-in-lower-case",
        "many-fields-of-one-step",
        "many-header-fields",
        "many-parameters-of-many-kinds",
        "many-signals",
        "mistyped-field-of-a-step",
        "name-is-a-sentence",
        "durations-without-unit",
        "backup-parameters",
        "file-modes",
        "command-parameters",
        "rollout-fields",
        "rollout-instead-of-plan",
    ] {
        let file = corpus.join(format!("{name}.yaml"));
        assert!(known.contains(&file), "{name}");
        let schema = if name.starts_with("rollout") { &rollout } else { &plan };
        assert!(!schema.is_valid(&document(&file)), "{name} is valid");
    }
}

//! Broken plans with the codes and exact places of all their faults, and valid ones read the same by another reader.
//!
//! A fixture says what is expected of it in comments: `#! CODE line:column+length < related place`, and its `--var`s
//! as `#var name=value`. `NAME.env.yaml` beside `NAME.yaml` is the environment. `UPDATE_EXPECTED=1` rewrites the comments.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

fn fixtures(directory: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(directory);
    let mut found: Vec<PathBuf> =
        fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.retain(|path| !path.to_string_lossy().ends_with(".env.yaml"));
    found.sort();
    assert!(!found.is_empty());
    found
}

fn directives<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.strip_prefix(mark)).map(str::trim).collect()
}

#[test]
fn broken_plans_are_reported_whole_and_at_the_exact_places() {
    let mut report = String::new();
    for path in fixtures("broken") {
        let text = fs::read_to_string(&path).unwrap();
        let overlay = fs::read_to_string(path.with_extension("env.yaml")).ok();
        let loaded = support::load_text(&text, overlay.as_deref(), &directives(&text, "#var"));
        let (found, expected) = (support::found(&loaded), directives(&text, "#!"));
        assert!(
            loaded.plan.is_none() || !loaded.diagnostics.iter().any(|d| d.severity == runbook_model::Severity::Error)
        );
        if found != expected && std::env::var_os("UPDATE_EXPECTED").is_some() {
            let plan: String = text.split_inclusive('\n').filter(|line| !line.starts_with("#!")).collect();
            let lines: String = found.iter().map(|line| format!("#! {line}\n")).collect();
            let end = if plan.is_empty() || plan.ends_with('\n') { "" } else { "\n" };
            fs::write(&path, format!("{plan}{end}{lines}")).unwrap();
        } else if found != expected {
            report.push_str(&format!("\n{}\n", path.file_name().unwrap().to_string_lossy()));
            for (line, diagnostic) in found.iter().zip(&loaded.diagnostics) {
                let help = diagnostic.help.as_deref().unwrap_or("-");
                report.push_str(&format!("  #! {line}\n       {} ({help})\n", diagnostic.message));
            }
            report.push_str(&format!("  expected {expected:#?}\n"));
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn valid_plans_load_and_read_like_serde_yaml_reads_them() {
    for path in fixtures("valid") {
        let text = fs::read_to_string(&path).unwrap();
        let overlay = fs::read_to_string(path.with_extension("env.yaml")).ok();
        let loaded = support::load_text(&text, overlay.as_deref(), &directives(&text, "#var"));
        assert!(loaded.plan.is_some(), "{}: {:#?}", path.display(), loaded.diagnostics);
        let (node, faults) = runbook_plan::read(runbook_model::SourceId(0), &text);
        assert_eq!(faults, []);
        let oracle: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(node.unwrap().to_json(), oracle, "{}", path.display());
    }
}

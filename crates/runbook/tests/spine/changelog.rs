//! `npm.changelog` through the binary: before the question, in the run, in the report, and without a trace on the host.

use crate::bench::Bench;
use std::fs;
use std::path::Path;
use std::process::Command;

const TEXT: &str = "# Changelog\n\n## Unreleased\n\n- secret plans\n\n## 1.2.0\n\n### Breaking\n\n- Plugins name their runtime.\n\n\
    ### Fixes\n\n- Plugins: a peer dependency resolves. (#70462)\n\n## 1.1.0\n\n- Slack: retry\n\n## 1.0.0\n\n- the first\n";

/// Packs `demo` in `version` with this changelog, as `npm pack` would.
fn pack(bench: &Bench, version: &str, changelog: Option<&str>) {
    fs::create_dir_all(bench.path("package")).unwrap();
    bench.write("package/package.json", &format!(r#"{{ "name": "demo", "version": "{version}" }}"#));
    let _ = fs::remove_file(bench.path("package/CHANGELOG.md"));
    if let Some(text) = changelog {
        bench.write("package/CHANGELOG.md", text);
    }
    let status = Command::new("tar").args(["-czf", "demo.tgz", "package"]).current_dir(bench.path("")).status();
    assert!(status.unwrap().success());
}

fn step(more: &str) -> String {
    format!(
        "  - id: changes\n    uses: npm.changelog\n    with: {{ package: demo, from: 1.0.0, to: 1.2.0, tarball: ./demo.tgz{more} }}\n  \
         - id: write\n    uses: file.write\n    with: {{ path: ./file, content: new }}\n"
    )
}

const WORDS: &str = ", plugins: [slack], known_issues: [\"#70462\", peer dependency]";

#[test]
fn a_reviewer_reads_what_is_new_and_what_matters() {
    let bench = Bench::new(&step(WORDS));
    pack(&bench, "1.2.0", Some(TEXT));
    let told = bench.run(&["plan", "plan.yaml"]).ends(0);
    for line in [
        "changelog of demo from 1.0.0 to 1.2.0: 2 sections",
        "3 marked, 1 of them breaking",
        "## 1.2.0",
        "! - Plugins name their runtime.  [breaking]",
        "! - Plugins: a peer dependency resolves. (#70462)  [#70462, peer dependency]",
        "! - Slack: retry  [slack]",
    ] {
        assert!(
            told.out
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains(&line.split_whitespace().collect::<Vec<_>>().join(" ")),
            "{line}: {}",
            told.out
        );
    }
    assert!(!told.out.contains("secret plans") && !told.out.contains("the first"), "{}", told.out);
    assert_eq!(bench.run(&["apply", "plan.yaml", "--dry-run"]).ends(0).out, told.out);
    let json = bench.run(&["plan", "plan.yaml", "--format", "ndjson"]).ends(0).out;
    let steps: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let excerpt = &steps.iter().find(|step| step["step"] == "changes").unwrap()["excerpt"];
    assert_eq!(excerpt["title"], "changelog of demo from 1.0.0 to 1.2.0");
    assert!(excerpt["lines"].as_array().unwrap().iter().any(|line| line["marks"][0] == "slack"), "{excerpt}");
    assert!(!bench.has("state"), "a dry run keeps nothing");

    bench.apply().ends(0).says("! - Slack: retry").says("more lines: runbook show");
    let shown = bench.run(&["show"]).ends(0);
    assert!(shown.out.contains("Read by `changes`: changelog of demo from 1.0.0 to 1.2.0"), "{}", shown.out);
    let report = bench.run(&["report"]).ends(0).out;
    for line in [
        "## Read by `changes`",
        "**- Slack: retry** (slack)",
        "| **missing** | Somebody read the changelog | the plan has no",
        "`changes` read changelog of demo from 1.0.0 to 1.2.0, ",
        "`changes` read 1 line with breaking",
        "`changes` read 2 lines with \\#70462, peer dependency, slack",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
    let records = bench.run(&["show", "--format", "ndjson"]).ends(0).out;
    assert!(records.contains("Plugins name their runtime."));
}

#[test]
fn a_long_changelog_is_cut_around_what_is_marked() {
    let bench = Bench::new(&step(WORDS));
    let long = format!("## 1.2.0\n{}- Slack: at the end\n", "- nothing of interest\n".repeat(300));
    pack(&bench, "1.2.0", Some(&long));
    let told = bench.run(&["plan", "plan.yaml"]).ends(0).out;
    assert!(told.contains("! - Slack: at the end") && told.contains("more lines: --format json"), "{told}");
    assert!(told.lines().count() < 60, "{told}");
}

#[test]
fn what_is_not_there_is_not_taken_for_nothing_new() {
    let bench = Bench::new("");
    for (version, text, why) in [
        ("1.2.0", None, "demo 1.2.0 has no CHANGELOG.md"),
        ("1.2.0", Some("# Changes\n\nnone\n"), "has no section for 1.2.0"),
        ("1.2.0", Some("## 1.1.0\n\n- one\n"), "has no section for 1.2.0"),
        ("1.3.0", Some(TEXT), "holds demo 1.3.0"),
    ] {
        pack(&bench, version, text);
        bench.plan(&step(""));
        bench.run(&["plan", "plan.yaml"]).ends(1).says("cannot be predicted").says(why);
        bench.apply().ends(1).says(why);
        assert!(!bench.has("file"), "{why}: nothing was changed");
    }
    bench.write("demo.tgz", "this is no archive");
    bench.apply().ends(1).says("cannot be read as a package");
    pack(&bench, "1.2.0", Some("## 1.1.0\n\n- one\n"));
    bench.plan(&step(", required: false"));
    bench.run(&["plan", "plan.yaml"]).ends(0).says("1 section, none of them for");
    pack(&bench, "1.2.0", None);
    bench.apply().ends(0).says("has no CHANGELOG.md");
    bench.run(&["check", "plan.yaml"]).ends(0);
}

#[test]
fn nothing_is_fetched_where_there_is_nothing_to_read() {
    let bench = Bench::new("");
    for (from, why) in [("1.2.0", "is installed"), ("1.3.0", "is newer than 1.2.0")] {
        bench.plan(&step("").replace("from: 1.0.0", &format!("from: {from}")));
        // There is no tarball.
        bench.run(&["plan", "plan.yaml"]).ends(0).says(why);
    }
    bench.plan(&step("").replace("from: 1.0.0", "from: 2026.4.15"));
    bench.run(&["plan", "plan.yaml"]).ends(1).says("have no order");
    bench.plan(&step("").replace("to: 1.2.0", "to: latest"));
    bench.run(&["check", "plan.yaml"]).ends(1).says("it is a tag or a range");
}

fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        found.push(entry.path().display().to_string());
        found.extend(tree(&entry.path()));
    }
    found.sort();
    found
}

/// A real package of the registry that npm is set to.
#[test]
fn a_tarball_of_the_registry_is_read_and_leaves_nothing_behind() {
    let reachable = Command::new("npm").args(["view", "dotenv", "version", "--fetch-retries=0"]).output();
    if !reachable.is_ok_and(|output| output.status.success()) {
        test_rules::skip("the npm registry cannot be reached from here");
        return;
    }
    let steps = "  - id: changes\n    uses: npm.changelog\n    with: { package: dotenv, from: 16.4.4, to: 16.4.5 }\n  - id: write\n    \
                 uses: file.write\n    with: { path: ./file, content: new }\n";
    let bench = Bench::new(steps);
    for dir in ["home", "temp"] {
        fs::create_dir(bench.path(dir)).unwrap();
    }
    let npmrc = std::env::var_os("HOME").map(|home| Path::new(&home).join(".npmrc"));
    if let Some(text) = npmrc.and_then(|path| fs::read(path).ok()) {
        fs::write(bench.path("home/.npmrc"), text).unwrap();
    }
    let before = tree(&bench.path(""));
    let run = |args: &[&str]| {
        let mut command = bench.command(args);
        command.env("HOME", bench.path("home")).env("TMPDIR", bench.path("temp"));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let told = run(&["plan", "plan.yaml"]);
    assert!(told.contains("changelog of dotenv from 16.4.4 to 16.4.5: 1 section") && told.contains("16.4.5"), "{told}");
    assert_eq!(tree(&bench.path("")), before, "a dry run leaves nothing behind");
    bench.plan(&steps.replace("to: 16.4.5", "to: 16.4.999"));
    let told = run(&["plan", "plan.yaml"]);
    assert!(told.contains("no such package or version"), "{told}");
    bench.plan(&steps.replace("to: 16.4.5", "to: 16.4.5, registry: \"http://127.0.0.1:9\""));
    let told = run(&["plan", "plan.yaml"]);
    assert!(told.contains("cannot be reached"), "{told}");
    assert_eq!(tree(&bench.path("temp")), Vec::<String>::new());
}

//! Help, usage and what is told about names of the tool itself.

use crate::bench::{Bench, SIMPLE, said};
use std::io::Write;
use std::process::Stdio;

#[test]
fn help_and_version_are_words_too() {
    let bench = Bench::new();
    let help = |args: &[&str]| bench.expect(0, args).out;
    assert_eq!(help(&["help"]), help(&["--help"]));
    assert_eq!(help(&["help", "apply"]), help(&["apply", "--help"]));
    assert_eq!(help(&["help", "backup", "restore"]), help(&["backup", "restore", "--help"]));
    assert_eq!(help(&["help", "--help"]), help(&["--help"]));
    assert_eq!(help(&["version"]), help(&["--version"]));
    assert_eq!(bench.expect(0, &["version", "--format", "json"]).json()["version"], env!("CARGO_PKG_VERSION"));
    bench.expect(1, &["help", "aply"]).says(&["aply"]);
    bench.expect(1, &[]).says(&["Usage:", "apply", "status"]).never_says(&["supervise"]);
    bench.expect(1, &["backup"]).says(&["Usage:", "verify"]);
    // The codes of a run stand where one looks for them.
    for command in ["apply", "rollback", "resume", "recover"] {
        bench.expect(0, &["help", command]).says(&["Exit codes:", "5 stuck"]);
    }
}

#[test]
fn a_usage_line_shows_what_is_required_and_nothing_hidden() {
    let bench = Bench::new();
    for args in [
        &["apply"][..],
        &["apply", "--state-dir", "/x"],
        &["check"],
        &["--format", "text"],
        &["--state-dir", "/x"],
        &["backup", "restore"],
        &["recover"],
        &["approve", "x"],
        &["aply"],
        &["apply", "x", "--nonsense"],
        &["backup", "lst"],
    ] {
        let told = bench.expect(1, args).never_says(&["supervise", "--state-dir <DIR>"]);
        assert!(told.err.contains("Usage:"), "{args:?}: {told:?}");
    }
    bench.expect(1, &["approve", "x"]).says(&["Usage: runbook approve [OPTIONS] <RUN> <STEP>"]);
    bench.expect(1, &["status", "--format", "xml"]).says(&["text, json, ndjson"]);
    bench.expect(1, &["aply"]).says(&["apply"]);
    let told = bench.expect(1, &["--format", "json"]).never_says(&["supervise"]).json();
    assert_eq!(told["exit"], 1, "{told}");
}

fn typed(bench: &Bench, args: &[&str], text: &str) -> crate::bench::Said {
    let mut command = bench.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_plan_may_come_from_standard_input() {
    let bench = Bench::new();
    let plan = "kind: Plan\nversion: 1\nname: typed\nvars: { who: { type: string } }\nsteps:\n  - id: write\n    \
                uses: file.write\n    with: { path: host/typed, content: \"{{ vars.who }}\" }\n";
    bench.write("environments/prod.yaml", "kind: Environment\nversion: 1\nvars: { who: me }\n");
    typed(&bench, &["check", "-", "--env", "prod"], plan).expect(0).says(&["typed is sound, 1 step"]);
    // Relative paths start where the command does.
    typed(&bench, &["apply", "-", "--env", "prod", "--yes"], plan).expect(0);
    assert_eq!(std::fs::read_to_string(bench.host("typed")).unwrap(), "me");
    typed(&bench, &["check", "-"], "kind: Plan\nversion: 1\n").expect(1).says(&["<stdin>:1"]);
    typed(&bench, &["check", "-"], "").expect(1).says(&["the file is empty"]);
    bench.expect(0, &["rollback", "--yes"]);
    assert!(!bench.host("typed").exists());
}

#[test]
fn a_rule_is_explained_by_its_name() {
    let bench = Bench::new();
    bench.expect(0, &["explain", "backup-before-change"]).says(&["A backup comes before each step"]);
    bench.expect(0, &["explain", "Narrow-Kill"]).says(&["RB0418", "identified, not what matches", "allow"]);
    bench.expect(0, &["explain", "RB0112"]).says(&["a step is named that is not in the plan"]);
    bench.expect(0, &["explain"]).says(&["backup-before-change", "narrow-kill", "RB0112"]);
    bench.expect(1, &["explain", "backup-before-chnge"]).says(&["did you mean `backup-before-change`?"]);
    bench.expect(1, &["explain", "file.write"]).says(&["runbook steps file.write"]);
    bench.expect(1, &["explain", "zzz"]).says(&["no code and no rule `zzz`"]);
    let told = bench.expect(0, &["explain", "stop-before-replace", "--format", "json"]).json();
    assert_eq!(told["rule"], "stop-before-replace", "{told}");
    // Every rule that a message can name has a text.
    let listed = bench.expect(0, &["explain", "--format", "json"]).json();
    let rules: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|one| one["rule"].as_str()).collect();
    assert_eq!(rules.len(), runbook_model::OrderingRule::ALL.len() + runbook_model::Refusal::ALL.len());
    for rule in rules {
        assert!(bench.expect(0, &["explain", rule]).out.lines().count() > 2, "{rule}");
    }
}

#[test]
fn the_plan_that_init_writes_runs_as_it_stands() {
    let bench = Bench::new();
    let here = bench.path("empty");
    std::fs::create_dir(&here).unwrap();
    let run = |args: &[&str]| {
        let mut command = bench.command(args);
        command.current_dir(&here);
        said(command)
    };
    run(&["init"]).expect(0).says(&["plan.yaml"]);
    run(&["check", "plan.yaml"]).expect(0).never_says(&["warning"]);
    run(&["apply", "plan.yaml", "--dry-run", "--detailed-exitcode"]).expect(2);
    run(&["apply", "plan.yaml", "--yes"]).expect(0).says(&["backup", "verify"]);
    run(&["apply", "plan.yaml", "--yes"]).expect(0).says(&["Nothing to do"]);
    let after = |names: &[&str]| {
        let mut found: Vec<String> =
            std::fs::read_dir(&here).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        assert_eq!(found, names);
    };
    after(&["demo", "plan.yaml"]);
    run(&["rollback", "--yes"]).expect(0);
    after(&["plan.yaml"]);
    // What it shows as a broken change is caught and taken back.
    run(&["apply", "plan.yaml", "--yes", "--var", "greeting=broken"]).expect(3);
    after(&["plan.yaml"]);
    run(&["init"]).expect(1).says(&["plan.yaml is there already"]);
    run(&["init", "no/where.yaml"]).expect(1).says(&["the directory no is not there"]).never_says(&["os error"]);
    run(&["init", "."]).expect(1).says(&["name a file"]);
}

#[test]
fn a_command_that_makes_no_sense_says_what_is_near() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    bench.expect(1, &["check", &plan, "--env", "a", "--env", "b"]).says(&["--env"]);
    bench.expect(1, &["steps", "file.wirte"]).says(&["did you mean `file.write`?"]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        bench.expect(0, &["completions", shell]).says(&["rollback"]).never_says(&["supervise"]);
    }
    bench.expect(1, &["completions", "csh"]).says(&["bash", "fish"]);
    let pages = bench.path("man");
    bench.expect(0, &["man", pages.to_str().unwrap()]);
    assert!(pages.join("runbook-apply.1").is_file() && !pages.join("runbook-supervise.1").exists());
}

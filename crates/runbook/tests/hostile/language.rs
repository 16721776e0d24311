//! The command line itself: help for a stranger, suggestions for a slip, JSON for a program, scripts for a shell.

use crate::bench::{Bench, SIMPLE, said};
use serde_json::Value;
use std::process::{Command, Stdio};

/// Every command with its subcommands, as the help lists them.
fn commands(bench: &Bench) -> Vec<Vec<String>> {
    let listed = |prefix: &[&str]| -> Vec<String> {
        let help = bench.expect(0, &[prefix, &["--help"]].concat()).out;
        let list = help.split_once("Commands:\n").map_or("", |(_, list)| list);
        let names = list.lines().take_while(|line| !line.trim().is_empty());
        names
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect()
    };
    let top = listed(&[]);
    assert!(top.len() > 15, "{top:?}");
    top.iter()
        .flat_map(|name| {
            let below: Vec<String> = listed(&[name]);
            std::iter::once(vec![name.clone()]).chain(below.into_iter().map(move |sub| vec![name.clone(), sub]))
        })
        .collect()
}

#[test]
fn every_command_and_every_option_is_explained() {
    let bench = Bench::new();
    for command in commands(&bench) {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        args.push("--help");
        let help = bench.expect(0, &args).out;
        assert!(!help.lines().next().unwrap_or_default().is_empty(), "{args:?}:\n{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{args:?}:\n{help}");
        for line in help.lines().filter(|line| line.trim_start().starts_with('-')) {
            let words = line.trim_start().split("  ").filter(|part| !part.trim().is_empty()).count();
            let next = help.lines().skip_while(|other| *other != line).nth(1).unwrap_or_default();
            assert!(words > 1 || next.starts_with("          "), "{args:?}: `{line}` says nothing");
        }
    }
}

#[test]
fn a_slip_is_refused_with_what_was_probably_meant() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    for (args, meant) in [
        (&["aply", &plan][..], "apply"),
        (&["apply", &plan, "--dryrun"], "--dry-run"),
        (&["plan", &plan, "--explan"], "--explain"),
        (&["apply", &plan, "--format", "jsn"], "json"),
        (&["apply", &plan, "--parallel", "0"], "1..=64"),
        (&["apply"], "<PLAN>"),
        (&["apply", &plan, "--detailed-exitcode"], "--dry-run"),
        (&["apply", &plan, "--var", "nonsense"], "--var name=value"),
        (&["apply", &plan, "--var", "no=1"], "RB0201"),
        (&["apply", &plan, "--env", "prod"], "environments/prod.yaml"),
        (&["steps", "file.wriet"], "file.write"),
        (&["explain", "RB9999"], "runbook explain"),
        (&["show", "nope"], "no plan was ever applied here"),
        (&["recover"], "--boot"),
        (&["backup"], "restore"),
        (&["backup", "lst"], "list"),
        (&["completions", "tcsh"], "zsh"),
    ] {
        bench.expect(1, args).says(&[meant]);
        let json = bench.expect(1, &[args, &["--format", "json"]].concat());
        let _: Value = json.json();
    }
    assert!(!bench.host("a.txt").exists());
}

#[test]
fn every_answer_is_json_where_json_is_asked_for() {
    let lines: &[(&[&str], i32)] = &[
        (&["status"], 0),
        (&["history"], 0),
        (&["show"], 1),
        (&["backup", "list"], 0),
        (&["backup", "verify"], 0),
        (&["backup", "prune"], 0),
        (&["resume"], 1),
        (&["recover", "--boot"], 0),
        (&["plan", "simple.yaml"], 0),
        (&["plan", "bad.yaml"], 1),
        (&["apply", "simple.yaml", "--dry-run"], 0),
        (&["apply", "simple.yaml"], 1),
        (&["apply", "bad.yaml", "--yes"], 1),
        (&["apply", "simple.yaml", "--yes"], 0),
        (&["apply", "simple.yaml", "--yes"], 0),
        (&["check", "simple.yaml", "bad.yaml", "none"], 1),
        (&["check", "simple.yaml"], 0),
        (&["graph", "simple.yaml"], 0),
        (&["vars", "simple.yaml"], 0),
        (&["steps"], 0),
        (&["steps", "file.write"], 0),
        (&["steps", "nothing"], 1),
        (&["explain"], 0),
        (&["explain", "rb0112"], 0),
        (&["explain", "nothing"], 1),
        (&["status"], 0),
        (&["history"], 0),
        (&["show"], 0),
        (&["show", "nothing"], 1),
        (&["report"], 0),
        (&["approve", "nothing", "step"], 1),
        (&["schema"], 0),
        (&["schema", "environment"], 0),
        (&["resume"], 0),
        (&["recover", "--accept", "fine"], 0),
        (&["rollback", "--yes"], 0),
        (&["rollback", "--yes"], 0),
        (&["init", "new.yaml"], 0),
        (&["init", "new.yaml"], 1),
        (&["man", "man"], 0),
        (&["nothing"], 1),
        (&["plan", "--nothing"], 1),
    ];
    for format in ["json", "ndjson"] {
        let bench = Bench::new();
        bench.plan("simple", SIMPLE);
        bench.plan("bad", "steps:\n  - { id: a, uses: nothing }\n");
        for (args, code) in lines {
            let said = bench.expect(*code, &[args, &["--format", format][..]].concat());
            match format {
                "json" => drop(said.json()),
                _ => said.out.lines().for_each(|line| {
                    let _: Value =
                        serde_json::from_str(line).unwrap_or_else(|error| panic!("{args:?} {error}: {line}"));
                }),
            }
            assert!(*code == 0 || !said.out.trim().is_empty(), "{args:?} is refused without a word: {said:#?}");
        }
    }
}

/// Whether `program` is on this host.
fn there_is(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        test_rules::skip(format!("no {program} here"));
    }
    found
}

#[test]
fn shells_can_read_the_completions() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = bench.expect(0, &["completions", shell]).out;
        assert!(script.contains("dry-run") && script.contains("rollback"), "{shell}");
        assert!(!script.contains("supervise"), "{shell} offers what is hidden");
        let path = bench.write(shell, &script);
        if there_is(shell) {
            said(bench.command_of(shell, &["-n", &path])).expect(0);
        }
    }
    if there_is("bash") {
        let path = bench.path("bash");
        let ask = format!(
            "source {}; COMP_WORDS=(runbook ro); COMP_CWORD=1; _runbook runbook ro runbook; echo ${{COMPREPLY[@]}}",
            path.display()
        );
        said(bench.command_of("bash", &["-c", &ask])).expect(0).says(&["rollback"]);
    }
}

#[test]
fn the_manual_can_be_read() {
    let bench = Bench::new();
    bench.expect(0, &["man", bench.path("man").to_str().unwrap()]);
    let pages: Vec<_> = std::fs::read_dir(bench.path("man")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(pages.len() > 15, "{pages:?}");
    assert!(!pages.iter().any(|page| page.to_string_lossy().contains("supervise")), "{pages:?}");
    if there_is("groff") {
        for page in &pages {
            let said = said(bench.command_of("groff", &["-man", "-ww", "-Tutf8", "-z", page.to_str().unwrap()]));
            assert_eq!(said.expect(0).err, "", "{}", page.display());
        }
    }
}

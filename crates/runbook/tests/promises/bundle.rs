//! What a plan brings is kept with the run: from the beginning of a run on nobody needs the checkout.

use crate::bench::{Bench, Said, said};
use serde_json::Value as Json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A plan that brings a template, a file to copy, and scripts of a capture, a command, its undo and a signal.
const PLAN: &str = r#"kind: Plan
version: 1
name: plan
steps:
  - id: keep
    uses: backup.create
    with: { paths: [HOST/st], capture: { said: [sh, bin/said.sh] }, capture_required: true }
  - { id: unit, uses: file.template, needs: [keep], with: { from: files/unit.j2, path: HOST/unit, values: { port: 8 } } }
  - { id: data, uses: file.copy, needs: [unit], with: { from: ./files/data, path: HOST/data } }
  - id: made
    uses: command.run
    needs: [data]
    with:
      run: [./bin/make, HOST/made]
      creates: HOST/made
      effects: { writes: [{ path: HOST/made }] }
      undo: { run: [sh, bin/unmake.sh, HOST/made] }
  - id: works
    uses: verify.signals
    needs: [made]
    with: { within: 5s, signals: { works: { command: [./bin/check, HOST/made], kind: functional } } }
"#;

const FILES: &[(&str, &str, u32)] = &[
    ("files/unit.j2", "port {{ port }}\n", 0o644),
    ("files/data", "data\n", 0o600),
    ("bin/said.sh", "echo said\n", 0o644),
    ("bin/make", "#!/bin/sh\necho made > \"$1\"\n", 0o755),
    ("bin/unmake.sh", "rm -f \"$1\"\n", 0o644),
    ("bin/check", "#!/bin/sh\ntest -e \"$1\"\n", 0o755),
];

/// A checkout with the plan; returns the path of the plan.
fn checkout(bench: &Bench, at: &str) -> String {
    for (name, content, mode) in FILES {
        let path = bench.write(&format!("{at}/{name}"), content);
        fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
    }
    bench.write("host/st/db", "state\n");
    bench.write(&format!("{at}/plan.yaml"), PLAN.replace("HOST", bench.path("host").to_str().unwrap()))
}

fn apply(bench: &Bench, plan: &str, fault: &str) -> Said {
    let mut command = bench.command(&["apply", plan, "--yes"]);
    command.env("RUNBOOK_FAULT", fault);
    said(command)
}

fn digest(bench: &Bench, plan: &str) -> String {
    let told = bench.run(&["plan", plan, "--format", "json"]).json();
    told["digest"].as_str().unwrap_or_else(|| panic!("{told:#}")).to_owned()
}

/// The files that the only run keeps, by their names.
fn kept(bench: &Bench) -> Vec<(String, PathBuf)> {
    let run = fs::read_dir(bench.state().join("runs")).unwrap().next().unwrap().unwrap().path();
    let dirs = fs::read_dir(run.join(".bundle")).unwrap().map(|dir| dir.unwrap().path());
    let files = dirs.flat_map(|dir| fs::read_dir(dir).unwrap()).map(|file| file.unwrap());
    let mut found: Vec<_> = files.map(|file| (file.file_name().into_string().unwrap(), file.path())).collect();
    found.sort();
    found
}

#[test]
fn a_run_goes_on_and_back_without_its_checkout() {
    for way in ["resume", "rollback"] {
        for record in (2..).step_by(3) {
            let bench = Bench::new();
            let plan = checkout(&bench, "checkout");
            let begun = apply(&bench, &plan, &format!("kill-after={record}"));
            if begun.code.is_some() {
                begun.expect(0);
                assert!(record > 10, "it was killed somewhere");
                break;
            }
            fs::remove_dir_all(bench.path("checkout")).unwrap();
            for (name, path) in kept(&bench) {
                let (_, content, _) = FILES.iter().find(|(file, ..)| file.ends_with(&format!("/{name}"))).unwrap();
                assert_eq!(fs::read_to_string(path).unwrap(), *content, "{name}");
            }
            assert_eq!(kept(&bench).len(), FILES.len());
            bench.expect(0, &[way, "--yes"]);
            let found = ["unit", "data", "made"].map(|name| bench.host(name).exists());
            assert_eq!(found, [way == "resume"; 3], "{way} after record {record}");
        }
    }
    // Taken back long after it was over.
    let bench = Bench::new();
    let plan = checkout(&bench, "checkout");
    apply(&bench, &plan, "").expect(0);
    assert_eq!(fs::read_to_string(bench.host("unit")).unwrap(), "port 8\n");
    assert_eq!(fs::metadata(bench.host("data")).unwrap().permissions().mode() & 0o777, 0o600, "as beside the plan");
    fs::remove_dir_all(bench.path("checkout")).unwrap();
    bench.expect(0, &["show"]);
    bench.expect(0, &["rollback", "--yes"]).says(&["Rolled back."]);
    assert!(!bench.host("made").exists());
}

/// What was changed since is not what was judged.
#[test]
fn a_script_that_is_not_what_the_run_began_with_is_not_run() {
    let bench = Bench::new();
    let plan = checkout(&bench, "checkout");
    apply(&bench, &plan, "kill-after=4").says(&[]);
    let (_, script) = kept(&bench).into_iter().find(|(name, _)| name == "make").unwrap();
    fs::write(script, "#!/bin/sh\ntouch \"$1.other\"\n").unwrap();
    bench.run(&["resume", "--yes"]).says(&["./bin/make of the plan", "is not what the run began with"]);
    assert!(!bench.host("made.other").exists());
}

/// What only the way forward runs is not needed on the way back.
#[test]
fn an_undo_is_not_held_up_by_a_script_that_it_does_not_run() {
    let bench = Bench::new();
    let plan = checkout(&bench, "checkout");
    apply(&bench, &plan, "").expect(0);
    for (name, path) in kept(&bench) {
        if ["make", "unit.j2", "data", "said.sh"].contains(&name.as_str()) {
            fs::write(path, "exit 1\n").unwrap();
        }
    }
    bench.expect(0, &["rollback", "--yes"]);
    assert!(!bench.host("made").exists() && !bench.host("data").exists());
}

/// The plan with a change that is taken back first.
fn with_a_change_at_the_end(bench: &Bench) -> String {
    let plan = checkout(bench, "checkout");
    let longer = plan.replace("plan.yaml", "longer.yaml");
    let last = "  - { id: last, uses: file.write, needs: [works], with: { path: HOST/last, content: x } }\n";
    let last = last.replace("HOST", bench.path("host").to_str().unwrap());
    fs::write(&longer, fs::read_to_string(&plan).unwrap() + &last).unwrap();
    longer
}

/// A way back that would end half-way is not begun.
#[test]
fn a_way_back_whose_script_is_damaged_is_not_begun() {
    let bench = Bench::new();
    let plan = with_a_change_at_the_end(&bench);
    apply(&bench, &plan, "").expect(0);
    let (_, unmake) = kept(&bench).into_iter().find(|(name, _)| name == "unmake.sh").unwrap();
    fs::write(&unmake, "exit 1\n").unwrap();
    let refused = bench.run(&["rollback", "--yes"]);
    refused.says(&["cannot be taken back, and nothing was touched", "unmake.sh"]);
    assert!(bench.host("last").exists() && bench.host("made").exists(), "nothing is taken back");
    fs::write(&unmake, "rm -f \"$1\"\n").unwrap();
    bench.expect(0, &["rollback", "--yes"]);
    assert!(!bench.host("last").exists() && !bench.host("made").exists());
}

/// Its host is half changed anyway.
#[test]
fn an_open_run_goes_back_as_far_as_it_can_without_a_script() {
    let records = {
        let quiet = Bench::new();
        let plan = with_a_change_at_the_end(&quiet);
        apply(&quiet, &plan, "").expect(0);
        quiet.run(&["show", "--format", "ndjson"]).out.matches("\"seq\":").count()
    };
    let bench = Bench::new();
    let plan = with_a_change_at_the_end(&bench);
    assert_eq!(apply(&bench, &plan, &format!("kill-before={records}")).code, None);
    let (_, unmake) = kept(&bench).into_iter().find(|(name, _)| name == "unmake.sh").unwrap();
    fs::write(&unmake, "exit 1\n").unwrap();
    bench.expect(5, &["rollback", "--yes"]).says(&["warning", "unmake.sh", "Stuck."]);
    assert!(!bench.host("last").exists() && bench.host("made").exists());
}

/// Nothing is known of it, and nothing was changed by it: its files are room on a disk.
#[test]
fn what_a_run_left_that_was_killed_before_its_first_record_is_removed() {
    let bench = Bench::new();
    let plan = checkout(&bench, "checkout");
    let runs = || fs::read_dir(bench.state().join("runs")).map_or(0, Iterator::count);
    assert_eq!(apply(&bench, &plan, "kill-before=1").code, None);
    assert_eq!(runs(), 1);
    apply(&bench, &plan, "").expect(0);
    assert_eq!(runs(), 1, "the one that is known");
}

#[test]
fn the_digest_is_the_same_in_two_checkouts_and_changes_with_a_file() {
    let bench = Bench::new();
    let here = checkout(&bench, "checkout");
    let there = checkout(&bench, "another/place");
    assert_eq!(digest(&bench, &here), digest(&bench, &there));
    for (name, ..) in FILES {
        let before = digest(&bench, &here);
        let path = bench.path("checkout").join(name);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "\n").unwrap();
        assert_ne!(digest(&bench, &here), before, "{name}");
    }
    let script = bench.path("another/place/bin/unmake.sh");
    let before = digest(&bench, &there);
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(digest(&bench, &there), before, "the executable bit");
    assert!(!bench.state().exists(), "a look keeps nothing");
}

#[test]
fn what_cannot_be_brought_is_told_at_its_word() {
    let bench = Bench::new();
    fs::create_dir(bench.path("dir")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(bench.path("fifo")).status().unwrap().success());
    fs::File::create(bench.path("large")).unwrap().set_len(100 << 20).unwrap();
    std::os::unix::fs::symlink("/dev/zero", bench.path("link")).unwrap();
    let copy = |from: &str| format!("{{ id: a, uses: file.copy, with: {{ from: \"{from}\", path: HOST/a }} }}");
    let signal = "{ id: a, uses: verify.signals, with: { signals: { works: { command: [sh, no.sh] } } } }";
    let undo = "{ id: a, uses: command.run, with: { run: [\"true\"], undo: { run: [./no] } } }";
    let capture = "{ id: a, uses: backup.create, with: { paths: [HOST/st], capture: { said: [./no] } } }";
    for (step, words) in [
        (copy("no"), ["`from` names `no` of the plan, which is not there", "put it beside the plan"]),
        (copy("dir"), ["is a directory", "name it by its absolute path"]),
        (copy("fifo"), ["is a FIFO", "name it by its absolute path"]),
        (copy("link"), ["is a character device", "name it by its absolute path"]),
        (copy("large"), ["is larger than 64 MiB", "name it by its absolute path"]),
        (copy("files/{{ steps.c.stdout }}"), ["is known only once a step ran", "absolute path"]),
        (signal.to_owned(), ["`signals` names `no.sh` of the plan", "is not there"]),
        (undo.to_owned(), ["`undo` names `./no` of the plan", "is not there"]),
        (capture.to_owned(), ["`capture` names `./no` of the plan", "is not there"]),
    ] {
        let first = "{ id: c, uses: command.capture, with: { run: [echo, x] } }";
        let plan = bench.plan("plan", &format!("steps:\n  - {first}\n  - {step}\n"));
        bench.expect(1, &["check", &plan]).says(&words);
    }
}

/// What a step makes is not there when the plan is judged, and is no file of the plan.
#[test]
fn a_file_that_a_step_makes_is_one_of_the_host() {
    let bench = Bench::new();
    let plan = bench.plan(
        "plan",
        "steps:
  - { id: a, uses: file.write, with: { path: host/tool, content: \"echo ran > HOST/ran\\n\" } }
  - { id: b, uses: file.copy, with: { from: host/tool, path: HOST/copy } }
  - id: c
    uses: command.run
    with: { run: [sh, host/tool], effects: { reads: [{ path: host/tool }], writes: [{ path: HOST/ran }] }, undo: { run: [rm, -f, HOST/ran] } }
",
    );
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert_eq!(fs::read_to_string(bench.host("ran")).unwrap(), "ran\n");
    assert_eq!(fs::read(bench.host("copy")).unwrap(), fs::read(bench.host("tool")).unwrap());
}

/// A step that declares no effects may make a file anew that lies beside the plan: the old one is not used in its place.
#[test]
fn a_file_that_a_step_may_have_made_anew_is_not_taken_as_it_was() {
    let bench = Bench::new();
    let tool = |word: &str| format!("echo {word} > HOST/ran\n").replace("HOST", bench.path("host").to_str().unwrap());
    let steps = |effects: &str| {
        format!(
            "steps:
  - {{ id: build, uses: command.run, with: {{ run: [cp, HOST/new, tool], {effects} undo: {{ run: [\"true\"] }} }} }}
  - id: use
    uses: command.run
    needs: [build]
    with: {{ run: [sh, tool], effects: {{ writes: [{{ path: HOST/ran }}] }}, undo: {{ run: [rm, -f, HOST/ran] }} }}
"
        )
    };
    for (effects, code) in [("", 3), ("effects: { writes: [{ path: tool }] },", 0)] {
        bench.write("tool", tool("old"));
        bench.write("host/new", tool("new"));
        let plan = bench.plan("plan", &steps(effects));
        let said = bench.expect(code, &["apply", &plan, "--yes"]);
        match code {
            0 => assert_eq!(fs::read_to_string(bench.host("ran")).unwrap(), "new\n"),
            _ => {
                said.says(&[
                    "step `build` may have made it anew",
                    "declare in the `effects` of `build` what it writes",
                ]);
                assert!(!bench.host("ran").exists());
            }
        }
    }
}

/// Only what a step before writes is no file of the plan, and the way back does not count on it.
#[test]
fn a_file_that_a_later_step_writes_is_brought_and_an_undo_takes_nothing_that_a_step_makes() {
    let bench = Bench::new();
    bench.write("u.sh", "rm -f \"$1\"\n");
    let first = "{ id: a, uses: command.run, with: { run: [touch, HOST/a], effects: { writes: [{ path: HOST/a }] }, undo: { run: [sh, u.sh, HOST/a] } } }";
    let broad = "{ id: b, uses: command.run, needs: [a], with: { run: [\"false\"], effects: { writes: [{ path: . }] }, undo: { run: [\"true\"] } } }";
    let plan = bench.plan("plan", &format!("steps:\n  - {first}\n  - {broad}\n"));
    bench.expect(3, &["apply", &plan, "--yes"]);
    assert_eq!(kept(&bench).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["u.sh"]);
    assert!(!bench.host("a").exists());
    let made = "{ id: m, uses: file.write, with: { path: u.sh, content: x } }";
    let plan = bench.plan("made", &format!("steps:\n  - {made}\n  - {first}\n"));
    bench.expect(1, &["check", &plan]).says(&["`undo` names `u.sh` of the plan, which a step makes"]);
}

/// The same content under two names, one of them executed.
#[test]
fn the_same_content_may_have_two_names() {
    let bench = Bench::new();
    let plan = bench.plan(
        "plan",
        "steps:
  - { id: a, uses: file.copy, with: { from: text/x, path: HOST/a } }
  - { id: b, uses: file.copy, needs: [a], with: { from: bin/x, path: HOST/b } }
  - { id: c, uses: command.capture, needs: [b], with: { run: [./bin/x] } }
",
    );
    for (name, mode) in [("text/x", 0o644), ("bin/x", 0o755)] {
        let path = bench.write(name, "#!/bin/sh\necho \"$0\"\n");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    bench.expect(0, &["apply", &plan, "--yes"]);
    let mode = |name: &str| fs::metadata(bench.host(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("a"), mode("b")), (0o644, 0o755));
    assert_eq!(kept(&bench).len(), 1);
    let shown: Json = bench.expect(0, &["show", "--format", "json"]).json();
    assert!(shown.to_string().contains(".bundle/"), "the script was run from where the run keeps it: {shown:#}");
}

/// Where nothing can be executed, what would be executed there is named before anything changes.
#[test]
fn a_state_directory_on_a_noexec_mount_is_named() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("mounting needs root");
        return;
    }
    let bench = Bench::new();
    let plan = checkout(&bench, "checkout");
    fs::create_dir(bench.state()).unwrap();
    let script = "mount -t tmpfs -o noexec,mode=0700 none state; rc=0; $RUNBOOK apply $PLAN --yes || rc=$?; test $rc = 1; \
                  sed -i 's|\\./bin/|sh, bin/|' $PLAN; $RUNBOOK apply $PLAN --yes";
    let mut command = bench.command_of("unshare", &["--mount", "sh", "-euc", script]);
    command.env("RUNBOOK", crate::bench::RUNBOOK).env("PLAN", plan);
    said(command).expect(0).says(&[
        "`./bin/make` of the plan would be run from",
        "mounted with noexec",
        "[sh, ./bin/check]",
    ]);
}

/// A script sees nothing beside itself, and has its own name.
#[test]
fn a_script_is_run_under_its_own_name_and_from_the_plans_directory() {
    let bench = Bench::new();
    let script = "echo \"$(basename \"$0\") $(ls \"$(dirname \"$0\")\" | wc -l) $PWD\"\n";
    bench.write("checkout/bin/where.sh", script);
    let steps = "kind: Plan\nversion: 1\nname: plan\nsteps:
  - { id: c, uses: command.capture, with: { run: [sh, bin/where.sh] } }
  - { id: w, uses: file.write, needs: [c], with: { path: ../host/where, content: \"{{ steps.c.stdout }}\" } }\n";
    let plan = bench.write("checkout/plan.yaml", steps);
    bench.expect(0, &["apply", &plan, "--yes"]);
    let cwd = fs::canonicalize(bench.path("checkout")).unwrap();
    let found = fs::read_to_string(bench.host("where")).unwrap();
    let words: Vec<&str> = found.split_whitespace().collect();
    assert_eq!(words, ["where.sh", "1", cwd.to_str().unwrap()]);
}

//! What is wrong is said before anything stops: by `plan`, and by `apply` before its first change.

use crate::bench::{Bench, Said, said};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A change that would come first, and that every step below needs.
const FIRST: &str = "steps:\n  - id: first\n    uses: file.write\n    with: { path: HOST/first, content: first }\n";

/// For a step that starts a service and is not about that.
const ALLOWED: &str =
    "[{ rule: verify-is-functional, because: a test }, { rule: verify-is-negative, because: a test }]";

/// A backup of what `deploy` replaces, and a service that is stopped and started around it.
const AROUND: &str = "\
steps:
  - id: backup
    uses: backup.create
    with: { paths: [HOST/app] }
  - id: stop
    uses: process.stop
    with: { name: gateway }
  - id: start
    uses: process.start
    needs: [last]
    with: { name: gateway, run: [sleep, \"1000\"] }
  - id: verify
    uses: verify.signals
    with:
      process: gateway
      within: 1s
      signals:
        up: { process: gateway }
        f: { command: [\"true\", a], kind: functional }
        n: { command: [\"true\", b], kind: negative }
";

fn refused(bench: &Bench, plan: &str, words: &[&str]) -> Said {
    let before = bench.picture("host");
    bench.expect(1, &["plan", plan]).says(words);
    let json = bench.expect(1, &["apply", plan, "--dry-run", "--format", "json"]).json();
    let obstacles = json["obstacles"].to_string();
    assert!(words.iter().all(|word| obstacles.contains(word)), "{json:#}");
    assert!(!bench.state().exists(), "a dry run writes nothing");
    let said = bench.expect(1, &["apply", plan, "--yes"]).says(words).says(&["nothing was changed"]);
    assert_eq!(bench.picture("host"), before);
    bench.expect(0, &["history"]).says(&["No runs"]);
    fs::remove_dir_all(bench.state()).unwrap();
    said
}

/// Each is a step with what `plan` has to say of it.
#[test]
fn what_no_step_brings_is_told_before_the_first_change() {
    for (step, words) in [
        ("uses: file.copy\n    with: { from: HOST/nothing, path: HOST/copy }", "HOST/nothing is not there"),
        ("uses: file.copy\n    with: { from: HOST/first, path: HOST/no/copy }", "the directory HOST/no is not there"),
        ("uses: file.write\n    with: { path: HOST/no/a, content: a }", "the directory HOST/no is not there"),
        ("uses: file.write\n    with: { path: HOST/file/a, content: a }", "HOST/file is not a directory"),
        ("uses: file.link\n    with: { path: HOST/link, to: nothing }", "where nothing is"),
        ("uses: file.link\n    with: { path: HOST/no/link, to: HOST/file }", "the directory HOST/no is not there"),
        ("uses: file.directory\n    with: { path: HOST/no/dir }", "the directory HOST/no is not there"),
        (
            "uses: file.template\n    with: { from: HOST/absent.j2, path: HOST/t }",
            "the template HOST/absent.j2 is not there",
        ),
        ("uses: file.template\n    with: { from: HOST/t.j2, path: HOST/t, values: { here: 1 } }", "not_given"),
        ("uses: file.template\n    with: { from: HOST/file, path: HOST/no/t }", "the directory HOST/no is not there"),
        ("uses: json.edit\n    with: { path: HOST/none.json, set: { /a: 1 } }", "none.json"),
        (
            "uses: command.run\n    with: { run: [no-such-program], undo: { run: [\"true\"] } }",
            "the program `no-such-program`",
        ),
        (
            "uses: command.run\n    with: { run: [\"true\"], effects: { writes: [] }, undo: { run: [no-such-undo] } }",
            "the program `no-such-undo`",
        ),
        (
            "uses: command.run\n    with: { run: [\"true\"], cwd: HOST/no, undo: { run: [\"true\"] } }",
            "the directory HOST/no is not there",
        ),
        ("uses: command.run\n    with: { run: [HOST/plain], undo: { run: [\"true\"] } }", "may not be executed"),
        ("uses: command.run\n    with: { run: [HOST/script], undo: { run: [\"true\"] } }", "/no/such/interpreter"),
        ("uses: command.capture\n    with: { run: [no-such-program] }", "the program `no-such-program`"),
        (
            "allow: ALLOWED\n    uses: process.start\n    with: { name: x, run: [no-such-program] }",
            "the program `no-such-program`",
        ),
        (
            "allow: ALLOWED\n    uses: process.start\n    with: { name: x, run: [sleep, \"1\"], log: HOST/no/log }",
            "the directory HOST/no is not there",
        ),
        ("allow: ALLOWED\n    uses: process.restart\n    with: { name: nobody }", "there is no service `nobody`"),
        (
            "uses: verify.signals\n    with:\n      within: 1s\n      signals:\n        up: { command: [no-such-program] }\n        \
          f: { command: [\"true\", a], kind: functional }\n        n: { command: [\"true\", b], kind: negative }",
            "signal `up`: the program `no-such-program`",
        ),
    ] {
        let bench = Bench::new();
        bench.write("host/file", "a");
        bench.write("host/plain", "a");
        bench.write("host/t.j2", "{{ here }}{{ not_given }}");
        let script = bench.write("host/script", "#!/no/such/interpreter\n");
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
        let step = step.replace("ALLOWED", ALLOWED);
        let plan = bench.plan("lacks", &format!("{FIRST}  - id: last\n    needs: [first]\n    {step}\n"));
        refused(&bench, &plan, &[&words.replace("HOST", bench.path("host").to_str().unwrap()), "step `last`"]);
    }
}

/// Also where a step before disturbs the place: what it writes is not what is missing.
#[test]
fn an_artifact_that_is_missing_or_another_one_stops_no_service() {
    for (deploy, words) in [
        ("from: HOST/none.tgz, to: HOST/app", "none.tgz is not there"),
        (
            "from: HOST/a.tar, to: HOST/app, digest: \"0000000000000000000000000000000000000000000000000000000000000000\"",
            "a.tar is not the validated one",
        ),
        ("from: HOST/broken.tar.zst, to: HOST/app", "broken.tar.zst"),
        ("from: HOST/dir, to: HOST/app, strip: 3", "strip"),
    ] {
        let bench = Bench::new();
        bench.write("host/app/old", "old");
        bench.write("host/dir/new", "new");
        bench.write("host/a.tar", [0; 1024]);
        bench.write("host/broken.tar.zst", "this is none");
        let touch = "  - id: touch\n    uses: file.write\n    needs: [stop]\n    with: { path: HOST/app/old, content: touched }\n";
        let last = format!("  - id: last\n    uses: artifact.deploy\n    needs: [touch]\n    with: {{ {deploy} }}\n");
        let plan = bench.plan("deploy", &format!("{AROUND}{touch}{last}"));
        refused(&bench, &plan, &[words, "step `last`"]);
    }
}

/// Several at once are told at once.
#[test]
fn everything_that_is_in_the_way_is_told_together() {
    let bench = Bench::new();
    let plan = bench.plan(
        "many",
        &format!(
            "vars:\n  token: {{ type: secret, from: {{ env: TEST_ABSENT }} }}\n  key: {{ type: secret, from: {{ command: [no-such-sops] }} }}\n\
             {FIRST}  - id: a\n    uses: file.copy\n    with: {{ from: HOST/none, path: HOST/a }}\n  \
             - id: b\n    uses: file.write\n    with: {{ path: HOST/no/b, content: \"{{{{ vars.token }}}}\" }}\n  \
             - id: c\n    uses: file.write\n    with: {{ path: HOST/no2/c, content: \"{{{{ vars.key }}}}\" }}\n"
        ),
    );
    refused(
        &bench,
        &plan,
        &["TEST_ABSENT", "none is not there", "/no is not there", "/no2 is not there", "no-such-sops"],
    );
}

/// What an earlier step makes, or may make, is no obstacle.
#[test]
fn what_a_step_before_brings_is_no_obstacle() {
    let bench = Bench::new();
    let plan = bench.plan(
        "brings",
        "steps:\n  - id: dir\n    uses: file.directory\n    with: { path: HOST/d/e, parents: true }\n  \
         - id: tool\n    uses: file.write\n    with: { path: HOST/d/e/tool, content: \"#!/bin/sh\\ntouch HOST/d/ran\\n\", mode: \"0755\" }\n  \
         - id: template\n    uses: file.write\n    with: { path: HOST/d/t.j2, content: \"{% raw %}{{ a }}{% endraw %}\" }\n  \
         - id: render\n    uses: file.template\n    with: { from: HOST/d/t.j2, path: HOST/d/t, values: { a: rendered } }\n  \
         - id: copy\n    uses: file.copy\n    with: { from: HOST/d/t, path: HOST/d/e/copy }\n  \
         - id: link\n    uses: file.link\n    with: { path: HOST/d/link, to: e/copy }\n  \
         - id: run\n    uses: command.run\n    with:\n      run: [HOST/d/e/tool]\n      cwd: HOST/d/e\n      \
         effects: { reads: [{ path: HOST/d/e }], writes: [{ path: HOST/d/ran }, { path: HOST/d/made }] }\n      undo: { run: [rm, -f, HOST/d/ran] }\n  \
         - id: verify\n    uses: verify.signals\n    needs: [run]\n    with:\n      within: 1s\n      signals:\n        \
         up: { command: [HOST/d/e/tool] }\n        f: { command: [test, -e, HOST/d/ran], kind: functional }\n        \
         n: { command: [\"true\"], kind: negative }\n",
    );
    bench.expect(0, &["plan", &plan]).never_says(&["would fail", "warning"]);
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert_eq!(fs::read_to_string(bench.host("d/link")).unwrap(), "rendered");
}

/// A step that may write anything may bring it: that is told, and nothing is refused.
#[test]
fn what_a_step_before_may_bring_is_told_as_a_doubt() {
    let bench = Bench::new();
    let plan = bench.plan(
        "may",
        "steps:\n  - id: make\n    uses: command.run\n    with: { run: [touch, HOST/made], undo: { run: [rm, -f, HOST/made] } }\n  \
         - id: copy\n    uses: file.copy\n    with: { from: HOST/made, path: HOST/copy }\n",
    );
    bench.expect(0, &["plan", &plan]).says(&["warning: step `copy` would fail", "if step `make` does not bring it"]);
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert!(bench.host("copy").exists());
}

/// A secret that is too short to be recognised in other forms is told; that is no reason not to run.
#[test]
fn a_secret_that_is_too_short_is_told() {
    let bench = Bench::new();
    let plan = bench.plan(
        "short",
        "vars:\n  pin: { type: secret, from: { env: TEST_PIN } }\n  long: { type: secret, from: { env: TEST_LONG } }\nsteps:\n  \
         - { id: a, uses: file.write, with: { path: HOST/a, content: \"{{ vars.pin }}{{ vars.long }}\" } }\n",
    );
    for args in [&["plan", &plan][..], &["apply", &plan, "--yes"]] {
        let mut command = bench.command(args);
        command.env("TEST_PIN", "q7z9x").env("TEST_LONG", "q7z9xk");
        said(command).expect(0).says(&["warning: the secret `pin`"]).never_says(&["secret `long` is", "q7z9x"]);
    }
}

/// A failure that the plan lets pass, and a step whose condition is not known, refuse nothing.
#[test]
fn a_failure_that_decides_nothing_refuses_nothing() {
    let bench = Bench::new();
    let plan = bench.plan(
        "passes",
        &format!(
            "{FIRST}  - id: passes\n    uses: file.copy\n    on_failure: continue\n    with: {{ from: HOST/none, path: HOST/a }}\n  \
             - id: ask\n    uses: command.capture\n    with: {{ run: [echo, \"no\"] }}\n  \
             - id: only-if\n    uses: file.copy\n    if: steps.ask.stdout == 'yes'\n    with: {{ from: HOST/none2, path: HOST/b }}\n  \
             - id: never\n    uses: file.copy\n    if: false\n    with: {{ from: HOST/none3, path: HOST/c }}\n"
        ),
    );
    bench
        .expect(0, &["plan", &plan])
        .says(&["warning: step `passes`", "warning: step `only-if`"])
        .never_says(&["none3"]);
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert!(bench.host("first").exists());
}

/// Kills an `apply` of `plan`, which has so many steps, when its first step is done.
fn killed_after_first(bench: &Bench, plan: &str, steps: u32) {
    // The beginning, a forecast for each step, and three records of the first step.
    let mut command = bench.command(&["apply", plan, "--yes"]);
    command.env("RUNBOOK_FAULT", format!("kill-after={}", 1 + steps + 3)).env("TEST_TOKEN", "a-token-to-use");
    assert_eq!(said(command).code, None);
    assert!(bench.host("first").exists());
}

/// What is gone since the run began is told together before anything goes on, and the run stays as it is.
#[test]
fn a_resume_asks_what_is_still_to_be_done_before_it_goes_on() {
    let bench = Bench::new();
    let chain = [
        "uses: file.write\n    with: { path: HOST/first, content: first }",
        "uses: file.copy\n    with: { from: HOST/from, path: HOST/copy }",
        "uses: command.run\n    with: { run: [HOST/tool], effects: { writes: [{ path: HOST/ran }] }, undo: { run: [HOST/back] } }",
        "uses: file.write\n    with: { path: HOST/dir/secret, content: \"{{ vars.token }}\" }",
        "uses: verify.signals\n    with:\n      within: 1s\n      signals:\n        up: { command: [HOST/probe] }\n        \
         f: { command: [\"true\", a], kind: functional }\n        n: { command: [\"true\", b], kind: negative }",
    ];
    let step = |(nth, step): (usize, &&str)| {
        let needs = nth.checked_sub(1).map(|before| format!("    needs: [s{before}]\n")).unwrap_or_default();
        format!("  - id: s{nth}\n{needs}    {step}\n")
    };
    let steps: String = chain.iter().enumerate().map(step).collect();
    let plan = bench
        .plan("chain", &format!("vars:\n  token: {{ type: secret, from: {{ env: TEST_TOKEN }} }}\nsteps:\n{steps}"));
    let tools = ["tool", "back", "probe"];
    let bring = || {
        bench.write("host/from", "from");
        fs::create_dir_all(bench.host("dir")).unwrap();
        for tool in tools {
            let path = bench.write(&format!("host/{tool}"), "#!/bin/sh\n");
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    };
    bring();
    // The baseline of the verification is one more record.
    killed_after_first(&bench, &plan, 6);
    ["from", "tool", "back", "probe"].iter().for_each(|name| fs::remove_file(bench.host(name)).unwrap());
    fs::remove_dir(bench.host("dir")).unwrap();
    let before = bench.picture("host");
    let told = bench.expect(1, &["resume", "--yes"]).says(&[
        "TEST_TOKEN",
        "host/from is not there",
        "host/tool",
        "host/back",
        "host/probe",
        "host/dir is not there",
        "does not go on, and nothing was touched",
        "runbook rollback",
        "takes back `s0`",
    ]);
    assert_eq!(bench.picture("host"), before, "{told:?}");
    bench.expect(6, &["status"]).says(&["is still open"]);
    bring();
    let mut resume = bench.command(&["resume", "--yes"]);
    resume.env("TEST_TOKEN", "a-token-to-use");
    said(resume).expect(0);
    assert_eq!(fs::read_to_string(bench.host("dir/secret")).unwrap(), "a-token-to-use");
}

/// Two steps, killed between them; the second copies what the first has no part in.
const COPIES: &str = "\
steps:
  - { id: s0, uses: file.write, with: { path: HOST/first, content: first } }
  - { id: s1, uses: file.copy, needs: [s0], with: { from: HOST/from, path: HOST/copy } }
";

/// What a done step relied on may be gone by now, and what it made is not expected of it again.
#[test]
fn a_resume_does_not_ask_what_is_done() {
    let bench = Bench::new();
    bench.write("host/from", "from");
    let plan = bench.plan(
        "done",
        "steps:\n  - { id: s0, uses: file.copy, with: { from: HOST/from, path: HOST/first } }\n  \
         - { id: s1, uses: file.copy, needs: [s0], with: { from: HOST/first, path: HOST/copy } }\n",
    );
    killed_after_first(&bench, &plan, 2);
    fs::remove_file(bench.host("from")).unwrap();
    bench.expect(0, &["resume", "--yes"]).never_says(&["warning"]);
    assert_eq!(fs::read_to_string(bench.host("copy")).unwrap(), "from");

    let bench = Bench::new();
    bench.write("host/from", "from");
    let plan = bench.plan(
        "made",
        "steps:\n  - { id: s0, uses: file.copy, with: { from: HOST/from, path: HOST/first } }\n  \
         - { id: s1, uses: file.copy, needs: [s0], with: { from: HOST/first, path: HOST/copy } }\n",
    );
    killed_after_first(&bench, &plan, 2);
    fs::remove_file(bench.host("first")).unwrap();
    bench.expect(1, &["resume", "--yes"]).says(&["step `s1`", "host/first is not there", "runbook rollback"]);
    bench.expect(0, &["rollback", "--yes"]);
}

/// What a step before may bring is told, and the run goes on.
#[test]
fn a_resume_tells_what_is_doubtful_and_goes_on() {
    let bench = Bench::new();
    let plan = bench.plan(
        "may",
        "steps:\n  - { id: s0, uses: file.write, with: { path: HOST/first, content: first } }\n  \
         - { id: make, uses: command.run, needs: [s0], with: { run: [touch, HOST/made], undo: { run: [rm, -f, HOST/made] } } }\n  \
         - { id: copy, uses: file.copy, needs: [make], with: { from: HOST/made, path: HOST/copy } }\n",
    );
    killed_after_first(&bench, &plan, 3);
    bench
        .expect(0, &["resume", "--yes"])
        .says(&["warning: step `copy` would fail", "if step `make` does not bring it"]);
    assert!(bench.host("copy").exists());
}

/// Nobody is there at boot to bring what is missing: the run goes back, and says why.
#[test]
fn a_recovery_that_cannot_go_forward_goes_back_and_says_why() {
    let bench = Bench::new();
    bench.write("host/from", "from");
    let plan = bench.plan("copies", COPIES);
    killed_after_first(&bench, &plan, 2);
    fs::remove_file(bench.host("from")).unwrap();
    let words = ["step `s1` would fail", "host/from is not there"];
    bench.expect(3, &["recover", "--boot", "--forward"]).says(&words).says(&["so it goes back"]);
    assert!(!bench.host("first").exists());
    bench.expect(0, &["show"]).says(&words);
    bench.expect(0, &["report"]).says(&words);

    let bench = Bench::new();
    bench.write("host/from", "from");
    let plan = bench.plan("copies", COPIES);
    killed_after_first(&bench, &plan, 2);
    bench.expect(0, &["recover", "--boot", "--forward"]);
    assert!(bench.host("copy").exists());
}

/// A command of the plan that takes a step back by a program, and a change before and behind it.
const WAY_BACK: &str = "\
steps:
  - { id: s0, uses: file.write, with: { path: HOST/first, content: first } }
  - id: by-hand
    uses: command.run
    needs: [s0]
    with: { run: [\"true\"], effects: { writes: [{ path: HOST/x }] }, undo: { run: [HOST/back] } }
  - { id: last, needs: [by-hand], LAST }
";

fn program(bench: &Bench, name: &str) {
    let path = bench.write(name, "#!/bin/sh\n");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_rollback_that_would_end_half_way_does_not_begin() {
    let bench = Bench::new();
    program(&bench, "host/back");
    let plan = bench.plan("back", &WAY_BACK.replace("LAST", "uses: file.write, with: { path: HOST/last, content: x }"));
    bench.expect(0, &["apply", &plan, "--yes"]);
    fs::remove_file(bench.host("back")).unwrap();
    let before = bench.picture("host");
    let words = ["step `by-hand` could not be taken back", "host/back", "is not on this host"];
    bench.expect(1, &["rollback", "--yes"]).says(&words).says(&["nothing was touched"]);
    assert_eq!(bench.picture("host"), before);
    program(&bench, "host/back");
    bench.expect(0, &["rollback", "--yes"]);
    assert!(!bench.host("first").exists());
}

#[test]
fn a_rollback_of_an_open_run_tells_it_and_goes_as_far_as_it_can() {
    let bench = Bench::new();
    program(&bench, "host/back");
    let plan = bench.plan("back", &WAY_BACK.replace("LAST", "uses: file.write, with: { path: HOST/last, content: x }"));
    // The last step has acted, and its end is not on record.
    let mut command = bench.command(&["apply", &plan, "--yes"]);
    command.env("RUNBOOK_FAULT", format!("kill-before={}", 1 + 3 + 9));
    assert_eq!(said(command).code, None);
    assert!(bench.host("last").exists());
    fs::remove_file(bench.host("back")).unwrap();
    bench.expect(5, &["rollback", "--yes"]).says(&["warning: step `by-hand` could not be taken back"]);
    assert!(!bench.host("last").exists() && bench.host("first").exists());
}

#[test]
fn what_is_put_back_before_is_no_obstacle_of_a_rollback() {
    let bench = Bench::new();
    program(&bench, "host/back");
    let plan = bench.plan("back", &WAY_BACK.replace("LAST", "uses: file.remove, with: { path: HOST/back }"));
    bench.expect(0, &["apply", &plan, "--yes"]);
    bench.expect(0, &["rollback", "--yes"]).never_says(&["warning", "could not"]);
    assert!(bench.host("back").exists() && !bench.host("first").exists());
}

//! What is wrong is said before anything stops: by `plan`, and by `apply` before its first change.

use crate::bench::{Bench, Said};
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

//! What a dry run says: no change, a change with its diff, unknown until a step ran, or that nothing can tell. And
//! never a secret.

use crate::bench::{Bench, said};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;

/// The predictions of a plan by step.
fn predicted(bench: &Bench, plan: &str) -> impl Fn(&str) -> Value + use<> {
    predicted_with(bench, plan, 0)
}

/// The same of a plan that something is in the way of, if `code` is 1.
fn predicted_with(bench: &Bench, plan: &str, code: i32) -> impl Fn(&str) -> Value + use<> {
    let all = bench.expect(code, &["plan", plan, "--format", "json"]).json();
    move |step| {
        let steps = all["steps"].as_array().unwrap();
        steps.iter().find(|one| one["step"] == step).unwrap_or_else(|| panic!("no {step} in {all:#}")).clone()
    }
}

#[track_caller]
fn is(step: &Value, prediction: &str, until: Option<&str>) {
    assert_eq!(step["prediction"]["prediction"], prediction, "{step:#}");
    assert_eq!(step["prediction"]["until"].as_str(), until, "{step:#}");
}

#[test]
fn each_sort_of_prediction_is_told() {
    let bench = Bench::new();
    bench.write("host/same", "same\n");
    bench.write("host/other", "old\n");
    let plan = bench.plan(
        "sorts",
        r#"steps:
  - { id: same, uses: file.write, with: { path: HOST/same, content: "same\n" } }
  - { id: other, uses: file.write, with: { path: HOST/other, content: "new\n" } }
  - { id: read, uses: command.capture, with: { run: [hostname] } }
  - { id: from-read, uses: file.write, with: { path: HOST/name, content: "{{ steps.read.stdout }}" } }
  - id: command
    uses: command.run
    with: { run: ["true"], effects: { writes: [{ path: HOST/x }] }, undo: { run: ["true"] } }
  - { id: after-command, uses: file.write, with: { path: HOST/y, content: "{{ steps.command.stdout }}" } }
"#,
    );
    let of = predicted(&bench, &plan);
    is(&of("same"), "no-change", None);
    is(&of("other"), "change", None);
    assert!(of("other")["prediction"]["diff"].as_str().unwrap().contains("-old\n+new\n"));
    is(&of("from-read"), "unknown", Some("read"));
    is(&of("command"), "cannot-predict", None);
    is(&of("after-command"), "unknown", Some("command"));
}

/// Read, written over, looked at as a directory, and with `needs` or data that turn the order of the file round.
#[test]
fn what_an_earlier_step_would_change_is_not_predicted_from_what_is_there_now() {
    let bench = Bench::new();
    bench.write("host/in", "now\n");
    bench.write("host/copy", "now\n");
    bench.write("host/tree/a", "now\n");
    bench.write("host/early", "now\n");
    bench.write("host/by-data", "now\n");
    let plan = bench.plan(
        "later",
        r#"steps:
  - { id: early, uses: file.copy, needs: [in], with: { from: HOST/in, path: HOST/early } }
  - { id: by-data, uses: file.copy, with: { from: "{{ steps.in.path }}", path: HOST/by-data } }
  - { id: in, uses: file.write, with: { path: HOST/in, content: "then\n" } }
  - { id: copy, uses: file.copy, with: { from: HOST/in, path: HOST/copy } }
  - { id: twice, uses: file.copy, with: { from: HOST/copy, path: HOST/twice } }
  - { id: made, uses: file.write, with: { path: HOST/made, content: "then\n" } }
  - { id: from-made, uses: file.copy, with: { from: HOST/made, path: HOST/from-made } }
  - { id: again, uses: file.write, with: { path: HOST/in, content: "now\n" } }
  - { id: leaf, uses: file.write, with: { path: HOST/tree/a, content: "then\n" } }
  - { id: tree, uses: file.remove, with: { path: HOST/tree }, allow: [{ rule: change-needs-backup, because: a test }] }
  - { id: apart, uses: file.write, with: { path: HOST/apart, content: "x" } }
"#,
    );
    let of = predicted(&bench, &plan);
    is(&of("in"), "change", None);
    is(&of("early"), "unknown", Some("in"));
    is(&of("by-data"), "unknown", Some("in"));
    is(&of("copy"), "unknown", Some("in"));
    is(&of("twice"), "unknown", Some("copy"));
    is(&of("from-made"), "unknown", Some("made"));
    is(&of("again"), "unknown", Some("in"));
    is(&of("tree"), "unknown", Some("leaf"));
    is(&of("apart"), "change", None);

    // Nothing of it was mispredicted: the second run has nothing left but what the plan itself turns over and over.
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert_eq!(std::fs::read_to_string(bench.host("twice")).unwrap(), "then\n");
    assert_eq!(std::fs::read_to_string(bench.host("early")).unwrap(), "then\n");
}

/// Brings the service down however the test ends.
struct Started<'a>(&'a Bench, String);

impl Drop for Started<'_> {
    fn drop(&mut self) {
        self.0.run(&["apply", &self.1, "--yes"]);
    }
}

/// Plans that start and stop a service which sleeps.
fn sleeper(bench: &Bench) -> (String, String) {
    let plan = |name, with| {
        let allow = "[{ rule: verify-is-functional, because: a test }, { rule: verify-is-negative, because: a test }]";
        bench.plan(name, &format!("steps:\n  - {{ id: {name}, uses: process.{name}, with: {with}, allow: {allow} }}\n"))
    };
    (plan("start", r#"{ name: sleeper, run: [sleep, "1000"] }"#), plan("stop", "{ name: sleeper }"))
}

#[test]
fn a_service_that_runs_now_and_is_stopped_for_a_change_is_said_to_be_started_again() {
    let bench = Bench::new();
    let (start, stop) = sleeper(&bench);
    let plan = bench.plan(
        "change",
        r#"steps:
  - { id: stop, uses: process.stop, with: { name: sleeper } }
  - { id: change, uses: file.write, needs: [stop], with: { path: HOST/note, content: x } }
  - id: start
    uses: process.start
    needs: [change]
    with: { name: sleeper, run: [sleep, "1000"] }
    allow: [{ rule: verify-is-functional, because: a test }, { rule: verify-is-negative, because: a test }]
"#,
    );
    let _started = Started(&bench, stop);
    bench.expect(0, &["apply", &start, "--yes"]);
    let of = predicted(&bench, &plan);
    is(&of("start"), "change", None);
    assert_eq!(of("start")["prediction"]["summary"], "it is started again, `stop` brings it down");
    bench.expect(0, &["apply", &plan, "--yes"]);
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["Nothing to do"]);
}

#[test]
fn what_an_inspection_reads_flows_into_later_predictions() {
    let bench = Bench::new();
    bench.write("host/note", "up\n");
    let (start, stop) = sleeper(&bench);
    let plan = bench.plan(
        "inspected",
        r#"steps:
  - { id: look, uses: service.inspect, with: { manager: process, name: sleeper } }
  - id: note
    uses: file.write
    with: { path: HOST/note, content: "{{ 'up' if steps.look.running else 'down' }}\n" }
  - { id: skipped, uses: file.write, if: "{{ not steps.look.running }}", with: { path: HOST/never, content: x } }
"#,
    );
    let unknown = predicted_with(&bench, &plan, 1);
    is(&unknown("note"), "unknown", Some("look"));
    let started = Started(&bench, stop);
    bench.expect(0, &["apply", &start, "--yes"]);
    let of = predicted(&bench, &plan);
    is(&of("note"), "no-change", None);
    is(&of("skipped"), "no-change", None);
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["Nothing to do"]);
    drop(started);
    let of = predicted(&bench, &plan);
    is(&of("note"), "change", None);
    is(&of("skipped"), "change", None);
}

/// Nothing orders the clearing against the change: both wait for the stop, and the start waits for both.
#[test]
fn a_cache_is_cleared_with_every_change_between_the_same_stop_and_start() {
    let bench = Bench::new();
    let allow =
        "allow: [{ rule: verify-is-functional, because: a test }, { rule: verify-is-negative, because: a test }]";
    let stop = "{ id: stop, uses: process.stop, with: { name: sleeper } }";
    let start =
        format!("{{ id: start, uses: process.start, with: {{ name: sleeper, run: [sleep, \"1000\"] }}, {allow} }}");
    let down = bench
        .plan("down", &format!("steps:\n  - {{ id: stop, uses: process.stop, with: {{ name: sleeper }}, {allow} }}\n"));
    let up = bench.plan("up", &format!("steps:\n  - {start}\n"));
    let plan = bench.plan(
        "upgrade",
        &format!(
            "steps:\n  - {stop}\n  - {{ id: change, uses: file.write, with: {{ path: HOST/config, content: new }} }}\n  \
             - {{ id: clear, uses: jiti-cache.clear, with: {{ dir: HOST/cache/jiti }} }}\n  - {}\n",
            start.replace("id: start", "id: start, needs: [change]")
        ),
    );
    let _started = Started(&bench, down);
    bench.expect(0, &["apply", &up, "--yes"]);
    bench.write("host/cache/jiti/old.cjs", "old");
    assert_eq!(predicted(&bench, &plan)("clear")["needed"], true);
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert!(!bench.host("cache/jiti").exists(), "the service came up over what was compiled before the change");

    // Where nothing changes, the cache is no reason to take the service down.
    bench.write("host/cache/jiti/old.cjs", "old");
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["Nothing to do"]);
}

const SECRETS: &str = r#"vars:
  token: { type: secret, from: { env: TOKEN } }
  key:   { type: secret, from: { file: HOST/../key } }
  word:  { type: secret, from: { env: WORD } }
steps:
  - { id: text, uses: file.write, with: { path: HOST/text, content: "token={{ vars.token }}\nkey={{ vars.key }}\n" } }
  - { id: json, uses: json.edit, with: { path: HOST/a.json, set: { /token: "{{ vars.token }}" } } }
  - { id: word, uses: file.write, with: { path: HOST/word, content: "{{ vars.word }}" } }
  - id: said
    uses: command.run
    with:
      run: [sh, -c, "printf '%s' \"$T\"; printf '%s' \"$T\" >&2; exit $CODE"]
      env: { T: "{{ vars.token }}", CODE: "CODE_HERE" }
      effects: { writes: [{ path: HOST/said }] }
      undo: { run: ["true"] }
"#;

/// Quotes and a backslash, which JSON writes in its own way.
const TOKEN: &str = r#"s3cr"et\tok$en"#;
const KEY: &str = "-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\n-----END KEY-----\n";

#[test]
fn no_secret_is_shown_or_kept_by_anything() {
    let bench = Bench::new();
    bench.write("key", KEY);
    bench.write("host/text", "token=yesterdays-token\nkey=old\n");
    bench.write("host/a.json", "{ \"token\": \"yesterdays-token\" }\n");
    for (code, exit) in [("0", 0), ("7", 3)] {
        let plan = bench.plan("secrets", &SECRETS.replace("CODE_HERE", code));
        let dry: &[&[&str]] = &[
            &["apply", &plan, "--dry-run"],
            &["plan", &plan, "--explain"],
            &["plan", &plan, "--format", "json"],
            &["plan", &plan, "--format", "ndjson"],
            &["vars", &plan],
            &["graph", &plan],
            &["check", &plan],
        ];
        let wet: &[&[&str]] = &[&["show"], &["show", "--format", "json"], &["report"], &["status"]];
        let run = |args: &[&str], exit| {
            let mut command = bench.command(args);
            // The third secret is a word of the journal's own; it must not break it.
            command.env("TOKEN", TOKEN).env("WORD", "change");
            said(command).expect(exit).never_says(&hidden())
        };
        dry.iter().for_each(|args| drop(run(args, 0)));
        let preview = run(&["plan", &plan], 0);
        preview.says(&["(secret token)", "(secret key)", "not shown: this file holds a secret"]);
        run(&["apply", &plan, "--yes"], exit);
        wet.iter().for_each(|args| drop(run(args, 0)));
        let journal = std::fs::read(bench.state().join("journal.db")).unwrap();
        let journal = String::from_utf8_lossy(&journal).into_owned();
        for text in hidden() {
            assert!(!journal.contains(text), "{text} is in the journal");
        }
        std::fs::remove_file(bench.host("a.json")).unwrap();
        bench.write("host/a.json", "{ \"token\": \"yesterdays-token\" }\n");
        bench.write("host/text", "token=yesterdays-token\nkey=old\n");
    }
}

/// Parts of the secrets, in whatever way they are quoted, and what they replace.
fn hidden() -> Vec<&'static str> {
    vec!["s3cr", "tok$en", "AAAAB3NzaC1yc2E", "BEGIN KEY", "yesterdays-token"]
}

/// An inspection that repeats what it is given, in every place that an excerpt has.
const LOOK: &str = r#"#!/bin/sh
case $1 in
capabilities)
  cat <<'END'
{"protocol":1,"name":"look","summary":"Looks","purpose":"inspection","undo":"not-needed","probe":"read-only","open_outputs":true,
 "parameters":[{"name":"token","type":"content","required":true,"help":"What it logs in with"}]}
END
  ;;
*)
  token=$(sed 's/.*"token":"\([^"]*\)".*/\1/')
  printf '{"prediction":"no-change","summary":"looked","outputs":{"text":"one\\n%s\\n/%s\\n","excerpt":{"title":"seen with %s","marks":[{"line":1,"because":["%s"]}]}}}' \
    "$token" "$token" "$token" "$token"
  ;;
esac
"#;

#[test]
fn no_excerpt_of_an_inspection_shows_a_secret() {
    let bench = Bench::new();
    let program = bench.write("runbook-step-look", LOOK);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let plan = bench.plan(
        "look",
        "vars:\n  token: { type: secret, from: { env: TOKEN } }\nsteps:\n  \
         - { id: look, uses: look, with: { token: \"{{ vars.token }}\" } }\n  \
         - { id: write, uses: file.write, with: { path: HOST/a, content: a } }\n",
    );
    let path = format!("{}:{}", bench.path("").display(), std::env::var("PATH").unwrap_or_default());
    let run = |args: &[&str]| {
        let mut command = bench.command(args);
        command.env("TOKEN", "hush-hush").env("PATH", &path);
        said(command).expect(0).never_says(&["hush-hush"])
    };
    run(&["plan", &plan]).says(&["/(secret token)"]);
    run(&["plan", &plan, "--format", "ndjson"]);
    let json = run(&["plan", &plan, "--format", "json"]).json();
    assert!(json.to_string().contains("/(secret token)"), "the excerpt is shown, without the secret: {json}");
    run(&["apply", &plan, "--yes"]);
    run(&["show"]);
    run(&["report"]);
}

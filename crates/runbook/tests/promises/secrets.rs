//! Secrets are used, and stand nowhere but where the plan puts them and in the copies that a way back needs.

use crate::bench::{Bench, Said, said};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const SECRET: &str = "Zq7+xK/w\"9 vB&3é-canary";
const PIN: &str = "12345678";

/// What other programs make of the secret.
const FORMS: [&str; 9] = [
    SECRET,
    "WnE3K3hLL3ciOSB2QiYzw6ktY2FuYXJ5",
    "dTpacTcreEsvdyI5IHZCJjPDqS1jYW5hcnk=",
    "Zq7%2BxK%2Fw%229%20vB%263%C3%A9-canary",
    "5a71372b784b2f7722392076422633c3a92d63616e617279",
    "Zq7+xK/w\\\"9 vB&3\\u00e9-canary",
    "Zq7+xK/w\\\"9 vB&3é-canary",
    "ZQ7+XK/W\"9 VB&3é-CANARY",
    "Zq7+xK/w&quot;9 vB&amp;3é-canary",
];

const VARS: &str = "vars:\n  key: { type: secret, from: { env: TEST_KEY } }\n  pin: { type: secret, from: { file: ./pin } }\n\
                    steps:\n";

/// A step that has both secrets, and changes something.
const USES: &str = "  - id: use\n    uses: file.write\n    with: { path: HOST/used, content: \"{{ vars.key }}{{ vars.pin }}\", mode: \"0600\" }\n";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("pin", format!("{PIN}\n"));
    bench
}

fn run(bench: &Bench, args: &[&str]) -> Said {
    let mut command = bench.command(args);
    command.env("TEST_KEY", SECRET);
    said(command)
}

fn every_file(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            found.extend(every_file(&path));
        } else if meta.is_file() {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[track_caller]
fn is_clean(what: &str, bytes: &[u8]) {
    for part in FORMS.iter().chain([&PIN]) {
        assert!(!holds(bytes, part), "{what} holds {part}: {}", String::from_utf8_lossy(bytes));
    }
}

#[track_caller]
fn nothing_tells(bench: &Bench) {
    for (path, bytes) in every_file(&bench.state()) {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("journal.db")) {
            is_clean("the journal", &bytes);
        }
    }
    for args in [&["show"][..], &["show", "--format", "json"], &["show", "--format", "ndjson"], &["report"]] {
        let told = run(bench, args).expect(0);
        is_clean(&args.join(" "), format!("{}{}", told.out, told.err).as_bytes());
    }
}

/// What a command says of a secret, whatever form it has.
#[test]
fn no_form_of_a_secret_reaches_the_journal() {
    let bench = bench();
    let mut said = FORMS.join("\n");
    let wrapped: Vec<String> = FORMS[1].as_bytes().chunks(7).map(|part| String::from_utf8_lossy(part).into()).collect();
    said += &format!("\nwrapped {}\n\u{1b}[1mZq7+xK\u{1b}[0m/w\"9 vB&3é-canary\n", wrapped.join("\n"));
    bench.write("said", &said);
    // A line that is shown by its beginning ends within the secret.
    bench.write("long", format!("{}{SECRET}", "x".repeat(110)));
    let ask =
        |id: &str, file: &str| format!("  - id: {id}\n    uses: command.capture\n    with: {{ run: [cat, {file}] }}\n");
    let verify = "  - id: verify\n    uses: verify.signals\n    with:\n      within: 5s\n      signals:\n        \
                  says: { command: [cat, long], match: x }\n        \
                  real: { command: [cat, said], kind: functional }\n        none: { command: [\"true\"], kind: negative }\n";
    let plan = bench.plan("forms", &format!("{VARS}{}{}{USES}{verify}", ask("all", "said"), ask("one", "long")));
    let done = run(&bench, &["apply", &plan, "--yes", "--format", "ndjson"]).expect(0);
    is_clean("the events", done.out.as_bytes());
    nothing_tells(&bench);
    for (path, bytes) in every_file(&bench.state()).iter().filter(|(path, _)| path.ends_with("journal.db")) {
        assert!(!holds(bytes, "xZq7+"), "{} holds the beginning of the secret", path.display());
    }
}

/// Numbers, keys and whole trees, which are no texts.
#[test]
fn a_secret_that_is_a_number_or_a_key_reaches_no_journal() {
    let bench = bench();
    let key = serde_json::to_string(SECRET).unwrap();
    bench
        .write("said", format!("{{\"pin\": {PIN}, \"deep\": [{{ {key}: {PIN}.0 }}], \"long\": 9{PIN}0, \"code\": 7}}"));
    let ask = "  - id: ask\n    uses: command.capture\n    with: { run: [cat, said], json: true }\n";
    let write = "  - id: copy\n    uses: file.write\n    needs: [use]\n    \
                 with: { path: HOST/copy, content: \"{{ steps.ask.json.pin }} {{ steps.ask.json.code }}\" }\n";
    let plan = bench.plan("numbers", &format!("{VARS}{ask}{USES}{write}"));
    let done = run(&bench, &["apply", &plan, "--yes", "--format", "ndjson"]).expect(0);
    is_clean("the events", done.out.as_bytes());
    // Later steps have the value itself.
    assert_eq!(fs::read_to_string(bench.host("copy")).unwrap(), format!("{PIN} 7"));
    nothing_tells(&bench);
    run(&bench, &["rollback", "--yes"]).expect(0);
    nothing_tells(&bench);
}

/// A secret that is one of the tool's own words, or a number that is everywhere, breaks no record.
#[test]
fn a_secret_that_is_a_word_of_ours_breaks_no_record() {
    for weak in ["kept", "0", "1", "true", "stdout", "set-aside", "failed", "use", "missing", "code"] {
        let bench = bench();
        let ask = "  - id: ask\n    uses: command.capture\n    with: { run: [echo, \"[true, 0, 1]\"], json: true }\n";
        let fails = "  - id: z\n    uses: command.run\n    needs: [use]\n    with: { run: [\"false\"], undo: { run: [\"true\"] } }\n";
        let plan = bench.plan("weak", &format!("{VARS}{ask}{USES}{fails}"));
        let mut apply = bench.command(&["apply", &plan, "--yes"]);
        apply.env("TEST_KEY", weak);
        said(apply).expect(3);
        assert!(!bench.host("used").exists(), "{weak}");
        bench.run(&["show", "--format", "json"]).expect(0);
    }
}

/// A signal and a capture of a backup have an environment with secrets, so that nobody writes a script around them.
#[test]
fn commands_of_signals_and_captures_take_secrets_in_their_environment() {
    let bench = bench();
    let backup = "  - id: backup\n    uses: backup.create\n    with:\n      paths: [HOST/used]\n      capture_required: true\n      \
                  capture: { who: { run: [sh, -c, \"echo there: \\\"$KEY\\\" | wc -c\"], env: { KEY: \"{{ vars.key }}\" } } }\n";
    let verify = "  - id: verify\n    uses: verify.signals\n    needs: [use]\n    with:\n      within: 2s\n      signals:\n        \
                  real: { command: [sh, -c, 'test \"$KEY\" = \"$(cat HOST/used | head -c 24)\" && echo \"$KEY\"'], env: { KEY: \"{{ vars.key }}\" }, kind: functional }\n        \
                  none: { command: [\"true\"], kind: negative }\n";
    let plan = bench.plan("env", &format!("{VARS}{backup}{USES}{verify}"));
    run(&bench, &["apply", &plan, "--yes"]).expect(0);
    nothing_tells(&bench);
    run(&bench, &["rollback", "--yes"]).expect(0);
    nothing_tells(&bench);
}

#[test]
fn an_environment_of_a_signal_is_judged_like_any_other() {
    let bench = bench();
    let verify = "  - id: verify\n    uses: verify.signals\n    with:\n      signals:\n        \
                  a: { command: [\"true\", \"{{ vars.key }}\"] }\n        b: { command: [\"true\"], env: { \"A=B\": x } }\n        \
                  c: { port: 1, env: { A: x } }\n";
    let plan = bench.plan("judged", &format!("{VARS}{USES}{verify}"));
    bench.expect(1, &["check", &plan]).says(&["RB0305", "`env` only", "`A=B` cannot be", "signal `c` has no `env`"]);
}

/// What a plan takes a secret from is in the environment of those alone to whom the plan gives it.
#[test]
fn a_variable_with_a_secret_is_inherited_by_nobody() {
    let bench = bench();
    let dump = |id: &str, rest: &str| {
        format!(
            "  - id: {id}\n    uses: command.run\n    needs: [use]\n    with:\n      run: [sh, -c, 'env > HOST/{id}']\n      \
             effects: {{ writes: [{{ path: HOST/{id} }}] }}\n      undo: {{ run: [sh, -c, 'env > HOST/{id}-undo'] }}\n{rest}"
        )
    };
    let given = dump("given", "      env: { GIVEN: \"{{ vars.key }}\" }\n");
    let plan = bench.plan("inherit", &format!("{VARS}{USES}{}{given}", dump("other", "")));
    run(&bench, &["apply", &plan, "--yes"]).expect(0);
    run(&bench, &["rollback", "--yes"]).expect(0);
    for name in ["other", "other-undo"] {
        is_clean(name, &fs::read(bench.host(name)).unwrap());
    }
    for name in ["given", "given-undo"] {
        let text = fs::read_to_string(bench.host(name)).unwrap();
        assert!(text.contains(&format!("GIVEN={SECRET}")) && !text.contains("TEST_KEY"), "{text}");
    }
}

/// An output with a secret may stand where the secret may, and not in arguments, which everybody can read.
#[test]
fn an_output_with_a_secret_reaches_no_arguments() {
    let bench = bench();
    let ask = "  - id: ask\n    uses: command.capture\n    with: { run: [sh, -c, 'echo \"$KEY\"'], env: { KEY: \"{{ vars.key }}\" } }\n";
    let list = "for f in /proc/[0-9]*/cmdline; do tr '\\\\0' ' ' < $f; done 2>/dev/null > HOST/list";
    let tells = format!(
        "  - id: tells\n    uses: command.run\n    needs: [use]\n    with:\n      run: [sh, -c, \"{list}; true\", \"{{{{ steps.ask.stdout }}}}\"]\n      \
         effects: {{ writes: [{{ path: HOST/list }}] }}\n      undo: {{ run: [rm, -f, HOST/list] }}\n"
    );
    let plan = bench.plan("handed", &format!("{VARS}{ask}{USES}{tells}"));
    run(&bench, &["apply", &plan, "--yes"]).expect(3).says(&["`steps.ask.stdout` holds the secret `key`", "`run`"]);
    is_clean("the process list", &fs::read(bench.host("list")).unwrap_or_default());
    nothing_tells(&bench);
    // In a file it may stand.
    let copy =
        "  - id: copy\n    uses: file.write\n    with: { path: HOST/copy, content: \"{{ steps.ask.stdout }}\" }\n";
    let plan = bench.plan("written", &format!("{VARS}{ask}{copy}"));
    run(&bench, &["apply", &plan, "--yes"]).expect(0);
    assert_eq!(fs::read_to_string(bench.host("copy")).unwrap(), SECRET);
}

const CANARIES: [&str; 3] = ["canary-of-env-5521", "canary-of-file-6632", "canary-of-command-7743"];

/// An external kind that tells what it is given, wherever it can.
const TELLER: &str = r#"#!/bin/sh
read -r call
case "$1" in
  capabilities) echo '{"protocol":1,"name":"teller","summary":"Says what it is given","text":"For a test.","parameters":[{"name":"token","type":"content","help":"A secret","required":true}],"outputs":{"said":"what it was given, text"},"open_outputs":false,"effects":{"reads":[],"writes":[]},"undo":"none","purpose":"inspection","probe":"read-only","example":"- { id: a, uses: teller }"}'; env >&2 ;;
  *) said=$(echo "$call" | sed 's/.*"token":"\([^"]*\)".*/\1/'); echo "$said" >&2
     echo "{\"prediction\":\"change\",\"state\":\"there\",\"summary\":\"told $said\",\"outputs\":{\"said\":\"$said\"}}" ;;
esac
"#;

fn canary_plan(bench: &Bench) -> String {
    let teller = bench.write("bin/runbook-step-teller", TELLER);
    fs::set_permissions(teller, fs::Permissions::from_mode(0o755)).unwrap();
    bench.write("file-canary", format!("{}\n", CANARIES[1]));
    bench.write("command-canary", CANARIES[2]);
    let vars = "vars:\n  one: { type: secret, from: { env: CANARY } }\n  two: { type: secret, from: { file: ./file-canary } }\n  \
                three: { type: secret, from: { command: [cat, command-canary] } }\nsteps:\n";
    let mut steps = "  - id: backup\n    uses: backup.create\n    with: { paths: [HOST/kept] }\n".to_owned();
    for name in ["one", "two", "three"] {
        steps += &format!(
            "  - id: w-{name}\n    uses: file.write\n    with: {{ path: HOST/{name}, content: \"{{{{ vars.{name} }}}}\", mode: \"0600\" }}\n  \
             - id: c-{name}\n    uses: command.run\n    needs: [w-{name}]\n    with:\n      \
             run: [sh, -c, 'echo \"$K\"; echo \"$K\" >&2; cat /proc/[0-9]*/cmdline > HOST/list-{name} 2>/dev/null; test ! -e HOST/fail-{name}']\n      \
             env: {{ K: \"{{{{ vars.{name} }}}}\" }}\n      effects: {{ writes: [{{ path: HOST/list-{name} }}] }}\n      \
             undo: {{ run: [sh, -c, 'cat /proc/[0-9]*/cmdline >> HOST/list-{name} 2>/dev/null; echo \"$K\"'] }}\n"
        );
    }
    steps += "  - id: told\n    uses: teller\n    with: { token: \"{{ vars.one }}\" }\n";
    steps += "  - id: service\n    uses: process.start\n    needs: [c-one, c-two, c-three]\n    \
              with: { name: canary, run: [sleep, \"1000\"], env: { K: \"{{ vars.one }}\" } }\n  \
              - id: verify\n    uses: verify.signals\n    with:\n      process: canary\n      within: 2s\n      signals:\n        \
              real: { command: [sh, -c, 'echo \"$K\"; exit ${FAIL:-0}'], env: { K: \"{{ vars.three }}\" }, kind: functional, match: canary }\n        \
              none: { command: [sh, -c, 'test ! -e HOST/red'], kind: negative }\n";
    bench.plan("canaries", &format!("{vars}{steps}"))
}

/// Every byte of the state directory, of the output and of the process list. `allowed` are the only files with a secret.
#[track_caller]
fn only_these_hold_canaries(bench: &Bench, said: &[&Said], allowed: &[&str]) {
    let tells = |bytes: &[u8]| CANARIES.iter().any(|canary| holds(bytes, canary));
    for said in said {
        assert!(!tells(said.out.as_bytes()) && !tells(said.err.as_bytes()), "{said:#?}");
    }
    for (path, bytes) in every_file(&bench.state()) {
        let name = path.strip_prefix(bench.state()).unwrap().to_string_lossy().into_owned();
        let is_allowed = allowed.iter().any(|part| name.contains(part));
        assert!(is_allowed || !tells(&bytes), "{name} holds a canary");
        let unpacked = if name.ends_with(".zst") { zstd::decode_all(&bytes[..]).unwrap() } else { Vec::new() };
        assert!(is_allowed || !tells(&unpacked), "{name} holds a canary, packed");
    }
    for name in ["list-one", "list-two", "list-three"] {
        assert!(!tells(&fs::read(bench.host(name)).unwrap_or_default()), "the process list holds a canary");
    }
    for args in [&["show"][..], &["show", "--format", "ndjson"], &["report"], &["status"], &["history"]] {
        let told = bench.run(args);
        assert!(!tells(told.out.as_bytes()) && !tells(told.err.as_bytes()), "{args:?}: {told:#?}");
    }
    nobody_else_may_enter(&bench.state());
}

/// The copies that a way back needs lie where their owner alone comes.
#[track_caller]
fn nobody_else_may_enter(dir: &Path) {
    for part in [dir.to_owned(), dir.join("runs"), dir.join("backups"), dir.join("processes")] {
        if let Ok(meta) = fs::metadata(&part) {
            assert_eq!(meta.permissions().mode() & 0o077, 0, "{} is open to others", part.display());
        }
    }
}

fn with_canary(bench: &Bench, args: &[&str], fault: Option<&str>) -> Said {
    let mut command = bench.command(args);
    let path = format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").unwrap());
    command.env("CANARY", CANARIES[0]).env("RUNBOOK_LOG", "trace").env("PATH", path);
    if let Some(fault) = fault {
        command.env("RUNBOOK_FAULT", fault);
    }
    said(command)
}

/// Where a service keeps its environment until it is started again; what a step captured of a file that held a secret
/// before; what a rollback set aside. These, and nothing else.
const ALLOWED: [&str; 3] = ["processes/canary/", "/w-one/", "/aside/"];

#[test]
fn a_planted_canary_is_found_in_no_other_place() {
    for fails in ["", "fail-three", "red"] {
        let bench = Bench::new();
        let plan = canary_plan(&bench);
        bench.write("host/one", format!("old {}", CANARIES[0]));
        if !fails.is_empty() {
            bench.write(&format!("host/{fails}"), "");
        }
        let dry = with_canary(&bench, &["plan", &plan, "--format", "json", "--explain"], None);
        let vars = with_canary(&bench, &["vars", &plan], None);
        let apply = with_canary(&bench, &["apply", &plan, "--yes"], None);
        assert_eq!(apply.code, Some(if fails.is_empty() { 0 } else { 3 }), "{apply:#?}");
        only_these_hold_canaries(&bench, &[&dry, &vars, &apply], &ALLOWED);
        let back = with_canary(&bench, &["rollback", "--yes"], None);
        only_these_hold_canaries(&bench, &[&back], &ALLOWED);
    }
}

#[test]
fn a_planted_canary_survives_no_crash_in_another_place() {
    for record in [9, 17, 25] {
        let bench = Bench::new();
        let plan = canary_plan(&bench);
        let killed = with_canary(&bench, &["apply", &plan, "--yes"], Some(&format!("kill-after={record}")));
        assert_eq!(killed.code, None);
        only_these_hold_canaries(&bench, &[&killed], &ALLOWED);
        let resumed = with_canary(&bench, &["resume", "--yes"], None);
        // A command that was cut short is not repeated blindly.
        assert!(matches!(resumed.code, Some(0 | 3)), "{resumed:#?}");
        only_these_hold_canaries(&bench, &[&resumed], &ALLOWED);
        let back = with_canary(&bench, &["rollback", "--yes"], None).expect(0);
        only_these_hold_canaries(&bench, &[&back], &ALLOWED);
    }
}

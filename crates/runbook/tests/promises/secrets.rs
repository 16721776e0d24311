//! Secrets are used, and stand nowhere but where the plan puts them and in the copies that a way back needs.

use crate::bench::{Bench, Said, said};
use std::fs;
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

//! Secrets are used, and written nowhere.

use crate::bench::{Bench, Said, every_file, said, shell};

const SECRETS: [&str; 3] = ["from-environment-7121", "from-a-file-8232\nsecond-line-9343", "from-a-command-1454"];

fn bench() -> Bench {
    let vars = "vars:\n  one: { type: secret, from: { env: TEST_ONE } }\n  two: { type: secret, from: { file: ./two } }\n  \
                three: { type: secret, from: { command: [cat, three] } }\nsteps:\n";
    let mut steps = String::new();
    for name in ["one", "two", "three"] {
        steps += &format!(
            "  - id: {name}\n    uses: file.write\n    \
             with: {{ path: ./{name}.conf, content: \"key={{{{ vars.{name} }}}}\", mode: \"0600\" }}\n"
        );
        let says = "echo \"$KEY\"; echo \"$KEY\" >&2; for f in /proc/[0-9]*/cmdline; do cat $f 2>/dev/null; done >> list; \
                    [ ! -e fail ]";
        steps += &shell(&format!("say-{name}"), says, &format!("    needs: [{name}]\n"))
            .replace("      run:", &format!("      env: {{ KEY: \"{{{{ vars.{name} }}}}\" }}\n      run:"));
    }
    let bench = Bench::new(&format!("{vars}{steps}"));
    bench.write("two", &format!("{}\n", SECRETS[1]));
    bench.write("three", SECRETS[2]);
    // What is replaced holds the secret too, with something else around it.
    bench.write("one.conf", &format!("old={}", SECRETS[0]));
    bench
}

fn run(bench: &Bench, args: &[&str]) -> Said {
    said(bench.command(args).env("TEST_ONE", SECRETS[0]))
}

#[track_caller]
fn is_clean(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for part in SECRETS.iter().flat_map(|secret| secret.lines()) {
        assert!(!text.contains(part), "{what} holds {part}: {text}");
    }
}

fn nothing_tells(bench: &Bench) {
    for (path, bytes) in every_file(&bench.path("state")) {
        // What was replaced is kept as it was, in the directory of the run that only its owner may enter.
        let is_journal = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("journal.db"));
        if is_journal {
            is_clean("the journal", &bytes);
        }
    }
    for args in [&["show"][..], &["show", "--format", "json"], &["show", "--format", "ndjson"], &["report"]] {
        let told = bench.run(args).ends(0);
        is_clean(&args.join(" "), told.out.as_bytes());
    }
    is_clean("the process list", bench.read("list").unwrap_or_default().as_bytes());
}

#[test]
fn a_secret_is_used_and_told_to_nobody() {
    let bench = bench();
    let dry = run(&bench, &["apply", "plan.yaml", "--dry-run"]).ends(0);
    is_clean("the dry run", format!("{}{}", dry.out, dry.err).as_bytes());
    let done = run(&bench, &["apply", "plan.yaml", "--yes", "--format", "ndjson"]).ends(0);
    is_clean("the events", format!("{}{}", done.out, done.err).as_bytes());
    for (name, secret) in ["one", "two", "three"].iter().zip(SECRETS) {
        assert_eq!(bench.read(&format!("{name}.conf")).unwrap(), format!("key={secret}"));
    }
    nothing_tells(&bench);
    run(&bench, &["rollback", "--yes"]).ends(0);
    assert_eq!(bench.read("one.conf").unwrap(), format!("old={}", SECRETS[0]));
    assert!(!bench.has("two.conf") && !bench.has("three.conf"));
    nothing_tells(&bench);
}

#[test]
fn a_failure_tells_no_secret_either() {
    let bench = bench();
    bench.write("fail", "");
    let failed = run(&bench, &["apply", "plan.yaml", "--yes"]).ends(3);
    is_clean("the screen", format!("{}{}", failed.out, failed.err).as_bytes());
    assert_eq!(bench.read("one.conf").unwrap(), format!("old={}", SECRETS[0]));
    nothing_tells(&bench);
}

/// A password that is also a word of ours, or a part of a name, must not rename anything.
#[test]
fn a_weak_password_does_not_break_the_run() {
    for weak in ["step", "one", "failed", "a", "change"] {
        let vars = "vars:\n  one: { type: secret, from: { env: TEST_ONE } }\nsteps:\n";
        let write = "  - id: one\n    uses: file.write\n    with: { path: ./one.conf, content: \"{{ vars.one }}\" }\n";
        let bench = Bench::new(&format!("{vars}{write}{}", shell("two", "exit 1", "    needs: [one]\n")));
        bench.write("one.conf", "before");
        let apply = said(bench.command(&["apply", "plan.yaml", "--yes"]).env("TEST_ONE", weak));
        assert_eq!(apply.code, Some(3), "{weak}: {}{}", apply.out, apply.err);
        assert_eq!(bench.read("one.conf").unwrap(), "before", "{weak}");
    }
}

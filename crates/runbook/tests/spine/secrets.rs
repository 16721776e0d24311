//! Secrets are used, and written nowhere.

use crate::bench::{Bench, Said, every_file, file, said, shell};

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

const VAR: &str = "vars:\n  one: { type: secret, from: { env: TEST_ONE } }\nsteps:\n";

/// A step whose output holds a secret, and one that writes that output.
fn handing_on() -> Bench {
    let ask = "  - id: ask\n    uses: command.capture\n    \
               with: { run: [sh, -c, 'printf \"url=%s@db\" \"$PW\"'], env: { PW: \"{{ vars.one }}\" } }\n";
    let write = "  - id: conf\n    uses: file.write\n    needs: [first]\n    \
                 with: { path: ./conf.txt, content: \"{{ steps.ask.stdout }}\" }\n";
    let bench = Bench::new(&format!("{VAR}{ask}{}{write}", file("first", "ask")));
    bench.write("conf.txt", "before");
    bench
}

#[test]
fn an_output_with_a_secret_is_handed_on_whole_and_never_as_it_is_told() {
    let whole = format!("url={}@db", SECRETS[0]);
    let bench = handing_on();
    run(&bench, &["apply", "plan.yaml", "--yes"]).ends(0);
    assert_eq!(bench.read("conf.txt").unwrap(), whole);
    nothing_tells(&bench);
    // The way back needs neither the secret nor the output.
    bench.run(&["rollback", "--yes"]).ends(0);
    assert_eq!(bench.read("conf.txt").unwrap(), "before");

    let mut lost = 0;
    for record in 4..14 {
        let bench = handing_on();
        let fault = format!("kill-after={record}");
        let mut apply = bench.command(&["apply", "plan.yaml", "--yes"]);
        if said(apply.env("TEST_ONE", SECRETS[0]).env("RUNBOOK_FAULT", fault)).code.is_some() {
            break;
        }
        let resumed = run(&bench, &["resume", "--yes"]);
        if resumed.code == Some(1) {
            // It is known before anything goes on.
            lost += 1;
            resumed.says("held the secret `one`").says("nothing was touched");
            run(&bench, &["rollback", "--yes"]).ends(0);
            assert_eq!(bench.read("conf.txt").unwrap(), "before", "{record}");
        } else {
            resumed.ends(0);
            assert_eq!(bench.read("conf.txt").unwrap(), whole, "{record}");
        }
        nothing_tells(&bench);
    }
    assert!(lost > 0, "no crash fell between the two steps");
}

#[test]
fn an_undo_asks_only_for_the_secrets_that_it_reads() {
    let write = "  - id: conf\n    uses: file.write\n    with: { path: ./conf.txt, content: \"{{ vars.one }}\" }\n";
    let bench = Bench::new(&format!("{VAR}{write}"));
    run(&bench, &["apply", "plan.yaml", "--yes"]).ends(0);
    bench.run(&["rollback", "--yes"]).ends(0);
    assert!(!bench.has("conf.txt"));

    let reads = shell("reads", "echo x > reads.d", "")
        .replace("      run:", "      env: { KEY: \"{{ vars.one }}\" }\n      run:")
        .replace("echo reads >>", "echo $KEY >>");
    let bench = Bench::new(&format!("{VAR}{reads}"));
    run(&bench, &["apply", "plan.yaml", "--yes"]).ends(0);
    bench.run(&["rollback", "--yes"]).ends(5).says("TEST_ONE, which is not set");
    assert!(bench.has("reads.d") && !bench.has("undone"));
    run(&bench, &["rollback", "--yes"]).ends(0);
    assert_eq!(bench.read("undone").unwrap().trim(), SECRETS[0]);
}

/// The host may hold the secret before any step has fetched it, and a signal may show it.
#[test]
fn a_secret_that_is_on_the_host_already_is_struck_out_of_the_baseline() {
    let verify = "  - id: verify\n    uses: verify.signals\n    needs: [last]\n    with:\n      within: 1s\n      signals:\n        \
                  shows: { command: [sh, -c, \"sleep 0.3; cat here; exit 1\"], role: confirming, kind: functional }\n        \
                  none: { command: [sh, -c, \"exit 0\"], kind: negative }\n";
    let write = "  - id: last\n    uses: file.write\n    needs: [first]\n    \
                 with: { path: ./conf.txt, content: \"{{ vars.one }}\" }\n";
    for point in ["kill-after=4", "kill-after=6", "kill-after=99"] {
        let bench = Bench::new(&format!("{VAR}{}{write}{verify}", file("first", "")));
        bench.write("here", SECRETS[0]);
        let mut apply = bench.command(&["apply", "plan.yaml", "--yes"]);
        let ended = said(apply.env("TEST_ONE", SECRETS[0]).env("RUNBOOK_FAULT", point)).code;
        if ended.is_none() {
            run(&bench, &["resume", "--yes"]).ends(0);
        }
        nothing_tells(&bench);
    }
}

/// Not when the service is down already.
#[test]
fn a_secret_that_is_not_there_is_told_before_the_first_change() {
    let vars = "vars:\n  token: { type: secret, from: { env: TEST_ABSENT } }\nsteps:\n";
    let uses = "  - id: conf\n    uses: file.write\n    needs: [first]\n    with: { path: ./c, content: \"{{ vars.token }}\" }\n";
    let bench = Bench::new(&format!("{vars}{}{uses}", file("first", "")));
    bench.run(&["apply", "plan.yaml", "--dry-run"]).ends(1).says("the secret `token`");
    bench.apply().ends(1).says("TEST_ABSENT").says("nothing was changed");
    assert!(!bench.has("first.txt"));
    said(bench.command(&["apply", "plan.yaml", "--yes"]).env("TEST_ABSENT", "there")).ends(0);
}

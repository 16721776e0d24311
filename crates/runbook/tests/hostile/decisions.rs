//! Evidence that does not tell: the person at the terminal is asked, and nobody else. `script` makes the terminal.

use crate::bench::{Bench, RUNBOOK};
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::process::Stdio;

/// What is typed once a text has been on the screen so many times, and what is done right before.
type Line<'a> = (&'a str, usize, &'a [u8], &'a dyn Fn());

const NOTHING: &dyn Fn() = &|| {};
/// What is typed before this stands is no answer.
const QUESTION: &str = "rollback, again or keep?";
const YES: Line<'_> = ("[y/N]", 1, b"y\n", NOTHING);

/// A change, and a verification whose one signal asks a program that may not be there.
fn unproven(bench: &Bench, more: &str) -> String {
    bench.plan(
        "unproven",
        &format!(
            "steps:\n  - {{ id: write, uses: file.write, with: {{ path: HOST/file, content: new }} }}\n  \
             - {{ id: brings, uses: command.run, with: {{ run: [\"true\"], effects: {{ writes: [{{ path: HOST/flow }}, {{ path: HOST/none }}] }}, undo: {{ run: [\"true\"] }} }} }}\n  - id: verify\n    \
             uses: verify.signals\n    needs: [write]\n    with:\n      within: 300ms\n      signals:\n        \
             works: {{ command: [HOST/flow], kind: functional }}\n{more}"
        ),
    )
}

fn make_it_work(bench: &Bench) {
    use std::os::unix::fs::PermissionsExt;
    let path = bench.write("host/flow", "#!/bin/sh\nexit 0\n");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs `runbook ARGS` on a terminal and types; the exit code and the screen.
fn talk(bench: &Bench, args: &str, env: &[(&str, &str)], lines: &[Line<'_>]) -> (Option<i32>, String) {
    talk_to(bench, &format!("{RUNBOOK} {args}"), env, lines)
}

/// Runs a line of a shell on a terminal and types; the exit code and the screen.
fn talk_to(bench: &Bench, line: &str, env: &[(&str, &str)], lines: &[Line<'_>]) -> (Option<i32>, String) {
    let mut command = bench.command_of("script", &["-qec", line, "/dev/null"]);
    command.env("SHELL", "/bin/sh").env("TERM", "xterm").envs(env.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = Some(child.stdin.take().unwrap());
    let mut stdout = child.stdout.take().unwrap();
    let (mut screen, mut buffer) = (String::new(), [0; 4096]);
    let mut left = lines.iter().peekable();
    while let Ok(read @ 1..) = stdout.read(&mut buffer) {
        screen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        while let Some((_, _, keys, first)) = left.next_if(|(text, times, ..)| words.matches(text).count() >= *times) {
            first();
            if let Some(stdin) = &mut stdin {
                stdin.write_all(keys).unwrap();
            }
        }
    }
    assert!(left.next().is_none(), "not all was asked: {screen}");
    drop(stdin.take());
    (child.wait().unwrap().code(), screen.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The events of the latest run, with these names.
fn events(bench: &Bench, wanted: &[&str]) -> Vec<Json> {
    let text = bench.expect(0, &["show", "--format", "ndjson"]).out;
    let all = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    all.filter(|event| wanted.iter().any(|name| event["event"] == *name)).collect()
}

const DECIDING: &[&str] = &["decision-asked", "decision-made", "run-finished"];

#[test]
fn nobody_is_asked_where_nobody_is() {
    let bench = Bench::new();
    let plan = unproven(&bench, "");
    bench.expect(3, &["apply", &plan, "--yes"]).says(&["1 of 1 blocking signals cannot be read", "Rolled back."]);
    assert!(!bench.host("file").exists());
    let (code, screen) = talk(&bench, &format!("apply {plan} --yes"), &[], &[]);
    assert_eq!(code, Some(3), "{screen}");
    assert!(!screen.contains(QUESTION), "{screen}");
    assert_eq!(events(&bench, &["decision-asked", "decision-made"]), Vec::<Json>::new());
}

#[test]
fn what_is_answered_is_done_and_on_record() {
    for (keys, by_hand) in [(&b"\n"[..], true), (b"rollback\n", true), (b"k\ny\nROLLBACK\n", true), (b"\x04", false)] {
        let bench = Bench::new();
        let plan = unproven(&bench, "");
        let (code, screen) = talk(&bench, &format!("apply {plan}"), &[], &[YES, (QUESTION, 1, keys, NOTHING)]);
        assert_eq!(code, Some(3), "{keys:?}: {screen}");
        assert!(screen.contains("works") && screen.contains("unread") && screen.contains("Rolled back."), "{screen}");
        assert!(!bench.host("file").exists());
        let found = events(&bench, DECIDING);
        assert_eq!(found[0]["failure"]["kind"], "inconclusive");
        assert_eq!(found[0]["readings"][0]["verdict"], "unread");
        assert_eq!(
            (&found[1]["decision"], found[1]["by"].is_string()),
            (&Json::from("roll-back"), by_hand),
            "{keys:?}"
        );
        assert_eq!(found[2]["verdict"], "rolled-back");
    }
}

#[test]
fn what_is_kept_without_proof_is_kept_on_a_name() {
    let bench = Bench::new();
    let plan = unproven(
        &bench,
        "  - { id: later, uses: file.write, needs: [verify], with: { path: HOST/later, content: x } }\n",
    );
    let (code, screen) = talk(&bench, &format!("apply {plan}"), &[], &[YES, (QUESTION, 1, b"keep\n", NOTHING)]);
    assert_eq!(code, Some(4), "{screen}");
    assert!(screen.contains("Kept, without proof.") && screen.contains("kept as it is on the word of"), "{screen}");
    assert!(bench.host("file").exists() && !bench.host("later").exists(), "the run ends where it was not proven");
    let found = events(&bench, DECIDING);
    assert_eq!((&found[1]["decision"], &found[2]["verdict"]), (&"keep".into(), &"accepted".into()));
    let by = found[1]["by"].as_str().unwrap();
    assert!(found[2]["note"].as_str().unwrap().starts_with(&format!("{by} keeps it as it is, although 1 of 1")));
    bench.expect(0, &["report"]).says(&["## Decisions", "kept as it is on the word of", "kept, without proof"]);
    make_it_work(&bench);
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert!(bench.host("later").exists(), "the host is free for the next run");
}

#[test]
fn what_is_read_again_may_be_proven_then() {
    let bench = Bench::new();
    let plan = unproven(&bench, "");
    let works = || make_it_work(&bench);
    let lines: &[Line<'_>] = &[YES, (QUESTION, 1, b"again\n", NOTHING), (QUESTION, 2, b"again\n", &works)];
    let (code, screen) = talk(&bench, &format!("apply {plan}"), &[], lines);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("1 of 1 blocking signals are green") && screen.contains("Done."), "{screen}");
    let decided: Vec<Json> = events(&bench, &["decision-made"]).iter().map(|event| event["decision"].clone()).collect();
    assert_eq!(decided, ["read-again", "read-again"]);
}

#[test]
fn silence_takes_it_back() {
    let bench = Bench::new();
    let plan = unproven(&bench, "");
    let (code, screen) = talk(&bench, &format!("apply {plan} --ask-within 300ms"), &[], &[YES]);
    assert_eq!(code, Some(3), "{screen}");
    assert!(screen.contains("nobody answered within 300ms"), "{screen}");
    assert_eq!(events(&bench, &["decision-made"])[0]["by"], Json::Null);
}

#[test]
fn red_is_red_whatever_else_cannot_be_read() {
    let bench = Bench::new();
    for error in ["0", "0.2"] {
        // The error comes late, when the unread signal's own time is long over.
        let signals = format!(
            "        bad: {{ command: [sh, -c, 'sleep {error}; exit 1'], kind: negative }}\n        \
             soon: {{ command: [HOST/none], within: 10ms }}\n"
        );
        let plan = unproven(&bench, &signals);
        let (code, screen) = talk(&bench, &format!("apply {plan}"), &[], &[YES]);
        assert_eq!(code, Some(3), "{screen}");
        assert!(screen.contains("1 of 3 blocking signals is red: `bad`") && !screen.contains(QUESTION), "{screen}");
    }
}

#[test]
fn the_plan_decides_where_it_says_what_follows() {
    let bench = Bench::new();
    for (policy, code) in [("stop", 4), ("continue", 0)] {
        let plan = unproven(&bench, "").replace("unproven", policy);
        let text = std::fs::read_to_string(bench.path("unproven.yaml")).unwrap();
        let text = text.replace("needs: [write]\n", &format!("needs: [write]\n    on_failure: {policy}\n"));
        std::fs::write(&plan, text.replace("content: new", &format!("content: {policy}"))).unwrap();
        let (found, screen) = talk(&bench, &format!("apply {plan}"), &[], &[YES]);
        assert_eq!(found, Some(code), "{screen}");
        assert!(!screen.contains(QUESTION), "{screen}");
    }
}

#[test]
fn a_question_that_was_cut_short_is_asked_again() {
    let bench = Bench::new();
    let plan = unproven(&bench, "");
    // Ctrl-C leaves the run open.
    let (code, screen) = talk(&bench, &format!("apply {plan}"), &[], &[YES, (QUESTION, 1, b"\x03", NOTHING)]);
    assert_eq!(code, Some(130), "{screen}");
    assert!(bench.host("file").exists() && screen.contains("runbook resume"), "{screen}");
    // So does a crash right after the question is on record, twice.
    let asked = events(&bench, &["decision-asked"])[0]["seq"].as_u64().unwrap();
    let (_, screen) = talk(&bench, "resume", &[("RUNBOOK_FAULT", "kill-after=3")], &[YES]);
    assert!(bench.host("file").exists(), "{screen}");
    assert!(events(&bench, &["decision-asked"]).last().unwrap()["seq"].as_u64().unwrap() > asked, "{screen}");
    let (code, screen) = talk(&bench, "resume", &[], &[YES, (QUESTION, 1, b"keep\n", NOTHING)]);
    assert_eq!(code, Some(4), "{screen}");
    assert!(bench.host("file").exists());
    assert_eq!(events(&bench, DECIDING).last().unwrap()["verdict"], "accepted");
}

#[test]
fn at_boot_nobody_is_asked() {
    let bench = Bench::new();
    let plan = unproven(&bench, "");
    for (how, code) in
        [(&["recover", "--boot"][..], 0), (&["recover", "--boot", "--forward"], 3), (&["resume", "--yes"], 3)]
    {
        let (_, screen) = talk(&bench, &format!("apply {plan}"), &[], &[YES, (QUESTION, 1, b"\x03", NOTHING)]);
        assert!(bench.host("file").exists(), "{screen}");
        bench.expect(code, how).says(&["Rolled back."]);
        assert!(!bench.host("file").exists(), "{how:?}");
    }
}

/// A second verification that cannot be read.
const ALSO: &str = "  - id: also\n    uses: verify.signals\n    needs: [write]\n    with:\n      within: 300ms\n      \
                    signals:\n        works: { command: [HOST/flow], kind: functional }\n";

#[test]
fn two_questions_are_asked_one_after_the_other() {
    let (keep, back): (Line<'_>, Line<'_>) = ((QUESTION, 1, b"keep\n", NOTHING), (QUESTION, 1, b"rollback\n", NOTHING));
    let second = |line: Line<'static>| (line.0, 2, line.2, line.3);
    let cases: [(&[Line<'_>], i32, &[&str]); 3] = [
        (&[YES, back], 3, &["roll-back"]),
        (&[YES, keep, second(keep)], 4, &["keep", "keep"]),
        (&[YES, keep, second(back)], 3, &["keep", "roll-back"]),
    ];
    for (lines, wanted, decided) in cases {
        let bench = Bench::new();
        let plan = unproven(&bench, ALSO);
        let begin = std::time::Instant::now();
        let (code, screen) = talk(&bench, &format!("apply {plan} --ask-within 2m"), &[], lines);
        assert_eq!(code, Some(wanted), "{screen}");
        assert!(begin.elapsed().as_secs() < 60, "a question that nobody waits for any more held the run up");
        let found = events(&bench, &["decision-made"]);
        let found: Vec<&str> = found.iter().filter_map(|event| event["decision"].as_str()).collect();
        assert_eq!(found, decided, "{screen}");
        if decided.len() == 2 {
            assert!(
                screen.contains("`verify`: rollback, again") && screen.contains("`also`: rollback, again"),
                "{screen}"
            );
        }
        assert_eq!(bench.host("file").exists(), wanted == 4);
    }
}

#[test]
fn what_is_typed_before_the_question_is_no_answer() {
    let bench = Bench::new();
    let plan = unproven(&bench, "");
    let ahead = ("[y/N]", 1, &b"y\nkeep\n"[..], NOTHING);
    let (code, screen) = talk(&bench, &format!("apply {plan} --ask-within 1s"), &[], &[ahead]);
    assert_eq!(code, Some(3), "{screen}");
    assert!(screen.contains("nobody answered within 1s"), "{screen}");
}

#[test]
fn in_the_background_nobody_answers() {
    let bench = Bench::new();
    let plan = unproven(&bench, "");
    let line = format!("bash -c 'set -m; {RUNBOOK} apply {plan} --ask-within 2s; bg; echo went back; wait'");
    let lines: &[Line<'_>] = &[YES, (QUESTION, 1, b"\x1a", NOTHING), ("went back", 1, b"keep\n", NOTHING)];
    let (_, screen) = talk_to(&bench, &line, &[], lines);
    assert!(screen.contains("nobody answered within 2s") && screen.contains("Rolled back."), "{screen}");
    assert!(!bench.host("file").exists());
}

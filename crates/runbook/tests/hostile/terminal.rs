//! Consent: without a terminal nothing is done, and on one the answer counts. `script` makes the terminal.

use crate::bench::{Bench, RUNBOOK, SIMPLE, said};
use std::io::{Read, Write};
use std::process::Stdio;

/// Runs `runbook ARGS` on a terminal, types `keys` once it has asked, and returns the exit code and the screen.
fn on_a_terminal(bench: &Bench, args: &str, keys: &[u8], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let typed = [("[y/N]", keys)];
    typing(bench, args, if keys.is_empty() { &[] } else { &typed }, env)
}

/// The same with several keys, each typed once its text is on the screen.
fn typing(bench: &Bench, args: &str, typed: &[(&str, &[u8])], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = bench.command_of("script", &["-qec", &format!("{RUNBOOK} {args}"), "/dev/null"]);
    command.envs(env.iter().copied()).env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut screen = Vec::new();
    let mut stdout = child.stdout.take().unwrap();
    let mut buffer = [0; 4096];
    let mut waiting = typed.iter().peekable();
    while let Ok(read @ 1..) = stdout.read(&mut buffer) {
        screen.extend_from_slice(&buffer[..read]);
        while let Some((_, keys)) = waiting.next_if(|(text, _)| String::from_utf8_lossy(&screen).contains(text)) {
            stdin.write_all(keys).unwrap();
        }
    }
    assert!(waiting.next().is_none(), "nobody was asked: {}", String::from_utf8_lossy(&screen));
    drop(stdin);
    (child.wait().unwrap().code(), String::from_utf8_lossy(&screen).into_owned())
}

#[test]
fn without_a_terminal_nobody_is_asked_and_nothing_is_done() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    bench.expect(1, &["apply", &plan]).says(&["not a terminal", "--yes"]);
    assert_eq!(bench.expect(1, &["apply", &plan, "--format", "json"]).json()["exit"], 1);
    assert!(!bench.host("a.txt").exists());
    assert!(!bench.state().join("journal.db").exists(), "a question that nobody answered is no run");
    bench.kill_at(&plan, 5);
    for args in [["rollback"], ["resume"]] {
        bench.expect(1, &args).says(&["not a terminal", "--yes"]);
    }
}

#[test]
fn on_a_terminal_only_yes_means_yes() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    let line = format!("apply {plan}");
    for (keys, codes) in [
        (&b"n\n"[..], &[130][..]),
        (b"\n", &[130]),
        (b"yess\n", &[130]),
        (b"\x04", &[130]),
        // Killed by the signal, as the shell tells it.
        (b"\x03", &[130]),
    ] {
        let (code, screen) = on_a_terminal(&bench, &line, keys, &[]);
        assert!(codes.contains(&code.unwrap()), "{keys:?}: {code:?} {screen}");
        assert!(screen.contains("a.txt is created") && screen.contains("Apply simple to this host?"), "{screen}");
        assert!(!bench.host("a.txt").exists(), "{keys:?}: {screen}");
        assert!(!bench.state().join("journal.db").exists());
    }
    // The lock did not stay behind.
    let (code, screen) = on_a_terminal(&bench, &line, b"y\n", &[]);
    assert_eq!(code, Some(0), "{screen}");
    assert!(bench.host("b.txt").exists());
}

#[test]
fn every_ctrl_c_is_answered_once() {
    let bench = Bench::new();
    let plan = bench.plan(
        "slow",
        r#"steps:
  - id: slow
    uses: command.run
    with:
      run: [sh, -c, "sleep 60"]
      undo: { run: ["true"] }
      effects: { writes: [{ path: HOST/slow }] }
"#,
    );
    let typed = [("slow 0s", &b"\x03"[..]), ("nothing more is started", b"\x03")];
    let (code, screen) = typing(&bench, &format!("apply {plan} --yes"), &typed, &[("TERM", "xterm")]);
    assert_eq!(code, Some(130), "{screen}");
    for (answer, count) in
        [("nothing more is started", 1), ("what runs is being stopped", 1), ("Nothing more", 0), ("Cancelling", 0)]
    {
        assert_eq!(screen.matches(answer).count(), count, "{answer}: {screen}");
    }
}

#[test]
fn a_second_apply_asks_nothing_and_writes_nothing_to_the_journal() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    bench.expect(0, &["apply", &plan, "--yes"]);
    let journal = std::fs::read(bench.state().join("journal.db")).unwrap();
    let before = bench.picture("host");
    bench.expect(0, &["apply", &plan]).says(&["Nothing to do"]);
    let (code, screen) = on_a_terminal(&bench, &format!("apply {plan}"), b"", &[]);
    assert_eq!(code, Some(0));
    assert!(screen.contains("Nothing to do") && !screen.contains("[y/N]"), "{screen}");
    bench.expect(0, &["apply", &plan, "--dry-run", "--detailed-exitcode"]);
    assert!(before == bench.picture("host"));
    assert_eq!(std::fs::read(bench.state().join("journal.db")).unwrap(), journal);
    assert_eq!(bench.expect(0, &["history", "--format", "json"]).json()["runs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn colour_and_signs_follow_what_the_terminal_and_the_operator_say() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    let line = format!("apply {plan}");
    let screen = |env: &[(&str, &str)], line: &str| on_a_terminal(&bench, line, b"n\n", env).1;
    assert!(screen(&[("TERM", "xterm")], &line).contains("\x1b["));
    assert!(!screen(&[("TERM", "dumb")], &line).contains('\x1b'));
    assert!(!screen(&[("TERM", "xterm"), ("NO_COLOR", "1")], &line).contains("\x1b[3"));
    assert!(!screen(&[("TERM", "xterm")], &format!("{line} --color never")).contains("\x1b[3"));
    let piped = |env: &[(&str, &str)], args: &[&str]| {
        let mut command = bench.command(&[&["plan", &plan], args].concat());
        command.envs(env.iter().copied());
        said(command).expect(0).out
    };
    assert!(!piped(&[], &[]).contains('\x1b'));
    assert!(piped(&[], &["--color", "always"]).contains("\x1b["));
    assert!(piped(&[("CLICOLOR_FORCE", "1")], &[]).contains("\x1b["));
    assert!(!piped(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]).contains('\x1b'));
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["✓"]);
    for locale in ["C", "POSIX", "de_DE.ISO-8859-1"] {
        let mut command = bench.command(&["show"]);
        command.env("LC_ALL", locale);
        let text = said(command).expect(0).out;
        assert!(text.is_ascii(), "{locale}: {text}");
    }
}

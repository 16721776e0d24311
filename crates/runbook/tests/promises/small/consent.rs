//! What was typed before a question stood is no answer to it, and what was true before it is looked at again behind it.

use crate::bench::{Bench, RUNBOOK, SIMPLE};
use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// Once the text is on the screen so many times, this is done; then that is typed.
type Act<'a> = (&'a str, &'a dyn Fn(), &'a [u8]);

const NOTHING: &dyn Fn() = &|| {};

/// Runs a line of a shell on a terminal; the exit code and the screen, each run of blanks as one.
fn talk(bench: &Bench, line: &str, env: &[(&str, &str)], acts: &[Act<'_>]) -> (Option<i32>, String) {
    let mut command = bench.command_of("script", &["-qec", line, "/dev/null"]);
    command.env("SHELL", "/bin/sh").envs(env.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (mut screen, mut buffer) = (String::new(), [0; 4096]);
    let mut left = acts.iter().peekable();
    while let Ok(read @ 1..) = stdout.read(&mut buffer) {
        screen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        while let Some((_, first, keys)) = left.next_if(|(text, ..)| words.contains(text)) {
            first();
            stdin.write_all(keys).unwrap();
        }
    }
    assert!(left.next().is_none(), "not all was asked: {screen}");
    drop(stdin);
    (child.wait().unwrap().code(), screen.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A pipe with a name: what a shell reads from it waits until the test writes.
fn gate(bench: &Bench) -> std::path::PathBuf {
    let path = bench.path("gate");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
    path
}

#[test]
fn a_yes_that_was_typed_before_the_question_is_no_consent() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    let gate = gate(&bench);
    let open = || fs::write(&gate, "go\n").unwrap();
    let begin = |command: &str| format!("echo ready; read go < {}; exec {RUNBOOK} {command}", gate.display());
    // The terminal shows the early answer, so it lies in its queue before the program starts.
    let acts: [Act<'_>; 3] = [("ready", NOTHING, b"y\n"), ("ready y", &open, b""), ("[y/N]", NOTHING, b"n\n")];
    let (code, screen) = talk(&bench, &begin(&format!("apply {plan}")), &[], &acts);
    assert_eq!(code, Some(130), "{screen}");
    assert!(!bench.host("a.txt").exists(), "{screen}");
    bench.expect(0, &["apply", &plan, "--yes"]);
    let (code, screen) = talk(&bench, &begin("rollback"), &[], &acts);
    assert_eq!(code, Some(130), "{screen}");
    assert!(bench.host("a.txt").exists(), "{screen}");
}

/// A library that moves the clock of the program that it is loaded into by as many seconds as a file says.
fn moved_clock(bench: &Bench) -> (String, std::path::PathBuf) {
    let by = bench.path("moved-by");
    let code = format!(
        r#"#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>
#include <sys/syscall.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *ts) {{
    long by = 0;
    int rc = syscall(SYS_clock_gettime, id, ts);
    FILE *file = id == CLOCK_REALTIME ? fopen("{}", "r") : 0;
    if (file) {{ if (fscanf(file, "%ld", &by) == 1) ts->tv_sec += by; fclose(file); }}
    return rc;
}}
"#,
        by.display()
    );
    let source = bench.write("clock.c", code);
    let library = bench.path("clock.so").to_str().unwrap().to_owned();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &source]).status().unwrap();
    assert!(built.success());
    (library, by)
}

/// A window of two hours around now, in UTC.
fn window() -> String {
    let hour = (now() / 3600) % 24;
    format!("window: {{ zone: UTC, from: \"{hour:02}:00\", to: \"{:02}:00\" }}\n", (hour + 2) % 24)
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_window_that_closed_while_the_question_stood_is_closed() {
    let bench = Bench::new();
    let plan = bench.plan("simple", &format!("{}{SIMPLE}", window()));
    let (library, by) = moved_clock(&bench);
    let env = [("LD_PRELOAD", library.as_str())];
    let later = || fs::write(&by, "14400").unwrap();
    let acts: [Act<'_>; 1] = [("[y/N]", &later, b"y\n")];
    let (code, screen) = talk(&bench, &format!("{RUNBOOK} apply {plan}"), &env, &acts);
    assert_eq!(code, Some(6), "{screen}");
    assert!(screen.contains("the maintenance window of simple is closed") && screen.contains("it opens"), "{screen}");
    assert!(!bench.host("a.txt").exists(), "{screen}");
    bench.expect(0, &["status"]).says(&["No runs"]);
}

#[test]
fn going_forward_again_needs_an_open_window_and_going_back_does_not() {
    let bench = Bench::new();
    let plan = bench.plan("simple", &format!("{}{SIMPLE}", window()));
    let (library, by) = moved_clock(&bench);
    bench.kill_at(&plan, 5);
    fs::write(&by, "14400").unwrap();
    let at_night = |args: &[&str]| {
        let mut command = bench.command(args);
        command.env("LD_PRELOAD", &library);
        crate::bench::said(command)
    };
    at_night(&["resume", "--yes"]).expect(6).says(&["the maintenance window of simple is closed", "runbook rollback"]);
    at_night(&["rollback", "--yes"]).expect(0);
    assert!(!bench.host("a.txt").exists());
}

//! The binary, stopped by strace after every call that follows a name of interest: what a test does then happens in exactly
//! that window, every time.

use crate::bench::{Bench, RUNBOOK, Said};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Command;

/// Whether there is a strace that may trace.
pub(crate) fn can_stop() -> bool {
    Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
}

/// Runs the binary, and calls `at` with each call that mentions `about`, while the process stands still after it. Between
/// two such calls no name is followed there, so whatever happens in between happens in one of these windows.
///
/// What is durable is of no interest here and takes most of the time: no `fsync` is made.
pub(crate) fn stopping(bench: &Bench, calls: &str, args: &[&str], about: &str, mut at: impl FnMut(&str)) -> Said {
    let [trace, out, err] = ["trace", "said", "told"].map(|name| bench.path(name));
    if !trace.exists() {
        assert!(Command::new("mkfifo").arg(&trace).status().unwrap().success());
    }
    let [seen, stops] = [format!("trace={calls},fsync,fdatasync"), format!("inject={calls}:signal=SIGSTOP")];
    let mut all = vec!["-f", "-y", "-s", "1", "-e", &seen, "-e", &stops, "-e", "inject=fsync,fdatasync:retval=0"];
    all.extend(["-o", trace.to_str().unwrap(), RUNBOOK]);
    all.extend(args);
    let mut command = bench.command_of("strace", &all);
    let [stdout, stderr] = [&out, &err].map(|path| File::create(path).unwrap());
    let mut strace = command.stdout(stdout).stderr(stderr).spawn().unwrap();
    let mut calls: HashMap<u32, String> = HashMap::new();
    for line in BufReader::new(File::open(&trace).unwrap()).lines() {
        let line = line.unwrap();
        let (pid, rest) = line.trim_start().split_once(' ').unwrap();
        let (pid, rest): (u32, &str) = (pid.parse().unwrap(), rest.trim_start());
        let call = calls.entry(pid).or_default();
        if rest.starts_with("--- stopped by SIGSTOP") {
            if call.contains(about) {
                at(call);
            }
            // Another thread of a process that stands still has made no call since.
            call.clear();
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::CONT);
        } else if let Some(end) = rest.strip_prefix("<... ") {
            call.push_str(end);
        } else if !rest.starts_with("---") && !rest.starts_with("+++") {
            rest.clone_into(call);
        }
    }
    let code = strace.wait().unwrap().code();
    let [out, err] = [out, err].map(|path| fs::read_to_string(path).unwrap());
    Said { code, out, err }
}

//! What goes wrong between a controller and the real agent on a host with a real sshd: what is told is a snapshot. All other failures of the
//! way to a host have theirs in `runbook-fleet`, where a stand-in for the agent is enough.

use crate::afar::{Controller, Said, assert_said};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use test_hosts::{Host, Lab};

/// The clock of whoever loads it is two minutes ahead.
const AHEAD: &str = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <time.h>\n\
int clock_gettime(clockid_t id, struct timespec *at) {\n\
    static int (*asked)(clockid_t, struct timespec *);\n\
    if (!asked) asked = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, \"clock_gettime\");\n\
    int got = asked(id, at);\n\
    if (id == CLOCK_REALTIME) at->tv_sec += 120;\n\
    return got;\n}\n";

/// A `runbook` from before there were agents, as far as it is asked.
const TOO_OLD: &str = "#!/bin/sh\n[ \"$1\" != --version ] || { echo runbook 0.0.9; exit 0; }\n\
                       echo \"error: unrecognized subcommand 'agent'\" >&2\nexit 1\n";

/// What was said, without what is another in each run.
fn told(said: &Said) -> String {
    let mut text = format!("exit code {}\n{}{}", said.code, said.stdout, said.stderr);
    while let Some(digest) = text.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() == 64) {
        text = text.replace(digest, "DIGEST");
    }
    text
}

fn sh(host: &Host, script: &str) -> String {
    host.sh(script).unwrap().ok().unwrap()
}

/// The status of the host, with more flags and with a state directory there.
fn status(controller: &Controller, more: &[&str]) -> Said {
    controller.run(&[&["status", "--host", "far"], more].concat())
}

#[test]
fn what_the_real_agent_meets_is_told() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    let dir = controller.dir.path();

    println!("it may not be executed there");
    sh(
        &host,
        "mkdir /srv/noexec /srv/full && mount -t tmpfs -o noexec tmpfs /srv/noexec && mount -t tmpfs -o size=1m tmpfs /srv/full",
    );
    insta::assert_snapshot!("noexec", told(&status(&controller, &["--state-dir", "/srv/noexec"])));
    println!("there is no space");
    insta::assert_snapshot!("no-space", told(&status(&controller, &["--state-dir", "/srv/full"])));
    assert_eq!(sh(&host, "find /srv/full /srv/noexec -type f"), "", "nothing half done is left");

    println!("it is too old");
    let old = dir.join("old");
    std::fs::write(&old, TOO_OLD).unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
    insta::assert_snapshot!("too-old", told(&status(&controller, &["--agent", &old.to_string_lossy()])));

    println!("the clocks differ");
    std::fs::write(dir.join("ahead.c"), AHEAD).unwrap();
    let ahead = dir.join("ahead.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&ahead).arg(dir.join("ahead.c")).status();
    assert!(built.unwrap().success());
    let mut command = controller.command(&["status", "--host", "far"]);
    let skewed = Said::of(command.env("LD_PRELOAD", &ahead));
    insta::assert_snapshot!("skew", told(&skewed));
    let inventory = "kind: Inventory\nversion: 1\nname: test\nhosts: { far: { max_clock_skew: 10m } }\n";
    std::fs::write(dir.join("inventory.yaml"), inventory).unwrap();
    let mut command = controller.command(&["status", "--host", "far"]);
    assert_said(&Said::of(command.env("LD_PRELOAD", &ahead)), 0, &["No runs on far yet"]);

    println!("a login that talks");
    sh(&host, "printf '%s\\n' 'echo Welcome to far!' 'echo mind the gap >&2' 'seq 1000' | tee .bashrc > .profile");
    let chatty = status(&controller, &["--format", "json"]);
    assert_eq!(chatty.code, 0, "{}", chatty.stderr);
    serde_json::from_str::<serde_json::Value>(&chatty.stdout).unwrap();
    sh(&host, "echo yes > .bashrc");
    insta::assert_snapshot!("chatty", told(&status(&controller, &[])));
}

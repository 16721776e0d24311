//! What a lab leaves on the machine when it ends, and when it is killed: nothing.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use test_hosts::{Lab, Node};

/// Set in the process that is going to be killed.
const VICTIM: &str = "TEST_HOSTS_VICTIM";

/// Everything on this machine that has `name` in its name: network namespaces, control groups, directories, and
/// processes that are in such a group or see such a mount.
fn traces(lab: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |text: &str, name: &str, place: &str| {
        found.extend(text.lines().filter(|line| line.contains(name)).map(|line| format!("{place}: {line}")));
    };
    // Directories are called after the lab without the part that all labs have in common.
    let room = format!("/rooms/{}", lab.trim_start_matches("runbook-lab-"));
    let namespaces = Command::new("ip").args(["netns", "list"]).output().unwrap();
    look(&String::from_utf8_lossy(&namespaces.stdout), lab, "namespace");
    let listed = |dir: &str| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().display().to_string()).collect::<Vec<_>>().join("\n")
    };
    look(&listed("/sys/fs/cgroup"), lab, "group");
    look(&listed("/sys/fs/cgroup/unified"), lab, "group");
    look(&listed(&format!("{}/rooms", directory())), &room, "directory");
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        // A process may end while it is looked at.
        let read = |file: &str| std::fs::read_to_string(process.path().join(file)).unwrap_or_default();
        let place = process.path().display().to_string();
        // Ended, and its parent has not asked yet how: it holds nothing any more.
        if !process.file_name().to_string_lossy().parse().is_ok_and(runbook_host::runs) {
            continue;
        }
        look(&read("cgroup"), lab, &place);
        look(&read("mountinfo"), &room, &place);
    }
    found
}

fn directory() -> String {
    std::env::var("RUNBOOK_LAB").unwrap_or_else(|_| "/var/tmp/runbook-lab".to_owned())
}

#[test]
fn a_lab_that_ends_leaves_nothing() {
    let Some(lab) = Lab::for_test() else { return };
    let name = lab.name().to_owned();
    let host = lab.boot("orderly").unwrap();
    host.run(["systemd-run", "sleep", "infinity"]).unwrap().ok().unwrap();
    let while_it_runs = traces(&name);
    for kind in ["namespace", "group", "directory", "/proc"] {
        assert!(while_it_runs.iter().any(|trace| trace.starts_with(kind)), "{kind} in {while_it_runs:#?}");
    }
    drop(lab);
    assert!(host.run(["true"]).is_ok(), "a host keeps its lab");
    drop(host);
    assert_eq!(traces(&name), Vec::<String>::new());
}

#[test]
fn a_test_that_fails_leaves_nothing() {
    let Some(lab) = Lab::for_test() else { return };
    let name = lab.name().to_owned();
    let failed = std::thread::spawn(move || {
        let _host = lab.boot("failing").unwrap();
        panic!("as a test does that fails");
    });
    assert!(failed.join().is_err());
    assert_eq!(traces(&name), Vec::<String>::new());
}

#[test]
fn a_test_that_is_killed_leaves_nothing_to_the_next() {
    let Some(lab) = Lab::for_test() else { return };
    if std::env::var_os(VICTIM).is_some() {
        let host = lab.boot("victim").unwrap();
        host.run(["systemd-run", "sleep", "infinity"]).unwrap().ok().unwrap();
        // Not a process of a host, and so not one that its namespaces would end.
        let _registry = Node::for_test().map(|node| lab.registry(&node).unwrap());
        println!("victim {}", lab.name());
        // Until it is killed.
        drop(std::io::stdin().lock().read_line(&mut String::new()));
        return;
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "a_test_that_is_killed_leaves_nothing_to_the_next"])
        .env(VICTIM, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let name = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("victim ").map(|(_, name)| name.to_owned()))
        .unwrap();
    let while_it_runs = traces(&name);
    let is_registry = |trace: &String| trace.starts_with("/proc") && trace.contains("/registry");
    let registry = while_it_runs.iter().any(is_registry);
    assert!(registry || Node::for_test().is_none(), "{while_it_runs:#?}");
    assert!(!while_it_runs.is_empty());

    victim.kill().unwrap();
    victim.wait().unwrap();
    drop(lab);
    let next = Lab::open().unwrap();
    assert_eq!(traces(&name), Vec::<String>::new());
    drop(next);
}

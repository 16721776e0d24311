//! Links that hang, networks that the plan takes down, logins that are ended, and two controllers at once, on hosts that are reached by
//! ssh: nothing hangs for good, one run, every event once.

use crate::afar::{Controller, PATIENCE, assert_said, ended, go, in_the_middle, once};
use std::process::{Child, Stdio};
use test_hosts::Lab;

/// What a controller noted that was started here.
fn notes(controller: &Controller) -> String {
    std::fs::read_to_string(controller.dir.path().join("notes")).unwrap()
}

/// Waits until it has noted this.
fn noted(controller: &Controller, text: &str) {
    let end = std::time::Instant::now() + PATIENCE * 2;
    while !notes(controller).contains(text) {
        assert!(std::time::Instant::now() < end, "`{text}` was not said: {}", notes(controller));
        std::thread::yield_now();
    }
}

/// Starts an apply on that host whose notes are in a file.
fn start(controller: &Controller, host: &str) -> Child {
    let file = std::fs::File::create(controller.dir.path().join("notes")).unwrap();
    let mut command = controller.command(&["apply", "plan.yaml", "--host", host, "--yes"]);
    command.stdout(Stdio::piped()).stderr(file).spawn().unwrap()
}

/// How it ended; each of these steps was told once.
fn told_once(controller: &Controller, running: Child, steps: &[&str]) -> i32 {
    let output = running.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for step in steps {
        let told = text.lines().filter(|line| line.trim_start().starts_with(&format!("✓ {step} "))).count();
        assert_eq!(told, 1, "{step}:\n{text}{}", notes(controller));
    }
    output.status.code().unwrap_or(-1)
}

/// There is one run on the host; it was begun once, and each of its records is there once.
fn assert_one_run(controller: &Controller, host: &str) {
    let history = controller.run(&["history", "--host", host, "--format", "json"]);
    let history: serde_json::Value = serde_json::from_str(&history.stdout).unwrap();
    assert_eq!(history["runs"].as_array().unwrap().len(), 1, "{history:#}");
    let shown = controller.run(&["show", "--host", host, "--format", "ndjson"]);
    assert_eq!(shown.stdout.matches("\"run-started\"").count(), 1, "{}", shown.stdout);
    assert_numbered(&shown.stdout);
}

/// Every record once, from the first to the last.
fn assert_numbered(events: &str) {
    let events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let numbers: Vec<u64> = events.filter_map(|event| event["seq"].as_u64()).collect();
    assert!(numbers.len() > 10 && numbers == (1..=numbers.len() as u64).collect::<Vec<_>>(), "{numbers:?}");
}

const STEPS: [&str; 3] = ["first", "second", "third"];

/// Nothing is closed, and nothing comes: ssh is stopped.
#[test]
fn a_link_whose_ssh_stands_still_is_made_anew() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    let apply = ["apply", "plan.yaml", "--host", "far", "--yes", "--format", "ndjson"];
    let running = in_the_middle(controller.start(&apply), &host);
    controller.signal("STOP");
    go(&host);
    let said = ended(running);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_numbered(&said.stdout);
    assert_eq!(controller.links(), 0, "the one that stood still is gone");
    assert_one_run(&controller, "far");
}

/// Packets are no longer passed on, and nobody is told.
#[test]
fn a_network_that_swallows_everything_is_waited_for() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    let running = in_the_middle(start(&controller, "far"), &host);
    host.cut_network().unwrap();
    go(&host);
    host.wait_for("test -e /etc/third", PATIENCE).unwrap();
    noted(&controller, "the link to far is lost");
    host.restore_network().unwrap();
    assert_eq!(told_once(&controller, running, &STEPS), 0);
    assert!(notes(&controller).contains("the link to far is there again"), "{}", notes(&controller));
    assert_one_run(&controller, "far");
}

/// The first step takes the network down; what puts it up again is the last one, or the way back.
fn takes_the_network_down(last: &str) -> String {
    let step = |id: &str, needs: &str, run: &str, undo: &str| {
        format!(
            "  - {{ id: {id}, needs: [{needs}], uses: command.run, with: {{ run: [sh, -c, \"{run}\"], undo: {{ run: [sh, -c, \"{undo}\"] }}, \
             effects: {{ writes: [{{ path: /etc/{id} }}] }} }} }}\n"
        )
    };
    let mut text = "kind: Plan\nversion: 1\nname: network\nvars: { greeting: { type: string } }\nsteps:\n".to_owned();
    text += "  - { id: first, uses: file.write, with: { path: /etc/first, content: \"{{ vars.greeting }}\" } }\n";
    text += &step("down", "first", "ip link set eth0 down", "ip link set eth0 up");
    text += &step(
        "wait",
        "down",
        "touch /run/second; until [ -e /run/go ]; do sleep 0.05; done; echo > /etc/wait",
        "rm -f /etc/wait",
    );
    text += &step("last", "wait", last, "ip link set eth0 down");
    text
}

#[test]
fn a_plan_that_takes_the_network_down_ends_with_it_up_again() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    for (last, code, left) in [("false", 3, ""), ("ip link set eth0 up", 0, "/etc/first\n/etc/wait\n")] {
        std::fs::write(controller.dir.path().join("plan.yaml"), takes_the_network_down(last)).unwrap();
        host.sh("rm -f /run/second /run/go").unwrap().ok().unwrap();
        let running = in_the_middle(start(&controller, "far"), &host);
        if code == 3 {
            noted(&controller, "the link to far is lost");
        }
        go(&host);
        assert_eq!(told_once(&controller, running, &["first", "down", "wait"]), code, "{}", notes(&controller));
        assert_eq!(host.sh("ls /etc/first /etc/wait 2>/dev/null").unwrap().stdout, left);
    }
    assert_said(&controller.run(&["status", "--host", "far"]), 0, &["Done."]);
}

/// Logind ends all that a login has started.
#[test]
fn who_is_logged_out_keeps_the_run() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    host.add_user("ops", "/bin/bash").unwrap();
    host.add_user("ann", "/bin/bash").unwrap();
    host.write("/etc/sudoers.d/ops", "ops ALL=(ALL) NOPASSWD: ALL\n").unwrap();
    host.write("/etc/systemd/logind.conf.d/kill.conf", "[Login]\nKillUserProcesses=yes\n").unwrap();
    host.sh("systemctl restart systemd-logind && loginctl enable-linger ann").unwrap().ok().unwrap();
    let inventory = "kind: Inventory\nversion: 1\nname: test\ndefaults: { vars: { greeting: hello } }\nhosts:\n  \
                     sudo: { address: far, become: sudo, ssh: { user: ops } }\n  lingers: { address: far, ssh: { user: ann } }\n";
    std::fs::write(controller.dir.path().join("inventory.yaml"), inventory).unwrap();
    for (name, user, dir) in [("sudo", "ops", "/etc"), ("lingers", "ann", "/home/ann")] {
        let plan = crate::afar::PLAN.replace("/etc/", &format!("{dir}/")).replace("/run/second", "/tmp/second");
        std::fs::write(controller.dir.path().join("plan.yaml"), plan.replace("/run/go", "/tmp/go")).unwrap();
        host.sh("rm -f /tmp/second /tmp/go").unwrap().ok().unwrap();
        let running = once(start(&controller, name), &host, "test -e /tmp/second");
        controller.cut();
        noted(&controller, "is there again");
        controller.signal("STOP");
        let sessions = format!("loginctl list-sessions --no-legend | awk '$3 == \"{user}\" {{ print $1 }}'");
        host.sh(&format!("{sessions} | xargs loginctl terminate-session")).unwrap().ok().unwrap();
        host.wait_for(&format!("test -z \"$({sessions})\""), PATIENCE).unwrap();
        controller.cut();
        host.sh("touch /tmp/go").unwrap().ok().unwrap();
        assert_eq!(told_once(&controller, running, &STEPS), 0, "{name}: {}", notes(&controller));
        assert_eq!(host.read(&format!("{dir}/third")).unwrap(), "changed\n");
        assert_one_run(&controller, name);
    }
}

#[test]
fn of_two_controllers_at_once_one_begins() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controllers = [Controller::new(&lab, &host), Controller::new(&lab, &host)];
    assert_said(&controllers[0].run(&["status", "--host", "far"]), 0, &["No runs"]);
    let mut running = controllers.each_ref().map(|controller| start(controller, "far"));
    host.wait_for("test -e /run/second", PATIENCE).unwrap();
    // One ends by itself: it is told that the other is at work.
    let loser = loop {
        if let Some(nth) = running.iter_mut().position(|child| child.try_wait().unwrap().is_some()) {
            break nth;
        }
        std::thread::yield_now();
    };
    assert_eq!(running[loser].wait().unwrap().code(), Some(6), "{}", notes(&controllers[loser]));
    assert!(
        notes(&controllers[loser]).contains("another runbook is at work on this host"),
        "{}",
        notes(&controllers[loser])
    );
    let [first, second] = running;
    go(&host);
    let winner = if loser == 0 { second } else { first };
    assert_eq!(told_once(&controllers[1 - loser], winner, &STEPS), 0);
    assert_one_run(&controllers[loser], "far");
}

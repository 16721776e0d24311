//! Units of systemd. What goes wrong with them; the laws of their kinds are tried by `runbook-services`.

use crate::stage::{apply, assert_said, install_runbook, plan};
use crate::ways::{self, runbook};
use std::time::Duration;
use test_hosts::{Host, Lab, Output};

/// What is tried, and how.
type Case = (&'static str, fn(&Host));

#[test]
fn what_goes_wrong_with_units() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("units").unwrap();
    install_runbook(&host);
    let cases: &[Case] = &[
        ("a change that breaks the unit is rolled back", a_change_that_breaks_the_unit_is_rolled_back),
        ("a child that ignores TERM is gone after a stop", a_child_that_ignores_term_is_gone_after_a_stop),
        ("what a stop leaves behind is named", what_a_stop_leaves_behind_is_named),
        ("units that go down with another come back", units_that_go_down_with_another_come_back),
        ("a run that was killed while a unit came up goes on", a_run_that_was_killed_goes_on),
        ("a start that takes too long is taken back", a_start_that_takes_too_long_is_taken_back),
        ("a start that is cancelled is taken back", a_start_that_is_cancelled_is_taken_back),
        ("units of a user", units_of_a_user),
        ("a bus that goes away in the middle", a_bus_that_goes_away_in_the_middle),
        ("without a bus", without_a_bus),
        ("without systemd", without_systemd),
    ];
    for (name, case) in cases {
        println!("{name}");
        case(&host);
    }
}

/// Writes the files of units, and a plan with these steps.
fn stage(host: &Host, units: &[(&str, &str)], steps: &str) {
    for (name, text) in units {
        host.write(&format!("/etc/systemd/system/{name}"), text).unwrap();
    }
    plan(host, steps);
    sh(host, "systemctl daemon-reload");
}

/// What a script that must succeed printed.
fn sh(host: &Host, script: &str) -> String {
    host.sh(script).unwrap().ok().unwrap()
}

const ALLOW: &str =
    "allow: [{ rule: verify-is-functional, because: a test }, { rule: verify-is-negative, because: a test }]";

fn stop(unit: &str) -> String {
    format!("  - {{ id: stop, uses: systemd.stop, with: {{ unit: {unit} }}, {ALLOW} }}\n")
}

fn a_change_that_breaks_the_unit_is_rolled_back(host: &Host) {
    let service = "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=1000\n[Service]\nEnvironment=COLOUR=red\nRestart=on-failure\nRestartSec=0\n\
        ExecStart=/bin/sh -c 'test -n \"$COLOUR\" || { echo no colour was given; exit 7; }; exec sleep 1000'\n";
    stage(
        host,
        &[("colour.service", service)],
        &format!(
            "  - {{ id: pale, uses: systemd.drop-in, with: {{ unit: colour, name: pale, content: \"[Service]\\nEnvironment=COLOUR=\\n\" }} }}\n  \
             - {{ id: again, uses: systemd.restart, with: {{ unit: colour, settle: 300ms }}, {ALLOW} }}\n"
        ),
    );
    sh(host, "systemctl start colour");
    let seen = "systemctl show colour -p ActiveState,SubState,Result,DropInPaths,NeedDaemonReload,Environment; find /etc/systemd/system | xargs cksum 2>&1";
    let before = sh(host, seen);
    assert_said(
        &apply(host),
        3,
        &["colour.service did not stay up", "exit status 7", "no colour was given", "runs again as before"],
    );
    assert_eq!(sh(host, seen), before);
    assert_eq!(sh(host, "systemctl is-failed colour || true"), "active");
}

fn a_child_that_ignores_term_is_gone_after_a_stop(host: &Host) {
    let service = "[Service]\nTimeoutStopSec=1\nExecStart=/bin/sh -c 'sh -c \"trap : TERM; while :; do sleep 1001 & wait; done\" & exec sleep 1003'\n";
    stage(host, &[("stubborn.service", service)], &stop("stubborn"));
    sh(host, "systemctl start stubborn");
    host.wait_for("pgrep -fx 'sleep 1001'", Duration::from_secs(10)).unwrap();
    assert_said(&apply(host), 0, &["stubborn.service is down"]);
    assert_eq!(sh(host, "pgrep -fx 'sleep 100[13]' || true"), "");
    assert_said(&apply(host), 0, &["Nothing to do"]);
    assert_said(&runbook(host, &["rollback", "--yes"]), 0, &["runs again as before"]);
    assert_eq!(sh(host, "systemctl is-active stubborn; systemctl stop stubborn"), "active");
}

fn what_a_stop_leaves_behind_is_named(host: &Host) {
    let service = "[Service]\nKillMode=process\nExecStart=/bin/sh -c 'setsid sleep 1002 & exec sleep 1000'\n";
    stage(host, &[("lax.service", service)], &stop("lax"));
    sh(host, "systemctl start lax");
    let child = host.wait_for("pgrep -fx 'sleep 1002'", Duration::from_secs(10)).unwrap();
    let left = format!("pid {}: sleep 1002, user 0", child.trim());
    assert_said(
        &apply(host),
        3,
        &["lax.service was stopped and left 1 process behind", &left, "leave_processes: true"],
    );
    assert_eq!(sh(host, "systemctl is-active lax"), "active", "the rollback starts it again");

    stage(host, &[], &stop("lax, leave_processes: true"));
    assert_said(&apply(host), 0, &["lax.service is down"]);
    sh(host, "pkill -fx 'sleep 1002'");
}

fn units_that_go_down_with_another_come_back(host: &Host) {
    let sleeper = "[Service]\nExecStart=/bin/sleep 1000\n";
    stage(
        host,
        &[
            ("base.service", sleeper),
            ("upper.service", &format!("[Unit]\nBindsTo=base.service\nAfter=base.service\n{sleeper}")),
        ],
        &(stop("base")
            + "  - { id: fail, needs: [stop], uses: command.run, with: { run: [\"false\"], effects: { writes: [{ path: /srv/x }] }, undo: { run: [\"true\"] } } }\n"),
    );
    sh(host, "systemctl start upper");
    let dry = runbook(host, &["apply", "/srv/plan.yaml", "--dry-run"]);
    assert_said(&dry, 0, &["with it goes upper.service"]);
    assert_said(&apply(host), 3, &["base.service runs again as before", "also upper.service"]);
    assert_eq!(sh(host, "systemctl is-active base upper; systemctl stop base"), "active\nactive");
}

fn a_run_that_was_killed_goes_on(host: &Host) {
    let service = "[Service]\nExecStartPre=/bin/cat /srv/gate\nExecStart=/bin/sleep 1000\n";
    stage(
        host,
        &[("slow.service", service)],
        &format!("  - {{ id: start, uses: systemd.start, with: {{ unit: slow, settle: 50ms }}, {ALLOW} }}\n"),
    );
    sh(host, "mkfifo /srv/gate");
    let mut run = ways::command(host, &["apply", "/srv/plan.yaml", "--yes"]).spawn().unwrap();
    host.wait_for("systemctl is-active slow | grep -qx activating", Duration::from_secs(30)).unwrap();
    sh(host, "pkill -KILL -x runbook");
    assert!(!run.wait().unwrap().success());
    // systemd goes on without it.
    sh(host, "echo open > /srv/gate");
    host.wait_for("systemctl is-active -q slow", Duration::from_secs(30)).unwrap();
    let life = sh(host, "systemctl show slow -p InvocationID");
    assert_said(&runbook(host, &["resume", "--yes"]), 0, &["Done"]);
    assert_eq!(sh(host, "systemctl show slow -p InvocationID"), life, "it is not started twice");
    assert_said(&runbook(host, &["rollback", "--yes"]), 0, &["slow.service is down as before"]);
    assert_eq!(sh(host, "systemctl is-active slow || true"), "inactive");
}

/// A unit that never comes up, and a plan that starts it.
fn stage_endless_start(host: &Host, timeout: &str) {
    let service = "[Service]\nTimeoutStartSec=infinity\nExecStartPre=/bin/sleep 1004\nExecStart=/bin/sleep 1000\n";
    let step =
        format!("  - {{ id: start, uses: systemd.start, timeout: {timeout}, with: {{ unit: endless }}, {ALLOW} }}\n");
    stage(host, &[("endless.service", service)], &step);
}

fn assert_endless_is_down(host: &Host) {
    assert_eq!(
        sh(host, "systemctl is-active endless || true; systemctl list-jobs --no-legend endless.service"),
        "inactive"
    );
    assert_eq!(sh(host, "pgrep -fx 'sleep 1004' || true"), "");
}

fn a_start_that_takes_too_long_is_taken_back(host: &Host) {
    stage_endless_start(host, "1s");
    let said = ["the time is up while systemd works on endless.service", "endless.service is down as before"];
    assert_said(&apply(host), 3, &said);
    assert_endless_is_down(host);
}

/// Applies the plan, does `script` once systemd works on the start, and returns what the run said.
fn disturbed(host: &Host, script: &str) -> Output {
    stage_endless_start(host, "5m");
    let script = format!(
        "runbook apply /srv/plan.yaml --yes & run=$!; until systemctl is-active endless | grep -qx activating; do :; done; \
         {script}; wait $run"
    );
    host.sh(&script).unwrap()
}

fn a_start_that_is_cancelled_is_taken_back(host: &Host) {
    // Two signals at once would be one: the second comes after the run has said what the first one did.
    let twice = "kill -INT $run; until runbook show | grep -q 'Nothing more starts'; do :; done; kill -INT $run";
    let output = disturbed(host, twice);
    assert_said(&output, 130, &["cancelled by the operator", "endless.service is down as before"]);
    assert_endless_is_down(host);
}

fn a_bus_that_goes_away_in_the_middle(host: &Host) {
    let output = disturbed(host, "systemctl kill --signal=KILL dbus.service");
    let said = ["the connection to systemd was lost while it worked on endless.service", "is down as before"];
    assert_said(&output, 3, &said);
    assert_endless_is_down(host);
}

fn units_of_a_user(host: &Host) {
    sh(host, "useradd --create-home --shell /bin/sh ann; loginctl enable-linger ann");
    host.wait_for("test -S /run/user/$(id -u ann)/bus", Duration::from_secs(30)).unwrap();
    let steps = format!(
        "  - {{ id: unit, uses: systemd.unit-file, with: {{ unit: own, user: true, content: \"[Service]\\nExecStart=/bin/sleep 1000\\n[Install]\\nWantedBy=default.target\\n\" }} }}\n  \
         - {{ id: boot, uses: systemd.enable, with: {{ unit: own, user: true }} }}\n  \
         - {{ id: start, uses: systemd.start, with: {{ unit: own, user: true, settle: 50ms }}, {ALLOW} }}\n"
    );
    stage(host, &[], &steps);
    let as_ann = |words: &str| host.run(["runuser", "-u", "ann", "--", "sh", "-c", &format!("cd; {words}")]).unwrap();
    let files = "find /home/ann -path '*/.local' -prune -o -print | sort";
    let before = sh(host, files);
    assert_said(&as_ann("runbook apply /srv/plan.yaml --yes"), 0, &["own.service is enabled", "own.service is up"]);
    let state = "XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user is-active own";
    assert_eq!(as_ann(state).stdout, "active\n");
    assert_said(&as_ann("runbook apply /srv/plan.yaml --yes"), 0, &["Nothing to do"]);
    assert_said(&as_ann("runbook rollback --yes"), 0, &["own.service is down as before"]);
    assert_eq!(as_ann(state).stdout, "inactive\n");
    assert_eq!(sh(host, files), before);

    stage(host, &[], &stop("systemd-journald"));
    assert_said(&as_ann("runbook apply /srv/plan.yaml --yes"), 3, &["systemd does not stop systemd-journald"]);
}

fn without_a_bus(host: &Host) {
    let service = "[Service]\nExecStart=/bin/sh -c 'echo no bus, no glory; exit 3'\n";
    let steps = |unit: &str| {
        format!("  - {{ id: start, uses: systemd.start, with: {{ unit: {unit}, settle: 200ms }}, {ALLOW} }}\n")
    };
    stage(
        host,
        &[("fails.service", service), ("sleeps.service", "[Service]\nExecStart=/bin/sleep 1000\n")],
        &steps("sleeps"),
    );
    sh(host, "systemctl stop dbus.socket dbus.service; ! systemctl is-active dbus.socket dbus.service");
    assert_said(&apply(host), 0, &["sleeps.service is up"]);
    assert_said(&runbook(host, &["rollback", "--yes"]), 0, &["sleeps.service is down as before"]);
    stage(host, &[], &steps("fails"));
    assert_said(&apply(host), 3, &["fails.service did not stay up", "exit status 3", "no bus, no glory"]);
    assert_eq!(sh(host, "systemctl is-failed fails || true"), "inactive", "it was not failed before");
    stage(host, &[], &steps("fails").replace("unit: fails", "unit: nothing"));
    assert_said(&apply(host), 1, &["there is no unit nothing.service on this host"]);
    sh(host, "systemctl start dbus.socket dbus.service");
}

fn without_systemd(host: &Host) {
    stage(host, &[], &stop("ssh"));
    let apply = "mount -t tmpfs none /run/systemd; runbook apply /srv/plan.yaml --yes";
    let output = host.run(["unshare", "--mount", "sh", "-c", apply]).unwrap();
    assert_said(&output, 1, &["this host does not run systemd"]);
}

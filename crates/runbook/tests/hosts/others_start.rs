//! Services that others start as well: sockets, timers, paths, the bus, units that uphold them, a loop of `systemctl start`.
//!
//! The service answers each connection with the version that was there when it was started.

use crate::stage::{apply, assert_said, install_runbook, plan};
use crate::ways;
use std::time::Duration;
use test_hosts::{Host, Lab, Output};

const GATEWAY: &str = r#"
open(my $file, '<', '/srv/gw/version') or die; my $version = <$file>;
open(my $socket, '+<&=', 3) or die "no socket was passed: $!";
while (accept(my $client, $socket)) { print $client "$version\n"; close $client }
"#;
const SERVICE: &str = "[Unit]\nDescription=Gateway\n[Service]\nExecStart=/usr/bin/perl /srv/gw/gw.pl\nRestart=always\nRestartSec=0\nType=simple\nBusName=org.test.gw\n";
const SOCKET: &str = "[Socket]\nListenStream=127.0.0.1:7777\nTriggerLimitBurst=0\n[Install]\nWantedBy=sockets.target\n";
const TIMER: &str = "[Timer]\nOnActiveSec=1h\nUnit=gw.service\n";
const WATCH: &str = "[Path]\nPathExists=/srv/gw-wanted\nUnit=gw.service\n";
const BUS: &str = "[D-BUS Service]\nName=org.test.gw\nExec=/bin/false\nUser=root\nSystemdService=gw.service\n";

/// Everybody who can start the service tries to, and none of them may hold up the plan.
const EVERYBODY: &str = "timeout 2 bash -c 'echo > /dev/tcp/127.0.0.1/7777'; touch /srv/gw-wanted; systemctl start gw; \
    timeout 2 busctl call org.test.gw / org.test Ask; systemctl start needs-gw; rm -f /srv/gw-wanted; true";

const ALLOW: &str =
    "allow: [{ rule: verify-is-functional, because: a test }, { rule: verify-is-negative, because: a test }]";
const ANSWER: &str = "bash -c 'head -n 1 < /dev/tcp/127.0.0.1/7777'";
const FAILS: &str = "  - { id: fails, needs: [start], uses: command.run, with: { run: [\"false\"], effects: { writes: [{ path: /srv/x }] }, undo: { run: [\"true\"] } } }\n";
const TRIGGERS: &str = "systemctl is-active gw.socket gw.timer gw.path || true; find /run/systemd -name '*runbook*' ! -name '*runbook-agent-*'";

/// What is tried, and how.
type Case = (&'static str, fn(&Host));

#[test]
fn others_start_services() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("others").unwrap();
    install_runbook(&host);
    let units = "/etc/systemd/system";
    for (path, text) in [
        ("/srv/gw/gw.pl", GATEWAY),
        (&format!("{units}/gw.service"), SERVICE),
        (&format!("{units}/gw.socket"), SOCKET),
        (&format!("{units}/gw.timer"), TIMER),
        (&format!("{units}/gw.path"), WATCH),
        (
            &format!("{units}/needs-gw.service"),
            "[Unit]\nRequires=gw.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
        ),
        (&format!("{units}/keeper.service"), "[Unit]\nUpholds=gw.service\n[Service]\nExecStart=/bin/sleep 1000\n"),
        ("/usr/share/dbus-1/system-services/org.test.gw.service", BUS),
    ] {
        host.write(path, text).unwrap();
    }
    sh(&host, "systemctl daemon-reload; systemctl reload dbus; ! test -e /srv/gw-wanted");
    let cases: &[Case] = &[
        ("what triggers a unit goes down and comes up with it", what_triggers_a_unit_goes_down_and_comes_up_with_it),
        ("a unit that was down and can be triggered", a_unit_that_was_down_and_can_be_triggered),
        ("clients and a loop of starts", clients_and_a_loop_of_starts),
        ("a start of something that runs", a_start_of_something_that_runs),
        ("a run that was killed keeps nobody out", a_run_that_was_killed_keeps_nobody_out),
        ("a restore by hand", a_restore_by_hand),
        ("a unit by another name", a_unit_by_another_name),
    ];
    for (name, case) in cases {
        println!("{name}");
        case(&host);
    }
}

fn sh(host: &Host, script: &str) -> String {
    host.run(["bash", "-c", script]).unwrap().ok().unwrap()
}

/// The first version runs, and so does everything that starts it.
fn stage(host: &Host) {
    sh(
        host,
        "systemctl stop keeper gw.socket gw.timer gw.path gw; systemctl reset-failed; rm -f /srv/gw-wanted; echo -n v1 > /srv/gw/version; \
         systemctl start gw.socket gw.timer gw.path",
    );
    assert_eq!(answer(host), "v1");
}

fn answer(host: &Host) -> String {
    host.wait_for(ANSWER, Duration::from_secs(10)).unwrap().trim().to_owned()
}

fn steps(between: &str) -> String {
    format!(
        "  - {{ id: stop, uses: systemd.stop, with: {{ unit: gw }}, {ALLOW} }}\n  \
         - {{ id: others, needs: [stop], uses: command.run, with: {{ run: [bash, -c, \"{between}\"], effects: {{ writes: [{{ path: /srv/others }}] }}, undo: {{ run: [\"true\"] }} }} }}\n  \
         - {{ id: version, needs: [others], uses: file.write, with: {{ path: /srv/gw/version, content: v2 }} }}\n  \
         - {{ id: start, needs: [version], uses: systemd.start, with: {{ unit: gw, settle: 200ms }} }}\n"
    )
}

fn run(host: &Host, words: &[&str]) -> Output {
    ways::runbook(host, words)
}

fn what_triggers_a_unit_goes_down_and_comes_up_with_it(host: &Host) {
    stage(host);
    plan(host, &steps(EVERYBODY));
    let dry = run(host, &["apply", "/srv/plan.yaml", "--dry-run"]);
    assert_said(
        &dry,
        0,
        &["gw.path", "gw.socket", "gw.timer", "which start it, are stopped first", "org.test.gw on the bus"],
    );
    let since = sh(host, "systemctl show gw -P InvocationID");
    assert_said(&apply(host), 0, &["gw.service is down, and so is", "Done"]);
    assert_eq!(answer(host), "v2");
    assert_eq!(sh(host, TRIGGERS), "active\nactive\nactive");
    assert_ne!(sh(host, "systemctl show gw -P InvocationID"), since);
    // Nobody was let in: the start of the plan is the only one.
    assert_eq!(sh(host, "systemctl show gw -P NRestarts -P NeedDaemonReload"), "0\nno");
    assert_said(&run(host, &["rollback", "--yes"]), 0, &["gw.service runs again as before"]);
    assert_eq!((answer(host).as_str(), sh(host, TRIGGERS).as_str()), ("v1", "active\nactive\nactive"));

    plan(host, &(steps(EVERYBODY) + FAILS));
    assert_said(&apply(host), 3, &["gw.service runs again as before"]);
    assert_eq!((answer(host).as_str(), sh(host, TRIGGERS).as_str()), ("v1", "active\nactive\nactive"));
}

fn a_unit_that_was_down_and_can_be_triggered(host: &Host) {
    stage(host);
    sh(host, "systemctl stop gw.timer gw.path gw.socket gw; systemctl start gw.socket");
    plan(host, &(steps(EVERYBODY) + FAILS));
    let dry = run(host, &["apply", "/srv/plan.yaml", "--dry-run"]);
    assert_said(&dry, 0, &["gw.service is down, and gw.socket can start it"]);
    assert_said(&apply(host), 3, &["gw.service is down as before"]);
    assert_eq!(sh(host, "systemctl is-active gw || true"), "inactive");
    assert_eq!(sh(host, TRIGGERS), "active\ninactive\ninactive");
    assert_eq!(answer(host), "v1");
}

/// The plan ends well, or it is taken back, with somebody at the door every few milliseconds.
fn clients_and_a_loop_of_starts(host: &Host) {
    let knock = "echo > /dev/tcp/127.0.0.1/7777";
    for (who, fails) in [(knock, false), ("systemctl start gw", true)] {
        stage(host);
        if !fails {
            sh(host, "systemctl start keeper");
        }
        plan(host, &(steps("true") + if fails { FAILS } else { "" }));
        let script = format!(
            "(while :; do {who}; sleep 0.02; done) 2>/dev/null >&2 & others=$!; runbook apply /srv/plan.yaml --yes; code=$?; kill $others; exit $code"
        );
        let output = host.run(["bash", "-c", &script]).unwrap();
        let (code, version) = if fails { (3, "v1") } else { (0, "v2") };
        assert_said(&output, code, &[]);
        assert_eq!(answer(host), version, "{who}");
        assert_eq!(sh(host, TRIGGERS), "active\nactive\nactive", "{who}");
    }
}

/// No stop comes before it, so what runs is older than what the plan changed.
fn a_start_of_something_that_runs(host: &Host) {
    stage(host);
    let change = "  - { id: version, uses: file.write, with: { path: /srv/gw/version, content: v2 } }\n";
    let start = format!(
        "  - {{ id: start, needs: [version], uses: systemd.start, with: {{ unit: gw, settle: 200ms }}, {ALLOW} }}\n"
    );
    plan(host, &format!("{change}{start}"));
    let dry = run(host, &["apply", "/srv/plan.yaml", "--dry-run"]);
    assert_said(&dry, 0, &["it runs, and is restarted: `version` changes what it may run"]);
    assert_said(&apply(host), 0, &["gw.service is up"]);
    assert_eq!(answer(host), "v2");
    assert_said(&apply(host), 0, &["Nothing to do"]);
    assert_said(&run(host, &["rollback", "--yes"]), 0, &["gw.service runs again as before"]);
    assert_eq!((answer(host).as_str(), sh(host, TRIGGERS).as_str()), ("v1", "active\nactive\nactive"));
    // Its own files count without a change in the same plan.
    sh(host, "touch /srv/gw/gw.pl");
    plan(host, &start.replace(", needs: [version]", ""));
    assert_said(&apply(host), 0, &["gw.service is restarted: /srv/gw/gw.pl was changed after pid"][..0]);
    assert_said(&apply(host), 0, &["Nothing to do"]);
}

fn a_run_that_was_killed_keeps_nobody_out(host: &Host) {
    stage(host);
    plan(host, &steps("kill -KILL $PPID; sleep 1000"));
    assert_ne!(apply(host).code, 0);
    assert_eq!(sh(host, "systemctl is-active gw gw.socket || true"), "inactive\ninactive");
    // Others can have it now: the run is not there any more to bring it up.
    sh(host, "systemctl start gw.socket");
    assert_eq!(answer(host), "v1");
    assert_said(&run(host, &["rollback", "--yes"]), 0, &["Every change was taken back"][..0]);
    assert_eq!((answer(host).as_str(), sh(host, TRIGGERS).as_str()), ("v1", "active\nactive\nactive"));
}

/// Who uses the files is named; stopped with all that starts it, and up again.
fn a_restore_by_hand(host: &Host) {
    stage(host);
    plan(
        host,
        "  - { id: keep, uses: backup.create, with: { paths: [/srv/gw] } }\n  \
         - { id: other, needs: [keep], uses: file.write, with: { path: /srv/gw/other, content: x } }\n",
    );
    assert_said(&apply(host), 0, &[]);
    sh(host, "echo -n v2 > /srv/gw/version");
    let backup = sh(host, "runbook backup list | head -n 1 | cut -d ' ' -f 1");
    let restore = |more: &str| host.sh(&format!("runbook backup restore {backup} /srv/gw --yes {more}")).unwrap();
    assert_said(&restore(""), 1, &["gw.service: pid", "--stop"]);
    assert_eq!((sh(host, "cat /srv/gw/version"), answer(host)), ("v2".to_owned(), "v1".to_owned()));
    assert_said(&restore("--stop"), 0, &["stopped: gw.service", "/srv/gw: put back", "gw.service is up"]);
    assert_eq!(
        (sh(host, "cat /srv/gw/version"), sh(host, TRIGGERS)),
        ("v1".to_owned(), "active\nactive\nactive".to_owned())
    );
    assert_eq!(answer(host), "v1");
}

fn a_unit_by_another_name(host: &Host) {
    host.write(
        "/etc/systemd/system/own.service",
        "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nAlias=other.service\nWantedBy=multi-user.target\n",
    )
    .unwrap();
    host.write(
        "/etc/systemd/system/many@.service",
        "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n",
    )
    .unwrap();
    sh(host, "systemctl daemon-reload; systemctl enable --now own many@1 2>&1");
    let links = "find /etc/systemd/system -type l | sort";
    // The journal has the lines under the unit's own name.
    host.write(
        "/etc/systemd/system/says.service",
        "[Service]\nExecStart=/bin/sh -c 'echo a known error; exec sleep 1000'\n[Install]\nAlias=speaks.service\n",
    )
    .unwrap();
    sh(host, "systemctl daemon-reload; systemctl enable says 2>&1");
    plan(
        host,
        "  - { id: start, uses: systemd.restart, with: { unit: speaks } }\n  \
         - { id: verify, uses: verify.signals, needs: [start], with: { unit: speaks, within: 5s, watch: 100ms, signals: { known: { log_absent: a known error, kind: negative }, \
         works: { command: [\"true\"], kind: functional } } } }\n",
    );
    assert_said(&apply(host), 3, &["a known error"]);
    let before = sh(host, links);
    for (name, id) in [("other", "own"), ("many@1", "many@1")] {
        plan(
            host,
            &format!(
                "  - {{ id: off, uses: systemd.disable, with: {{ unit: {name} }} }}\n  \
                 - {{ id: stop, uses: systemd.stop, with: {{ unit: {name} }}, needs: [off], {ALLOW} }}\n"
            ),
        );
        assert_said(&apply(host), 0, &[&format!("{id}.service is disabled"), &format!("{id}.service is down")]);
        assert_eq!(
            sh(host, &format!("systemctl is-enabled {id} || true; systemctl is-active {id} || true")),
            "disabled\ninactive"
        );
        assert_said(&run(host, &["rollback", "--yes"]), 0, &[&format!("{id}.service runs again as before")]);
        assert_eq!(sh(host, links), before, "{name}");
        assert_eq!(sh(host, &format!("systemctl is-active {id}")), "active");
    }
}

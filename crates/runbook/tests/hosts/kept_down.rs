//! Units that a run stops and does not start again, what is said of them at the end, and units that a boot does not bring back.

use crate::stage::{apply, assert_said, install_runbook, plan};
use crate::ways;
use std::time::Duration;
use test_hosts::{Host, Lab, Output};

const UNIT: &str = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nAlias=kd-alias.service\n";
const NEEDS: &str = "[Unit]\nRequires=kd.service\nAfter=kd.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n";
const SOCKET: &str = "[Socket]\nListenStream=/run/kd.sock\nService=kd.service\n";

/// Everybody who can start the unit tries to; `$1` is the file that tells whether one of them could.
const OTHERS: &str = r#"#!/bin/bash
systemctl daemon-reload
systemctl start kd.service
systemctl start kd-alias.service
systemctl start needs-kd.service
systemctl is-active kd.service > "$1"
true
"#;
const ALLOW: &str =
    "allow: [{ rule: verify-is-functional, because: a test }, { rule: verify-is-negative, because: a test }]";
const FAILS: &str = "  - { id: fails, needs: [change], uses: command.run, with: { run: [\"false\"], effects: { writes: [{ path: /srv/x }] }, undo: { run: [\"true\"] } } }\n";
const LEFT: &str = r"find /run/systemd ! -name '*runbook-agent-*' \( -name '*runbook*' -o -path '*kd.service.d*' \)";

type Case = (&'static str, fn(&Host));

#[test]
fn a_unit_that_is_only_stopped_stays_down_for_the_run() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("kept").unwrap();
    set_up(&host);
    let cases: &[Case] = &[
        ("nobody starts it while the plan works", nobody_starts_it_while_the_plan_works),
        ("nobody starts it while the plan is taken back", nobody_starts_it_while_the_plan_is_taken_back),
        ("one that was down already", one_that_was_down_already),
        ("a run that was killed", a_run_that_was_killed),
        ("an instance of a template", an_instance_of_a_template),
        ("one that is masked and runs", one_that_is_masked_and_runs),
        ("what is said of it was read", what_is_said_of_it_was_read),
    ];
    for (name, case) in cases {
        println!("{name}");
        stage(&host);
        case(&host);
    }
}

fn set_up(host: &Host) {
    install_runbook(host);
    let units = "/etc/systemd/system";
    host.write("/usr/lib/systemd/system/kd.service", UNIT).unwrap();
    host.write(&format!("{units}/needs-kd.service"), NEEDS).unwrap();
    host.write(&format!("{units}/kd.socket"), SOCKET).unwrap();
    host.write("/srv/others", OTHERS).unwrap();
    sh(
        host,
        &format!(
            "chmod 755 /srv/others; ln -s /usr/lib/systemd/system/kd.service {units}/kd-alias.service; systemctl daemon-reload"
        ),
    );
}

fn sh(host: &Host, script: &str) -> String {
    host.run(["bash", "-c", script]).unwrap().ok().unwrap().trim().to_owned()
}

fn run(host: &Host, words: &[&str]) -> Output {
    ways::runbook(host, words)
}

fn stage(host: &Host) {
    sh(
        host,
        "systemctl stop kd.socket kd needs-kd; systemctl reset-failed; rm -f /srv/seen* /srv/version /srv/go; systemctl start kd.socket kd",
    );
}

fn is_active(host: &Host, unit: &str) -> String {
    sh(host, &format!("systemctl is-active {unit} || true"))
}

/// A stop, others who want the unit up, a change, and others again when the first of them is taken back.
fn steps(between: &str) -> String {
    format!(
        "  - {{ id: stop, uses: systemd.stop, with: {{ unit: kd }}, {ALLOW} }}\n  \
         - {{ id: others, needs: [stop], uses: command.run, with: {{ run: [bash, -c, \"{between}\"], effects: {{ writes: [{{ path: /srv/seen }}] }}, \
         undo: {{ run: [/srv/others, /srv/seen-back] }} }} }}\n  \
         - {{ id: change, needs: [others], uses: file.write, with: {{ path: /srv/version, content: v2 }} }}\n"
    )
}

fn nobody_starts_it_while_the_plan_works(host: &Host) {
    plan(host, &steps("/srv/others /srv/seen"));
    let output = apply(host);
    assert_eq!(sh(host, "cat /srv/seen"), "inactive");
    assert_said(&output, 0, &["Done", "at the end kd.service was inactive"]);
    assert_eq!(is_active(host, "kd kd.socket"), "inactive\ninactive", "the plan says so");
    assert_eq!(sh(host, LEFT), "", "the hold ends with the run");
    sh(host, "systemctl start kd");
    assert_said(&run(host, &["rollback", "--yes"]), 0, &["kd.service"]);
    assert_eq!(is_active(host, "kd kd.socket"), "active\nactive");
}

fn nobody_starts_it_while_the_plan_is_taken_back(host: &Host) {
    plan(host, &(steps("/srv/others /srv/seen") + FAILS));
    assert_said(&apply(host), 3, &["kd.service runs again as before"]);
    assert_eq!(sh(host, "cat /srv/seen /srv/seen-back"), "inactive\ninactive");
    assert_eq!(is_active(host, "kd kd.socket"), "active\nactive");
    assert_eq!(sh(host, LEFT), "");
}

fn one_that_was_down_already(host: &Host) {
    sh(host, "systemctl stop kd.socket kd");
    plan(host, &steps("/srv/others /srv/seen"));
    assert_said(&apply(host), 0, &["Done"]);
    assert_eq!(sh(host, "cat /srv/seen"), "inactive");
    assert_eq!((is_active(host, "kd"), sh(host, LEFT)), ("inactive".to_owned(), String::new()));
    assert_said(&apply(host), 0, &["Nothing to do"][..0]);
    sh(host, "systemctl start kd");
    assert_said(&run(host, &["rollback", "--yes"]), 0, &["kd.service is down as before"]);
    assert_eq!(is_active(host, "kd"), "inactive");
}

/// Between the kill and the process that goes on, others had it up; while the run is at work again they have not.
fn a_run_that_was_killed(host: &Host) {
    for words in [["resume", "--yes"], ["rollback", "--yes"]] {
        stage(host);
        let once = "test -e /srv/go && exec /srv/others /srv/seen; touch /srv/go; kill -KILL $PPID; sleep 1000";
        plan(host, &steps(once));
        assert_ne!(apply(host).code, 0);
        sh(host, "systemctl start kd");
        let output = run(host, &words);
        if words[0] == "resume" {
            // What was under way cannot be told to be done or not, so it is taken back.
            assert_said(&output, 3, &[]);
        } else {
            assert_said(&output, 0, &[]);
        }
        assert_eq!(sh(host, "cat /srv/seen-back"), "inactive", "{words:?}");
        assert_eq!(is_active(host, "kd kd.socket"), "active\nactive");
        assert_eq!(sh(host, LEFT), "", "{words:?}");
    }
    // Closed by hand: nothing of the hold stays either.
    plan(host, &steps("kill -KILL $PPID; sleep 1000"));
    assert_ne!(apply(host).code, 0);
    assert_said(&run(host, &["recover", "--accept", "it is looked after"]), 0, &[]);
    sh(host, "systemctl start kd");
    assert_eq!(sh(host, LEFT), "");
}

fn an_instance_of_a_template(host: &Host) {
    host.write("/etc/systemd/system/many@.service", "[Service]\nExecStart=/bin/sleep infinity\n").unwrap();
    sh(host, "systemctl daemon-reload; systemctl start many@1 many@2");
    let start = "systemctl start many@1; systemctl is-active many@1 > /srv/seen; systemctl restart many@2";
    plan(host, &steps(start).replace("unit: kd", "unit: many@1"));
    assert_said(&apply(host), 0, &["at the end many@1.service was inactive"]);
    assert_eq!(sh(host, "cat /srv/seen"), "inactive");
    assert_eq!(is_active(host, "many@1 many@2"), "inactive\nactive", "the other instance is nobody's business");
    assert_eq!(sh(host, "find /run/systemd -name '*runbook*' ! -name '*runbook-agent-*'"), "");
    assert_said(&run(host, &["rollback", "--yes"]), 0, &["many@1.service"]);
    assert_eq!(is_active(host, "many@1"), "active");
}

/// It could not be started again: that is known before it is stopped.
fn one_that_is_masked_and_runs(host: &Host) {
    sh(host, "ln -sf /dev/null /etc/systemd/system/kd.service; systemctl daemon-reload");
    plan(host, &steps("true"));
    let output = apply(host);
    let active = is_active(host, "kd");
    sh(host, "rm /etc/systemd/system/kd.service; systemctl daemon-reload");
    assert_said(&output, 1, &["kd.service is masked"]);
    assert_eq!(active, "active");
}

fn what_is_said_of_it_was_read(host: &Host) {
    let start = "  - { id: start, needs: [change], uses: systemd.start, with: { unit: kd, settle: 100ms } }\n";
    let kills = "  - { id: kills, needs: [start], uses: command.run, with: { run: [systemctl, stop, kd.socket, kd], effects: { writes: [{ path: /srv/x }] }, undo: { run: [\"true\"] } } }\n";
    plan(host, &format!("{}{start}{kills}", steps("true")));
    assert_said(&apply(host), 0, &["at the end kd.service was inactive"]);
    let shown = run(host, &["show", "--format", "json"]);
    assert!(shown.stdout.contains("\"inactive\""), "{}", shown.stdout);
}

#[test]
fn what_a_boot_does_not_bring_back_is_up_after_recover() {
    let Some(lab) = Lab::for_test() else { return };
    let mut host = lab.boot("unboot").unwrap();
    set_up(&host);
    let gate = format!("  - {{ id: go, uses: gate.approve, with: {{ message: wait }} }}\n{}", steps("sleep infinity"));
    let gate = gate.replace("unit: kd }", "unit: kd }, needs: [go]");
    let early = "  - { id: first, uses: command.run, with: { run: [sleep, infinity], effects: { writes: [{ path: /srv/first }] }, undo: { run: [\"true\"] } } }\n";
    let early = early.to_owned() + &steps("true").replace("unit: kd }", "unit: kd }, needs: [first]");
    let began = "runbook status | grep -q 'runbook approve'";
    for (name, text, sign) in [
        ("untouched", gate.as_str(), began),
        ("before the stop", early.as_str(), "pgrep -fx 'sleep infinity' && runbook status | grep -q first"),
        ("stopped", &steps("sleep infinity"), "! systemctl is-active kd && pgrep -fx 'sleep infinity'"),
    ] {
        println!("{name}");
        stage(&host);
        plan(&host, text);
        let mut apply = host.command(["runbook", "apply", "/srv/plan.yaml", "--yes"]).unwrap().spawn().unwrap();
        host.wait_for(sign, Duration::from_secs(30)).unwrap();
        host.power_off_hard().unwrap();
        assert!(!apply.wait().unwrap().success());
        host.boot_again().unwrap();
        assert_eq!(is_active(&host, "kd kd.socket"), "inactive\ninactive", "{name}");
        assert_said(&run(&host, &["recover", "--boot"]), 0, &["kd.service"]);
        assert_eq!(is_active(&host, "kd kd.socket"), "active\nactive", "{name}");
    }
}

//! Whose a port is, with real programs: orphans outside of systemd, strangers, and probes that look elsewhere.

use crate::node::{boot, install_gateway, is_alive, last_read, stray, wait_for_port};
use crate::stage::{apply_steps, assert_said, change_and, print};
use crate::ways::runbook;
use runbook_model::{SignalRole, SignalVerdict};
use std::time::Duration;
use test_hosts::{Host, Lab};

const GATEWAY: &str = "/usr/local/bin/node /opt/gateway/index.mjs";

/// The verification of report 2, §12.1: the log, the state of the unit, whose the port is, and which version answers.
const VERIFY: &str = r#"
  - id: verify
    needs: [restart]
    uses: verify.signals
    with:
      unit: gateway
      within: 8s
      watch: 300ms
      signals:
        port: { port: 18789 }
        unit: { unit: gateway }
        version: { http: "http://127.0.0.1:18789/", match: "2 ", kind: functional }
        taken: { log_absent: already listening, kind: negative }
"#;

fn change(text: &str) -> String {
    format!("  - {{ id: change, uses: file.write, with: {{ path: /etc/gateway.conf, content: {text} }} }}\n")
}

/// What an operator started by hand over SSH and forgot; its number.
fn started_by_hand(lab: &Lab, host: &Host, port: u16) -> String {
    let (key, to) = (lab.ssh_key(), format!("root@{}", host.address()));
    let options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
    let start = format!("setsid {GATEWAY} {port} > /dev/null 2>&1 < /dev/null & echo $!");
    let ssh = ["ssh", "-q", "-i", key.to_str().unwrap()].into_iter().chain(options).chain([to.as_str(), &start]);
    host.wait_for("systemctl is-active -q ssh", Duration::from_secs(20)).unwrap();
    let pid = print(lab.run(ssh));
    wait_for_port(host, port);
    assert!(print(host.sh(&format!("cat /proc/{pid}/cgroup"))).contains("/session-"), "it is in a session");
    pid
}

fn main_pid(host: &Host, unit: &str) -> String {
    print(host.run(["systemctl", "show", unit, "--property=MainPID", "--value"]))
}

/// Report 2, §12.1, and §9 on the same host.
#[test]
fn the_port_belongs_to_whom_the_plan_means() {
    let Some(lab) = Lab::for_test() else { return };
    let Some(host) = boot(&lab, "orphans", "/usr/local") else { return };
    install_gateway(&host, "gateway", 18789, "");
    println!("an orphan holds the port");
    an_orphan_holds_the_port(&lab, &host);
    println!("strangers are left alone");
    strangers_are_left_alone(&host);
    println!("one of two that share a port");
    one_of_two_that_share_a_port(&host);
    println!("a probe that looks elsewhere");
    a_probe_that_looks_elsewhere(&host);
}

fn an_orphan_holds_the_port(lab: &Lab, host: &Host) {
    let orphan = started_by_hand(lab, host, 18789);
    let bystander = started_by_hand(lab, host, 18790);
    // The upgrade as it was done by hand: program and interpreter are new, and the unit was restarted.
    print(host.sh("cp /usr/local/bin/node /usr/local/bin/new && mv /usr/local/bin/new /usr/local/bin/node"));
    host.write("/opt/gateway/VERSION", "2\n").unwrap();
    print(host.run(["systemctl", "restart", "gateway"]));
    host.wait_for("journalctl -u gateway | grep -q 'already listening'", Duration::from_secs(20)).unwrap();
    assert_eq!(print(host.run(["systemctl", "is-active", "gateway"])), "active");
    assert!(print(host.sh(&format!("readlink /proc/{orphan}/exe"))).ends_with("(deleted)"));

    let restart = "  - { id: restart, needs: [change], uses: systemd.restart, with: { unit: gateway } }";
    let said = apply_steps(host, &(change("one") + restart + VERIFY));
    assert_said(
        &said,
        3,
        &[
            "1 of 4 blocking signals is red: `taken` (as before); not green yet: `port` (as before), `version` (as before)",
            "Rolled back",
        ],
    );
    let port = last_read(host, "port");
    assert_eq!(port.verdict, SignalVerdict::NotYet);
    assert_eq!(port.read, format!(":: is owned by pid {orphan} (openclaw-gateway, user 0)"));
    assert_eq!(last_read(host, "unit").verdict, SignalVerdict::Green, "what `systemctl is-active` says is no proof");
    assert!(is_alive(host, &orphan));

    // An orphan is reason enough to run the plan. In the file it is freed first; the rule puts that between stop and start.
    let narrow = "  - { id: free, uses: port.orphan-kill, with: { port: 18789, unit: gateway, expect: openclaw-gateway } }\n  \
        - { id: stop, uses: systemd.stop, with: { unit: gateway } }\n  \
        - { id: restart, uses: systemd.start, with: { unit: gateway } }";
    let said = apply_steps(host, &(narrow.to_owned() + VERIFY));
    assert_said(&said, 0, &[&format!("pid {orphan} ended, port 18789 is free")]);
    assert_said(&said, 0, &["gateway.service is down", "4 of 4 blocking signals are green"]);
    assert_eq!(last_read(host, "port").read, format!("owned by pid {}", main_pid(host, "gateway")));
    let at = |word: &str| said.stdout.rfind(word).unwrap();
    assert!(at("✓ stop") < at("✓ free") && at("✓ free") < at("✓ restart"), "{}", said.stdout);
    assert!(!is_alive(host, &orphan) && is_alive(host, &bystander), "only that process");
    print(host.run(["kill", &bystander]));
}

/// Frees port 18800 for the gateway's unit, or does not.
fn free(host: &Host, with: &str) -> test_hosts::Output {
    change_and(host, "free", "port.orphan-kill", &format!("port: 18800, {with}"))
}

fn strangers_are_left_alone(host: &Host) {
    const MINE: &str = "unit: gateway, expect: openclaw-gateway";
    let gateway = format!("{GATEWAY} 18800");
    print(host.sh("useradd joe && chmod -R a+rX /opt/gateway"));

    host.write("/opt/other.mjs", "import net from 'node:net'; net.createServer().listen(18800, '::');").unwrap();
    let other = stray(host, "root", "/usr/local/bin/node /opt/other.mjs", 18800);
    let held = format!("port 18800 belongs to pid {other} (/usr/local/bin/node /opt/other.mjs, user 0)");
    assert_said(&free(host, MINE), 1, &[&held, "which is not `openclaw-gateway`", "it was left alone"]);
    assert!(is_alive(host, &other));
    assert_said(&free(host, "unit: gateway, expect: /opt/other.mjs"), 0, &["port 18800 is free"]);
    assert!(!is_alive(host, &other));

    print(host.run(["systemd-run", "--unit=second", "/usr/local/bin/node", "/opt/gateway/index.mjs", "18800"]));
    wait_for_port(host, 18800);
    assert_said(
        &free(host, MINE),
        1,
        &["which belongs to second.service, and that is up", "stop second.service first"],
    );
    assert_eq!(print(host.run(["systemctl", "is-active", "second"])), "active");
    assert_said(&free(host, "unit: second, expect: openclaw-gateway"), 0, &["the service itself"]);
    print(host.run(["systemctl", "stop", "second"]));

    let joes = stray(host, "joe", &gateway, 18800);
    assert_said(&free(host, MINE), 1, &["and gateway.service as user 0", "name its user in `owner`"]);
    assert!(is_alive(host, &joes));
    assert_said(&free(host, &format!("{MINE}, owner: joe")), 0, &[&format!("pid {joes} ended")]);

    let contained = stray(host, "root", &format!("unshare --pid --fork {gateway}"), 18800);
    assert_said(&free(host, MINE), 1, &["which is in a container"]);
    assert!(is_alive(host, &contained));
    // The first process of a container is deaf to TERM.
    print(host.sh(&format!("pkill -KILL -P {contained}")));
    host.wait_for("! ss -Hltn sport = 18800 | grep -q .", Duration::from_secs(20)).unwrap();

    // Another network has ports of its own.
    let elsewhere = print(host.sh(&format!("setsid unshare --net {gateway} > /dev/null 2>&1 < /dev/null & echo $!")));
    host.wait_for(
        &format!("nsenter --net=/proc/{elsewhere}/ns/net ss -Hltn sport = 18800 | grep -q ."),
        Duration::from_secs(20),
    )
    .unwrap();
    assert_said(&free(host, MINE), 0, &["port 18800 is free"]);
    assert!(is_alive(host, &elsewhere));
    print(host.run(["kill", &elsewhere]));

    host.write("/etc/systemd/system/echo.socket", "[Socket]\nListenStream=18800\n").unwrap();
    host.write("/etc/systemd/system/echo.service", "[Service]\nExecStart=/bin/sleep 1000\n").unwrap();
    print(host.sh("systemctl daemon-reload && systemctl start echo.socket"));
    assert_said(&free(host, MINE), 1, &["belongs to pid 1", "which is systemd and listens for echo.socket"]);
    assert_said(&free(host, "unit: echo, expect: openclaw-gateway"), 0, &["the service itself"]);
    print(host.run(["systemctl", "stop", "echo.socket"]));

    assert_said(&free(host, "unit: gatewy, expect: node"), 1, &["there is no unit gatewy.service on this host"]);
}

fn one_of_two_that_share_a_port(host: &Host) {
    host.write("/opt/shared.mjs", include_str!("programs/shared.mjs")).unwrap();
    let parent = stray(host, "root", "/usr/local/bin/node /opt/shared.mjs 18800", 18800);
    let holders = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c \"socket:\\[$(ss -Hltne sport = 18800 | grep -o 'ino:[0-9]*' | cut -d: -f2)\\]\"";
    host.wait_for(&format!("test \"$({holders})\" = 2"), Duration::from_secs(20)).unwrap();
    let said = free(host, "unit: gateway, expect: shared.mjs");
    assert_said(&said, 0, &[&format!("pid {parent} and pid"), "ended, port 18800 is free"]);
    assert!(!is_alive(host, &parent));

    host.write("/opt/beside.pl", include_str!("programs/beside.pl")).unwrap();
    print(host.run(["systemd-run", "--unit=beside", "/usr/bin/perl", "/opt/beside.pl", "18800"]));
    wait_for_port(host, 18800);
    let orphan = stray(host, "root", "/usr/bin/perl /opt/beside.pl 18800", 18800);
    host.wait_for("test \"$(ss -Hltn sport = 18800 | wc -l)\" = 2", Duration::from_secs(20)).unwrap();
    let said = free(host, "unit: beside, expect: beside.pl");
    assert_said(&said, 0, &[&format!("pid {orphan} ended, port 18800 belongs to the service itself")]);
    assert!(!is_alive(host, &orphan));
    assert_eq!(print(host.run(["systemctl", "is-active", "beside"])), "active");
    print(host.run(["systemctl", "stop", "beside"]));
}

/// Report 2, §9: the gateway does not listen on loopback, where its own status command looks.
fn a_probe_that_looks_elsewhere(host: &Host) {
    let address = host.address().to_string();
    install_gateway(host, "bound", 18802, &address);
    print(host.run(["systemctl", "start", "bound"]));
    wait_for_port(host, 18802);
    let steps = r#"  - { id: restart, needs: [change], uses: systemd.restart, with: { unit: bound } }
  - id: verify
    needs: [restart]
    uses: verify.signals
    with:
      unit: bound
      within: 10s
      watch: 300ms
      signals:
        port: { port: 18802 }
        unit: { unit: bound }
        ready: { log: gateway ready 1, kind: functional }
        missing: { log_absent: Cannot find package, kind: negative }
        status: { command: [bash, -c, "echo > /dev/tcp/127.0.0.1/18802"], role: confirming }
"#;
    let said = apply_steps(host, &(change("bound") + steps));
    assert_said(&said, 0, &["Done"]);
    assert_eq!(last_read(host, "port").read, format!("owned by pid {}", main_pid(host, "bound")));
    let status = last_read(host, "status");
    assert_eq!((status.role, status.verdict), (SignalRole::Confirming, SignalVerdict::Red), "{status:?}");
    let row = |line: &str| ["status", "confirming", "red"].iter().all(|word| line.contains(word));
    let shown = print(Ok(runbook(host, &["show"])));
    assert!(shown.lines().any(row), "{shown}");
    assert_eq!(host.read("/etc/gateway.conf").unwrap(), "bound", "the run is kept");
}

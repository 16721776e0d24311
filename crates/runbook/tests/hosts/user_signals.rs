//! Signals of a unit that a user's own manager runs, read by that user.

use crate::node::{boot, read_after, wait_for_port};
use crate::stage::{assert_said, change_and, print};
use runbook_model::{Reading, SignalVerdict};
use std::time::Duration;
use test_hosts::{Host, Lab, Output};

const UNIT: &str = "[Service]\nExecStart=/usr/local/bin/node /opt/gateway/index.mjs 18789\n";

fn plan(release: &str) -> String {
    format!(
        r#"
kind: Plan
version: 1
name: gateway-of-a-user
steps:
  - {{ id: change, uses: file.write, with: {{ path: /home/ann/gateway/VERSION, content: "{release}" }} }}
  - {{ id: restart, needs: [change], uses: systemd.restart, with: {{ unit: gateway, user: true, settle: 200ms }} }}
  - id: verify
    needs: [restart]
    uses: verify.signals
    with:
      unit: gateway
      user: true
      within: 10s
      watch: 500ms
      signals:
        port: {{ port: 18789 }}
        unit: {{ unit: gateway }}
        ready: {{ log: gateway ready 2, kind: functional }}
        missing: {{ log_absent: Cannot find package, kind: negative }}
"#
    )
}

fn as_ann(host: &Host, script: &str) -> Output {
    host.run(["runuser", "-u", "ann", "--", "env", "-u", "XDG_RUNTIME_DIR", "sh", "-c", &format!("cd; {script}")])
        .unwrap()
}

fn apply_as_ann(host: &Host, plan: &str) -> Output {
    host.write("/srv/plan.yaml", plan).unwrap();
    as_ann(host, "runbook apply /srv/plan.yaml --yes")
}

fn last_read(host: &Host, signal: &str) -> Reading {
    read_after(&as_ann(host, "runbook show --format ndjson"), signal)
}

#[test]
fn a_user_verifies_a_unit_of_her_own() {
    let Some(lab) = Lab::for_test() else { return };
    let Some(host) = boot(&lab, "user", "/usr/local") else { return };
    print(host.sh("useradd --create-home --shell /bin/sh ann; loginctl enable-linger ann"));
    host.wait_for("test -S /run/user/$(id -u ann)/bus", Duration::from_secs(30)).unwrap();
    host.write("/home/ann/gateway/index.mjs", include_str!("programs/gateway.mjs")).unwrap();
    host.write("/home/ann/gateway/VERSION", "1").unwrap();
    host.write("/home/ann/.config/systemd/user/gateway.service", &UNIT.replace("/opt", "/home/ann")).unwrap();
    print(host.sh("chown -R ann: /home/ann"));
    let systemctl = "XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user";
    print(Ok(as_ann(&host, &format!("{systemctl} daemon-reload && {systemctl} start gateway"))));
    wait_for_port(&host, 18789);

    let said = apply_as_ann(&host, &plan("2"));
    let pid = print(Ok(as_ann(&host, &format!("{systemctl} show gateway --property=MainPID --value"))));
    assert_said(&said, 0, &["4 of 4 blocking signals are green", "Done"]);
    assert_eq!(last_read(&host, "port").read, format!("owned by pid {pid}"));
    assert_eq!(last_read(&host, "unit").read, format!("active (running), pid {pid}"));
    let place = last_read(&host, "ready").place.unwrap();
    assert!(place.starts_with("journal ") && place.ends_with(&format!(" pid {pid}")), "{place}");

    // The journal of the user decides: the release says that it cannot find a package.
    let said = apply_as_ann(&host, &plan("2, Cannot find package 'openclaw'"));
    assert_said(&said, 3, &["Rolled back"]);
    let missing = last_read(&host, "missing");
    assert!(
        missing.verdict == SignalVerdict::Red && missing.read.contains("Cannot find package 'openclaw'"),
        "{missing:?}"
    );
    assert_eq!(host.read("/home/ann/gateway/VERSION").unwrap(), "2");

    // Somebody else beside it.
    let stranger = host.address().to_string();
    let unit = UNIT.replace("/opt", "/home/ann").replace("18789", "18789 127.0.0.1");
    host.write("/home/ann/.config/systemd/user/gateway.service", &unit).unwrap();
    print(host.run([
        "systemd-run",
        "--unit=stranger",
        "/usr/local/bin/node",
        "/home/ann/gateway/index.mjs",
        "18790",
        &stranger,
    ]));
    wait_for_port(&host, 18790);
    let other = plan("2").replace("port: 18789", "port: 18790").replace("content: \"2\"", "content: \"2 \"");
    let said = apply_as_ann(&host, &other);
    assert_said(&said, 3, &["Rolled back"]);
    let port = last_read(&host, "port");
    assert!(port.verdict == SignalVerdict::Unread && port.read.contains("this user may not see"), "{port:?}");

    // To root, who is asked to free the port, it is a service of somebody.
    let free = "port: 18789, unit: stranger, expect: openclaw-gateway, owner: ann";
    let said = change_and(&host, "free", "port.orphan-kill", free);
    assert_said(&said, 1, &["which belongs to gateway.service of user", "and that is up"]);
    assert_eq!(print(Ok(as_ann(&host, &format!("{systemctl} is-active gateway")))), "active");
}

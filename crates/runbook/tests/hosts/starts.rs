//! Steps that start units and signals from the journal in one plan: what counts is what was written since the start.

use crate::stage::{install_runbook, print};
use crate::ways::runbook;
use serde_json::Value as Json;
use std::time::Duration;
use test_hosts::{Host, Lab};

/// Says what its mood is when it starts, and something that looks like the error when it goes.
const MOODY: &str = r#"#!/bin/bash
trap 'echo "Cannot find package, says the old one as it goes"; exit 0' TERM
exec 3<>/srv/pipe
[ "$(cat /srv/mood)" = good ] || echo "Cannot find package 'openclaw'"
echo "gateway ready"
while read -r line <&3; do :; done
"#;

/// How the new mood comes into force.
const RESTART: &str = "  - { id: restart, uses: systemd.restart, needs: [mood], with: { unit: moody } }\n";
const STOP_AND_START: &str = "  - { id: stop, uses: systemd.stop, with: { unit: moody } }\n  \
                              - { id: start, uses: systemd.start, needs: [mood, stop], with: { unit: moody } }\n";

fn plan(mood: &str, starts: &str) -> String {
    // A stop that nothing waits for serves nothing.
    let needs = if starts.contains("stop") { ", needs: [stop]" } else { "" };
    format!(
        "kind: Plan\nversion: 1\nname: moody\nsteps:\n  - {{ id: mood, uses: file.write, with: {{ path: /srv/mood, content: {mood} }}{needs} }}\n\
         {starts}  - id: verify\n    uses: verify.signals\n    with:\n      unit: moody\n      within: 10s\n      watch: 500ms\n      \
         signals:\n        ready: {{ log: gateway ready, kind: functional }}\n        \
         missing: {{ log_absent: Cannot find package, kind: negative }}\n        active: {{ unit: moody }}\n        \
         doctor: {{ command: [\"true\"], role: confirming }}\n"
    )
}

/// Puts a mood into force and waits until the unit has said so. What the old one says as it goes is in the journal before the
/// new one begins: of a start that is not its own `runbook` cannot tell whose such a line is.
fn stage(host: &Host, mood: &str) {
    host.write("/srv/mood", mood).unwrap();
    print(host.sh("systemctl stop moody && journalctl --sync && systemctl start moody"));
    let invocation =
        "journalctl _SYSTEMD_INVOCATION_ID=$(systemctl show moody -P InvocationID) | grep -q 'gateway ready'";
    host.wait_for(invocation, Duration::from_secs(20)).unwrap();
}

fn apply(host: &Host, plan: &str) -> (i32, Vec<Json>) {
    host.write("/srv/plan.yaml", plan).unwrap();
    let output = runbook(host, &["apply", "/srv/plan.yaml", "--yes", "--format", "ndjson"]);
    let events = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.code, events)
}

fn row<'a>(events: &'a [Json], event: &str, signal: &str) -> &'a Json {
    let found = events.iter().find(|found| found["event"] == event && found["step"] == "verify");
    let rows = found.unwrap_or_else(|| panic!("no {event} in {events:#?}"))["readings"].as_array().unwrap();
    rows.iter().find(|row| row["signal"] == signal).unwrap()
}

#[test]
fn what_the_old_process_said_is_not_what_the_new_one_says() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("starts").unwrap();
    install_runbook(&host);
    host.write("/usr/local/bin/moody", MOODY).unwrap();
    host.write("/etc/systemd/system/moody.service", "[Service]\nExecStart=/usr/local/bin/moody\n").unwrap();
    print(host.sh("chmod 755 /usr/local/bin/moody && mkfifo /srv/pipe && systemctl daemon-reload"));
    for starts in [RESTART, STOP_AND_START] {
        stage(&host, "bad");
        let (code, events) = apply(&host, &plan("good", starts));
        assert_eq!(code, 0, "{events:#?}");
        assert_eq!(row(&events, "baseline-taken", "missing")["verdict"], "red", "it had said so before");
        assert_eq!(row(&events, "step-finished", "missing")["read"], "0");
        assert_eq!(row(&events, "step-finished", "ready")["verdict"], "green");

        stage(&host, "good");
        let (code, events) = apply(&host, &plan("bad", starts));
        assert_eq!(code, 3, "{events:#?}");
        let missing = row(&events, "step-finished", "missing");
        assert_eq!(
            (&missing["verdict"], &missing["read"]),
            (&"red".into(), &"1 × \"Cannot find package 'openclaw'\"".into())
        );
        assert_eq!(row(&events, "rollback-verified", "missing")["verdict"], "green");
        assert_eq!(print(host.sh("cat /srv/mood; systemctl is-active moody")), "goodactive");
    }
    // The matrix of the last run, for people and as Markdown.
    let shown = print(Ok(runbook(&host, &["show"])));
    let report = print(Ok(runbook(&host, &["report"])));
    for words in ["missing", "0 ×", "blocking", "negative", "red", "confirming", "functional"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    for words in [
        "| missing | blocking | negative | green |",
        "| red | green |",
        "| doctor | confirming | health |",
        "| ready | blocking | functional |",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
}

//! Signals that are read from systemd: the journal, a unit, the owner of a port.

use crate::stage::{install_runbook, print};
use crate::told::Told;
use crate::ways;
use runbook_model::SignalVerdict;
use std::process::Stdio;
use std::time::Duration;
use test_hosts::{Host, Lab};

/// Says what it is told through a pipe, and something that looks like the error when it goes.
const TALK: &str = r#"#!/bin/bash
trap 'echo "Cannot find package, says the old one as it goes"; exit 0' TERM
exec 3<>/srv/talk
printf '\e[32mgateway\e[0m ready\n'
while read -r line <&3; do
    [ "$line" != die ] || exit 3
    echo "$line"
done
"#;

const UNIT: &str = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/usr/local/bin/talk\nRestart=on-failure\n\
                    RestartSec=50ms\n[Install]\nWantedBy=multi-user.target\n";

/// Changes a file, restarts the service and judges `signals`.
fn plan(with: &str, signals: &str) -> String {
    format!(
        r#"
kind: Plan
version: 1
name: talk
vars:
  text: {{ type: string }}
  dir: {{ type: path, default: /srv }}
  restart: {{ type: list, default: [systemctl, restart, talk.service] }}
steps:
  - id: write
    uses: file.write
    with: {{ path: "{{{{ vars.dir }}}}/file", content: "{{{{ vars.text }}}}" }}
  - id: restart
    needs: [write]
    uses: command.run
    with:
      run: "{{{{ vars.restart }}}}"
      effects: {{ writes: [{{ unit: talk.service }}] }}
      undo: {{ run: "{{{{ vars.restart }}}}" }}
  - id: verify
    needs: [restart]
    uses: verify.signals
    with:
      unit: talk
      {with}
      signals:
        works: {{ command: ["true"], kind: functional }}
        missing: {{ log_absent: Cannot find package, kind: negative }}
{signals}
"#
    )
}

/// A host on which the service runs.
fn talking(lab: &Lab) -> Host {
    let host = lab.boot("signals").unwrap();
    install_runbook(&host);
    host.write("/etc/systemd/system/talk.service", UNIT).unwrap();
    host.write("/usr/local/bin/talk", TALK).unwrap();
    print(
        host.sh("chmod 755 /usr/local/bin/talk && mkfifo /srv/talk && systemctl daemon-reload && systemctl start talk"),
    );
    host
}

/// Applies a plan; `meanwhile` happens once the verification has begun, which the signal `began` of the plan tells.
fn apply(host: &Host, text: &str, plan: &str, meanwhile: impl FnOnce(&Host)) -> Told {
    host.write("/srv/plan.yaml", plan).unwrap();
    print(host.sh("rm -f /srv/began"));
    let words = ["apply", "/srv/plan.yaml", "--yes", "--format", "ndjson", "--var", &format!("text={text}")];
    let run = ways::command(host, &words).stdout(Stdio::piped()).spawn().unwrap();
    if plan.contains("/srv/began") {
        host.wait_for("test -e /srv/began", Duration::from_secs(30)).unwrap();
    }
    meanwhile(host);
    let output = run.wait_with_output().unwrap();
    let code = output.status.code().unwrap();
    ways::ended(host, code);
    let text = String::from_utf8(output.stdout).unwrap();
    let events = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Told { events, code }
}

fn say(host: &Host, what: &str) {
    print(host.run(["sh", "-c", "echo \"$0\" > /srv/talk", what]));
}

fn pid(host: &Host, unit: &str) -> String {
    print(host.run(["systemctl", "show", unit, "--property=MainPID", "--value"]))
}

/// A signal that tells that the verification after the change has begun: before the change it is red.
fn began(text: &str) -> String {
    format!("        began: {{ command: [sh, -c, \"grep -qx {text} /srv/file && touch /srv/began\"] }}\n")
}

#[test]
fn the_journal_is_read_from_the_start_of_the_new_process_on() {
    let Some(lab) = Lab::for_test() else { return };
    let host = talking(&lab);
    say(&host, "Cannot find package, long before");
    let ready = "        ready: { log: gateway ready, kind: functional }\n";
    let quick = plan("within: 10s\n      watch: 300ms", &format!("{ready}        unit: {{ unit: talk.service }}\n"));

    let told = apply(&host, "one", &quick, |_| {});
    assert_eq!(told.verdict(), ("succeeded", 0), "{:#?}", told.events);
    let before = told.row("baseline-taken", "missing");
    assert!(before.verdict == SignalVerdict::Red && before.read.contains("long before"), "{before:?}");
    assert_eq!(told.row("baseline-taken", "ready").verdict, SignalVerdict::Green);
    assert_eq!((told.after("missing").verdict, told.after("missing").read.as_str()), (SignalVerdict::Green, "0"));
    let place = told.after("ready").place.unwrap();
    assert!(place.starts_with("journal ") && place.ends_with(&format!(" pid {}", pid(&host, "talk"))), "{place}");
    assert_eq!(told.after("unit").read, format!("active (running), pid {}", pid(&host, "talk")));

    // A line that comes while it is watched, and no sooner, ends the watch.
    let watched = plan("within: 30s\n      watch: 8s", &format!("{ready}{}", began("two")));
    let told = apply(&host, "two", &watched, |host| say(host, "Cannot find package 'openclaw'"));
    assert!(told.took_ms() < 8000, "what was written stays written, so nothing more is waited for");
    assert_eq!(told.after("missing").read, "1 × \"Cannot find package 'openclaw'\"");
    // Rolled back: the lines of the broken process are not those of the one that runs now.
    assert_eq!(told.row("rollback-verified", "missing").verdict, SignalVerdict::Green);
    assert_eq!(told.verdict(), ("rolled-back", 3));

    // Lines are counted across a rotation of the journal.
    let counting = "        thrice: { log: { text: again, count: 3 } }\n";
    let told = apply(
        &host,
        "three",
        &plan("within: 30s\n      watch: 100ms", &format!("{counting}{}", began("three"))),
        |host| {
            say(host, "again");
            print(host.run(["journalctl", "--rotate"]));
            say(host, "again");
            say(host, "again");
        },
    );
    assert_eq!(told.after("thrice").verdict, SignalVerdict::Green, "{:?}", told.after("thrice"));
    assert_eq!(told.verdict(), ("succeeded", 0));
}

#[test]
fn what_cannot_be_known_does_not_pass() {
    let Some(lab) = Lab::for_test() else { return };
    let host = talking(&lab);
    let told = apply(&host, "one", &plan("within: 30s\n      watch: 5s", &began("one")), |host| {
        print(host.sh("journalctl --rotate && journalctl --vacuum-files=1"));
    });
    let missing = told.after("missing");
    assert_eq!(missing.verdict, SignalVerdict::Unread, "{missing:?}");
    assert!(missing.read.contains("the journal was vacuumed since"), "{missing:?}");
    let failure = &told.events.iter().find(|event| event["step"] == "verify" && event["outcome"] == "failed").unwrap();
    assert_eq!(failure["kind"], "inconclusive", "{failure:#}");
    // The life after the rollback is in the journal from its start.
    assert_eq!(told.row("rollback-verified", "missing").verdict, SignalVerdict::Green);
    assert_eq!(told.verdict(), ("rolled-back", 3));

    // A unit that does not write to the journal at all is not silent; its file is the alternative. A file does not tell
    // whose last words it has, so here there are none.
    let elsewhere = "[Service]\nStandardOutput=append:/srv/log\nKillSignal=SIGKILL\n";
    host.write("/etc/systemd/system/talk.service.d/log.conf", elsewhere).unwrap();
    print(
        host.sh("systemctl daemon-reload && systemctl restart talk && echo 'Cannot find package, before' >> /srv/log"),
    );
    let missing = apply(&host, "two", &plan("within: 2s\n      watch: 100ms", ""), |_| {}).after("missing");
    assert!(missing.verdict == SignalVerdict::Unread && missing.read.contains("StandardOutput=append"), "{missing:?}");
    print(host.sh("rm /srv/log && systemctl restart talk"));
    let file = plan("within: 10s\n      watch: 3s\n      log: /srv/log", &began("three"));
    let told = apply(&host, "three", &file, |host| say(host, "Cannot find package 'openclaw'"));
    let missing = told.after("missing");
    assert_eq!(missing.place.as_deref().and_then(|place| place.split(':').next()), Some("/srv/log"), "{missing:?}");
    assert_eq!(told.row("rollback-verified", "missing").verdict, SignalVerdict::Green, "the broken life is over");
    assert_eq!(told.verdict(), ("rolled-back", 3));

    // A user who may not read the journal, nor see whose the port is.
    print(host.sh(
        "useradd --create-home joe && systemd-run --unit=door systemd-socket-activate -l 127.0.0.1:18789 /bin/cat",
    ));
    host.wait_for("ss -Hltn sport = 18789 | grep -q .", Duration::from_secs(20)).unwrap();
    host.write("/srv/plan.yaml", &plan("within: 2s\n      watch: 100ms", "        port: { port: 18789 }\n")).unwrap();
    let told = print(host.run([
        "sh",
        "-c",
        "cd /home/joe && setpriv --reuid=joe --regid=joe --clear-groups env HOME=/home/joe runbook apply /srv/plan.yaml \
         --yes --format ndjson --var text=x --var dir=/home/joe --var restart='[\"true\"]' || true",
    ]));
    let told = Told { events: told.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), code: 3 };
    for (signal, why) in [("missing", "this user may not read"), ("port", "this user may not see")] {
        let row = told.after(signal);
        assert!(row.verdict == SignalVerdict::Unread && row.read.contains(why), "{row:?}");
    }
    assert_eq!(told.verdict().0, "rolled-back");
}

#[test]
fn a_unit_must_stay_up_and_own_its_port() {
    let Some(lab) = Lab::for_test() else { return };
    let host = talking(&lab);
    let signals = format!("        unit: {{ unit: talk }}\n{}", began("one"));
    let told = apply(&host, "one", &plan("within: 30s\n      watch: 8s", &signals), |host| say(host, "die"));
    assert!(told.took_ms() < 8000, "a crash while it is watched decides");
    let unit = told.after("unit");
    assert!(unit.verdict == SignalVerdict::Red && unit.read.contains("restarted by systemd once"), "{unit:?}");
    assert_eq!(told.row("rollback-verified", "unit").verdict, SignalVerdict::Green);

    let door = "[Service]\nExecStart=/usr/bin/systemd-socket-activate -l 127.0.0.1:18789 -l [::1]:18789 /bin/cat\n";
    host.write("/etc/systemd/system/talk.service", door).unwrap();
    print(host.sh("systemctl daemon-reload && systemctl restart talk"));
    let with_port = plan("within: 10s\n      watch: 300ms", "        port: { port: 18789 }\n");
    let told = apply(&host, "two", &with_port, |_| {});
    assert_eq!(told.after("port").read, format!("owned by pid {}", pid(&host, "talk")));
    assert_eq!(told.verdict(), ("succeeded", 0));

    // Somebody else beside it: clients may reach either.
    print(host.sh("systemd-run --unit=stranger systemd-socket-activate -l 127.0.0.2:18789 /bin/cat"));
    host.wait_for("ss -Hltn src 127.0.0.2 | grep -q .", Duration::from_secs(20)).unwrap();
    let with_port = with_port.replace("within: 10s", "within: 1s");
    let told = apply(&host, "three", &with_port, |_| {});
    let stranger = pid(&host, "stranger");
    let port = told.after("port");
    assert!(
        port.read.starts_with(&format!("127.0.0.2 is owned by pid {stranger} (/usr/bin/systemd-socket-a")),
        "{port:?}"
    );
    assert_eq!((port.verdict, told.verdict().1), (SignalVerdict::Red, 3));

    print(host.sh(
        "systemctl stop stranger; sed -i 's/18789/18790/g' /etc/systemd/system/talk.service; systemctl daemon-reload",
    ));
    assert_eq!(apply(&host, "four", &with_port, |_| {}).after("port").read, "nobody listens");
}

/// What was sent to journald cannot be read while it is stopped, so nothing can be said of what was not there.
#[test]
fn a_journald_that_does_not_answer_is_not_waited_for_and_proves_nothing() {
    let Some(lab) = Lab::for_test() else { return };
    let host = talking(&lab);
    let stopping = plan("within: 1s\n      watch: 300ms", &began("one"))
        .replace("uses: verify.signals", "uses: verify.signals\n    on_failure: stop");
    let told = apply(&host, "one", &stopping, |host| {
        print(host.sh("kill -STOP $(systemctl show systemd-journald --property=MainPID --value)"));
    });
    print(host.sh("kill -CONT $(systemctl show systemd-journald --property=MainPID --value)"));
    assert_eq!(told.verdict(), ("stopped", 4), "{:#?}", told.events);
    assert!(format!("{:?}", told.events).contains("journald does not take in"), "{:#?}", told.events);
}

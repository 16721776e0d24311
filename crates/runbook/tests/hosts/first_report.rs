//! The day of the first field report, from the healthy old version to the accepted new one: one host, one test. The package, the
//! services around it and the plans are in `first_report/`; only the package's name is that of the real one, because Node's own
//! message about it is what the report quotes.

mod day;
mod gateway;

use crate::told::Told;
use crate::ways::{both_ways, is_afar};
use day::{Day, now_ms};
use gateway::{BROKEN, FIXED, OLD, SESSION, STATE, TRANSCRIPT};
use runbook_model::SignalVerdict::{Green, Red};
use test_hosts::{Lab, Node};

/// What each line of the report's checklist says, and a part of what proves it for the second attempt.
const EVIDENCE: [(&str, &str); 17] = [
    ("What was installed before", "OpenClaw 2026.4.15"),
    ("The way back", "undo data of 4 steps"),
    ("Configuration and state", "3 paths"),
    ("the changelog", "changelog for 2026.4.23"),
    ("the recent issues", "recent issues for 2026.4.23"),
    ("breaking changes", "breaking changes for 2026.4.23"),
    ("the pull requests", "pull requests about plugins for 2026.4.23"),
    ("A maintenance window", "UTC"),
    ("The update was installed", "openclaw 2026.4.23 installed"),
    ("Health was checked", "doctor is green"),
    ("The restart was confirmed", "openclaw.service is up"),
    ("The logs since the restart", "[slack\\] socket mode connected"),
    ("Each real flow", "whatsapp is green"),
    ("Known errors", "host-package is green: 0"),
    ("compared with the known issues", "recent issues for 2026.4.23"),
    ("It was decided", "went on: the evidence was as wanted"),
    ("The result is written down", "records of the journal"),
];

#[test]
fn the_day_of_the_first_report() {
    both_ways(the_day);
}

fn the_day() {
    let Some(lab) = Lab::for_test() else { return };
    let Some(node) = Node::for_test() else { return };
    let day = Day::begin(&lab, &node);
    println!("the first attempt: {OLD} → {BROKEN}");
    let before = day.program();
    let told = the_first_attempt(&day);
    the_evidence_decides(&told);
    assert_eq!(told.row("baseline-taken", "reply").verdict, Red, "it was late before");
    the_way_back_is_whole(&day, &before);
    println!("the pinned session");
    the_pinned_session_is_taken_out(&day);
    println!("the second attempt: {OLD} → {FIXED}");
    the_second_attempt(&day);
}

/// The network goes as soon as the new version is installed, so nothing that follows can use it.
fn the_first_attempt(day: &Day) -> Told {
    let mut cut_at = None;
    let told = std::thread::scope(|scope| {
        day.upgrade(BROKEN, |event| {
            if event["event"] == "step-finished" && event["step"] == "install" {
                day.host.cut_network().unwrap();
                cut_at = Some(now_ms());
                // A controller elsewhere hears of the end once the network is there again.
                if is_afar() {
                    scope.spawn(|| day.mend_the_network_after_the_run());
                }
            }
        })
    });
    assert_eq!(told.verdict(), ("rolled-back", 3), "{:#?}", told.events);
    assert!(told.event("rollback-started")["at"].as_i64() > cut_at, "{cut_at:?} {:#?}", told.events);
    assert!(is_afar() || !day.reaches_the_registry());
    told
}

/// Everything that looks at the service from outside is green, before and after. What uses it is red.
fn the_evidence_decides(told: &Told) {
    for signal in
        ["alive", "unit", "port", "ready", "doctor", "slack", "whatsapp", "connected", "host-package", "status"]
    {
        let before = told.row("baseline-taken", signal);
        assert_eq!(before.verdict, Green, "{before:?}");
        let back = told.row("rollback-verified", signal);
        assert_eq!(back.verdict, Green, "{back:?}");
    }
    for signal in ["alive", "unit", "port", "ready", "doctor", "status"] {
        assert_eq!(told.after(signal).verdict, Green, "{:?}", told.after(signal));
    }
    for (signal, why) in [
        ("slack", "nobody answers in slack"),
        ("whatsapp", "nobody answers in whatsapp"),
        ("host-package", "Cannot find package 'openclaw' imported from"),
    ] {
        let row = told.after(signal);
        assert!(row.verdict == Red && row.read.contains(why), "{row:?}");
    }
    assert_eq!(told.after("connected").verdict, Red);
}

/// The program is as it was, byte for byte. What the service wrote meanwhile is kept: state is not program.
fn the_way_back_is_whole(day: &Day, before: &str) {
    assert_eq!(day.program(), before);
    assert!(day.write_to("slack").contains(OLD));
    assert!(day.write_to("whatsapp").contains(OLD));
    let staged = format!("{STATE}/plugin-runtime-deps/openclaw-{BROKEN}/extensions/slack/index.mjs");
    day.sh(&format!("test -f {staged}"));
    let log = day.sh("journalctl --unit openclaw --output cat --no-pager");
    assert!(
        log.contains(&format!(
            "[slack] [default] channel exited: Cannot find package 'openclaw' imported from {staged}"
        ))
    );
    assert!(log.contains("[whatsapp] channel startup failed: Cannot find package 'openclaw' imported from"));
    let books = day.books();
    let by = |version: &str| books.matches(&format!("\"by\":\"{version}\"")).count();
    assert!(books.starts_with("{\"at\":") && by(OLD) > 0 && by(BROKEN) > 0, "{books}");

    let list = day.checklist();
    let signs: Vec<&str> = list.iter().map(|line| line.sign.as_str()).collect();
    assert_eq!(signs[..11], ["checked"; 11], "{list:#?}");
    assert!(list[0].evidence.contains(OLD), "{list:#?}");
    assert_eq!(signs[11..], ["**red**", "**red**", "**red**", "**missing**", "checked", "checked"], "{list:#?}");
    assert!(list[8].evidence.contains("taken back"), "{list:#?}");
    assert!(list[15].evidence.starts_with("rolled back, because `verify` failed"), "{list:#?}");
    day.mend_the_network();
}

/// The old version is well again, and one answer still comes too late: as late as before, so it is not the upgrade's fault.
fn the_pinned_session_is_taken_out(day: &Day) {
    let sessions = format!("{STATE}/agents/main/sessions");
    let told_late = day.sh("journalctl --unit openclaw --output cat --no-pager | grep -c 'from=google/' || true");
    assert_ne!(told_late, "0");
    let transcript = day.host.read(&format!("{sessions}/{TRANSCRIPT}.jsonl")).unwrap();
    let vars = [format!("session={SESSION}"), format!("transcript={TRANSCRIPT}")];
    let told = day.apply("unpin.yaml", &vars.each_ref().map(String::as_str), |_| {});
    assert_eq!(told.verdict(), ("succeeded", 0), "{:#?}", told.events);
    let late = told.row("baseline-taken", "reply");
    assert!(late.verdict == Red && late.read == "no end within 1s500ms", "{late:?}");
    assert!(
        told.place("stop") < told.place("unpin") && told.place("unpin") < told.place("start"),
        "{:#?}",
        told.events
    );
    assert_eq!(told.after("reply").verdict, Green);
    assert!(day.write_to("slack").contains("claude-haiku"));

    let kept = format!("{sessions}/{TRANSCRIPT}.jsonl.pinned");
    assert!(day.host.read(&kept).unwrap().starts_with(&transcript));
    day.sh(&format!("! test -e {sessions}/{TRANSCRIPT}.jsonl"));
    let index: serde_json::Value = serde_json::from_str(&day.sh("runuser -u openclaw -- openclaw sessions")).unwrap();
    assert!(index[SESSION].get("providerOverride").is_none() && index.as_object().unwrap().len() == 2, "{index}");
}

/// The same method with the next version: every line of the checklist has its evidence.
fn the_second_attempt(day: &Day) {
    let told = day.upgrade(FIXED, |_| {});
    assert_eq!(told.verdict(), ("succeeded", 0), "{:#?}", told.events);
    for channel in ["slack", "whatsapp"] {
        let answer = day.write_to(channel);
        assert!(answer.contains("claude-haiku") && answer.contains(FIXED), "{answer}");
    }
    let list = day.checklist();
    assert_eq!(list.len(), EVIDENCE.len());
    for (line, (says, evidence)) in list.iter().zip(EVIDENCE) {
        assert!(line.sign == "checked" && line.says.contains(says) && line.evidence.contains(evidence), "{line:?}");
    }
}

//! How often a verification asks: what acts on a service is not asked again and again, nor what there is nothing to compare with.

use crate::support::{Scratch, script};
use runbook_model::{FailureKind, SignalVerdict};
use serde_json::{Value as Json, json};

/// A script that writes a line into `name.tried` each time, and then does `text`.
fn counting(scratch: &Scratch, name: &str, text: &str) -> Json {
    let tried = scratch.path(&format!("{name}.tried")).display().to_string();
    script(&scratch.path(name), &format!("echo >> {tried}\n{text}\n"));
    json!([scratch.path(name)])
}

fn tries(scratch: &Scratch, name: &str) -> usize {
    std::fs::read_to_string(scratch.path(&format!("{name}.tried"))).unwrap_or_default().lines().count()
}

#[test]
fn what_acts_is_tried_once_or_as_often_as_the_plan_says() {
    for (more, expected) in [(json!({}), 1), (json!({ "attempts": 3 }), 3)] {
        let scratch = Scratch::new();
        let mut signal = json!({ "command": counting(&scratch, "send", "exit 1"), "kind": "functional" });
        signal.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let with = json!({ "within": "20s", "signals": { "reply": signal } });
        let failure = scratch.step("verify.signals", with).apply().unwrap_err();
        assert_eq!((failure.kind, tries(&scratch, "send")), (FailureKind::Failed, expected), "{failure:?}");
    }
    // One that only looks is read until it is green, whatever it is evidence of.
    let scratch = Scratch::new();
    let seen = scratch.path("look.tried").display().to_string();
    let look = counting(&scratch, "look", &format!("test $(wc -l < {seen}) -ge 2"));
    let with =
        json!({ "within": "20s", "signals": { "state": { "command": look, "kind": "functional", "acts": false } } });
    scratch.step("verify.signals", with).apply().unwrap();
    assert_eq!(tries(&scratch, "look"), 2);
}

#[test]
fn what_acts_waits_for_what_looks() {
    let scratch = Scratch::new();
    let up = scratch.path("up").display().to_string();
    let look = counting(&scratch, "look", &format!("test -e {up} || {{ touch {up}; exit 1; }}"));
    let send = counting(&scratch, "send", &format!("test $(wc -l < {}) -ge 2", scratch.path("look.tried").display()));
    let signals = json!({
        "reply": { "command": send, "kind": "functional" },
        "ready": { "command": look },
    });
    scratch.step("verify.signals", json!({ "within": "20s", "signals": signals })).apply().unwrap();
    assert_eq!(tries(&scratch, "send"), 1, "sent when the service was ready, and not before");
}

#[test]
fn what_has_nothing_to_compare_with_is_read_once_on_the_way_back() {
    let scratch = Scratch::new();
    let signals = json!({
        "never": { "command": counting(&scratch, "never", "exit 1") },
        "send": { "command": counting(&scratch, "send", "exit 1"), "kind": "functional" },
    });
    let with = json!({ "within": "60s", "signals": signals });
    // Without a baseline.
    let verify = scratch.step("verify.signals", with.clone());
    let rows = verify.with(i64::MAX, |step, work| step.verification().unwrap().verify_rollback(work)).unwrap();
    assert!(rows.iter().all(|row| row.verdict == SignalVerdict::Red), "{rows:#?}");
    assert_eq!([tries(&scratch, "never"), tries(&scratch, "send")], [1, 1]);
    // Both were red before the change.
    let mut verify = scratch.step("verify.signals", with);
    verify.take_baseline();
    verify.with(i64::MAX, |step, work| step.verification().unwrap().verify_rollback(work)).unwrap();
    assert_eq!([tries(&scratch, "never"), tries(&scratch, "send")], [3, 3]);
}

#[test]
fn not_yet_is_no_red() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("app.log"), "").unwrap();
    let signals = json!({
        "slack": { "log": "[slack] connected", "kind": "functional" },
        "reply": { "command": ["true"], "kind": "functional" },
        "missing": { "log_absent": "Cannot find package", "kind": "negative", "watch": "1s" },
    });
    let with = json!({ "within": "60s", "log": "app.log", "signals": signals });
    let mut verify = scratch.step("verify.signals", with);
    verify.take_baseline();
    let long = format!("{} Cannot find package 'openclaw' imported from /srv/a.js\n", "x".repeat(200));
    std::fs::write(scratch.path("app.log"), &long).unwrap();
    let failure = verify.apply().unwrap_err();
    let message = "1 of 3 blocking signals is red: `missing`; not green yet: `reply`, `slack`";
    assert_eq!(failure.message, message);
    assert_eq!(verify.row("slack").verdict, SignalVerdict::NotYet);
    assert_eq!(verify.row("reply").verdict, SignalVerdict::NotYet);
    let missing = verify.row("missing");
    assert!(missing.read.contains("Cannot find package 'openclaw' imported from /srv/a.js"), "{missing:?}");
    assert_eq!(missing.whole.as_deref(), Some(long.trim()));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let scratch = Scratch::new();
    for (signal, why) in [
        (json!({ "command": ["x"], "attempts": 2 }), "it only looks"),
        (json!({ "command": ["x"], "kind": "functional", "attempts": 0 }), "never tried"),
        (json!({ "command": ["x"], "kind": "functional", "watch": "1s" }), "cannot be watched"),
        (json!({ "port": 1, "acts": true }), "has no `acts`"),
    ] {
        let faults = scratch.faults("verify.signals", json!({ "process": "p", "signals": { "a": signal.clone() } }));
        assert!(faults.iter().any(|fault| fault.message.contains(why)), "{signal}: {faults:#?}");
    }
}

#[test]
fn a_list_of_texts_means_each_of_them_and_none_of_them() {
    let scratch = Scratch::new();
    let log = scratch.path("app.log");
    let with = json!({ "within": "300ms", "log": log, "signals": {
        "channels": { "log": ["slack up", "whatsapp up"], "kind": "functional" },
        "known": { "log_absent": ["Cannot find", "is not a function"], "kind": "negative", "watch": "50ms" },
    } });
    for (text, red) in [
        ("slack up\nwhatsapp up\n", None),
        ("whatsapp up\n", Some(("channels", "1 of 2; no line with \"slack up\""))),
        ("slack up\nwhatsapp up\nx is not a function\n", Some(("known", "1 × \"x is not a function\""))),
    ] {
        std::fs::write(&log, "").unwrap();
        let mut verify = scratch.step("verify.signals", with.clone());
        verify.take_baseline();
        std::fs::write(&log, text).unwrap();
        let found = verify.apply();
        assert_eq!(found.is_err(), red.is_some(), "{text}: {found:?}");
        if let Some((signal, read)) = red {
            assert_eq!((verify.row(signal).verdict, verify.row(signal).read.as_str()), (SignalVerdict::Red, read));
        }
    }
    let faults = scratch.faults("verify.signals", json!({ "process": "p", "signals": { "a": { "log": [] } } }));
    assert!(faults.iter().any(|fault| fault.message.contains("empty list")), "{faults:#?}");
}

#[test]
fn a_version_that_is_to_come_is_no_old_fault() {
    let scratch = Scratch::new();
    let with = json!({ "within": "1s", "signals": {
        "version": { "command": ["echo", "2026.4.15"], "match": "2026.4.22" },
        "flow": { "command": ["echo", "down"], "match": "up", "kind": "functional" },
        "alive": { "command": ["false"], "match": "x" },
    } });
    let before = scratch.step("verify.signals", with).take_baseline();
    let verdict = |name: &str| before.iter().find(|row| row.signal == name).unwrap().verdict;
    assert_eq!(
        ["version", "flow", "alive"].map(verdict),
        [SignalVerdict::NotYet, SignalVerdict::Red, SignalVerdict::Red]
    );
}

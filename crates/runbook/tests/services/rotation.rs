//! Logs that are rotated or written anew between the position and the verification: an error is found, or nothing is
//! said about its absence.

use crate::support::{OneStep, Scratch};
use runbook_model::FailureKind;
use serde_json::json;
use std::fs;

/// A place in a file of the scratch directory.
fn at(scratch: &Scratch, place: &str) -> String {
    scratch.path(place).display().to_string()
}

fn verify(scratch: &Scratch) -> OneStep<'_> {
    let mut verify = scratch.step(
        "verify.signals",
        json!({
            "within": "2s", "log": "app.log",
            "signals": {
                "ready": { "log": "ready" },
                "missing": { "log_absent": "Cannot find package", "kind": "negative", "watch": "10ms" },
            }
        }),
    );
    verify.take_baseline();
    verify
}

#[test]
fn a_log_that_was_written_anew_and_is_longer_by_now_is_noticed() {
    let scratch = Scratch::new();
    fs::write(scratch.path("app.log"), "an old line\n").unwrap();
    let mut first = verify(&scratch);
    let padding = "x".repeat(200);
    fs::write(scratch.path("app.log"), format!("Cannot find package foo\n{padding}\nready\n")).unwrap();
    let failure = first.apply().unwrap_err();
    assert_eq!(failure.message, "1 of 2 blocking signals is red: `missing`");
    assert_eq!(first.row("missing").place, Some(at(&scratch, "app.log:1")));
    // Where the error was overwritten, its absence now proves nothing.
    let mut second = verify(&scratch);
    fs::write(scratch.path("app.log"), format!("{padding}{padding}\nready\n")).unwrap();
    let failure = second.apply().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Inconclusive);
    assert!(failure.detail.contains("was truncated"), "{failure:?}");
}

#[test]
fn every_file_between_the_position_and_the_log_of_now_is_read() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path(name);
    for (name, text) in [("app.log.3", "Cannot find package old\n"), ("app.log", "an old line\n")] {
        fs::write(path(name), text).unwrap();
    }
    // Two files of one moment would both be read, to miss nothing.
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::options().append(true).open(path("app.log.3")).unwrap().set_modified(hour_ago).unwrap();
    let mut verify = verify(&scratch);
    fs::rename(path("app.log"), path("app.log.1")).unwrap();
    fs::write(path("app.log"), "fine\nCannot find package foo\n").unwrap();
    fs::write(path("app.log.lock"), "Cannot find package in what is no log\n").unwrap();
    fs::rename(path("app.log.1"), path("app.log.2")).unwrap();
    fs::rename(path("app.log"), path("app.log.1")).unwrap();
    fs::write(path("app.log"), "ready\n").unwrap();
    verify.apply().unwrap_err();
    let missing = verify.row("missing");
    assert_eq!(
        (missing.place.clone(), missing.read.as_str()),
        (Some(at(&scratch, "app.log.1:2")), "1 × \"Cannot find package foo\"")
    );
}

#[test]
fn a_file_in_between_that_is_compressed_proves_no_absence() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path(name);
    fs::write(path("app.log"), "an old line\n").unwrap();
    let mut verify = verify(&scratch);
    fs::rename(path("app.log"), path("app.log.2")).unwrap();
    fs::write(path("app.log.1.gz"), "compressed").unwrap();
    fs::write(path("app.log"), "ready\n").unwrap();
    let failure = verify.apply().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Inconclusive);
    assert!(failure.detail.contains("was rotated and compressed"), "{failure:?}");
}

/// The lines before the position are counted once and not in every round, and not at all in a log of this length.
#[test]
fn a_long_log_does_not_hold_up_the_rounds() {
    let scratch = Scratch::new();
    let file = fs::File::create(scratch.path("app.log")).unwrap();
    file.set_len(3 << 30).unwrap();
    let mut verify = verify(&scratch);
    let mut text = fs::OpenOptions::new().append(true).open(scratch.path("app.log")).unwrap();
    std::io::Write::write_all(&mut text, b"\nready\n").unwrap();
    let begin = std::time::Instant::now();
    verify.apply().unwrap();
    assert!(begin.elapsed() < std::time::Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(verify.row("ready").place, Some(at(&scratch, "app.log, byte 3221225473")));
}

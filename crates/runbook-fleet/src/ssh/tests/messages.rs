//! How failures are told. What each test of them made happen is a snapshot.

use super::super::{Reason, Unreachable};
use std::time::Duration;

/// The message, what was said beside it, and the hint.
pub(super) fn told(error: &Unreachable) -> String {
    let said: String = error.said.lines().map(|line| format!("\n  said: {line}")).collect();
    format!("{error}{said}\n  hint: {}", error.hint())
}

/// The same where no two runs give other addresses, directories and keys.
pub(super) fn scrubbed(error: &Unreachable, dir: &str) -> String {
    let word = |word: &str| match word {
        word if word.starts_with("SHA256:") => "SHA256:…".to_owned(),
        word if word.contains("10.77.0.") => {
            word.split("10.77.0.").collect::<Vec<_>>().join("ADDRESS").replace(|c: char| c.is_ascii_digit(), "")
        }
        word => word.replace(dir, "DIR"),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    told(error).lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_no_host_can_be_brought_to_is_told_as_well() {
    let reasons = [
        Reason::NoTurn(Duration::from_secs(600)),
        Reason::Protocol { there: "2 to 3".to_owned(), ours: "1".to_owned() },
        Reason::ClockSkew { off: Duration::from_secs(95), ahead: true, allowed: Duration::from_secs(30) },
        Reason::ClockSkew { off: Duration::from_secs(7200), ahead: false, allowed: Duration::from_secs(30) },
        Reason::Agent("/nowhere/runbook".to_owned(), "it became shorter".to_owned()),
        Reason::Ended,
    ];
    let told = reasons.map(|reason| {
        told(&Unreachable { host: "vm-a".into(), tried: "ssh ops@192.0.2.7".into(), reason, said: String::new() })
    });
    insta::assert_snapshot!("values", told.join("\n\n"));
}

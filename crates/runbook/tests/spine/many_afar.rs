//! Commands that only read ask several hosts at the same time, and say in order which host each row is about.

use crate::bench::{Bench, Said, said};
use crate::far::Far;
use serde_json::Value;

fn far() -> Far {
    let bench = Bench::new("");
    let note = bench.path("note").display().to_string();
    bench.plan(&format!("  - {{ id: note, uses: file.write, with: {{ path: {note}, content: new }} }}\n"));
    Far::with(bench)
}

fn on_both(far: &Far, args: &[&str]) -> Said {
    said(far.command(args).args(["--hosts", "far,too"]))
}

/// The host that each row names.
fn named(rows: &str) -> Vec<String> {
    let host = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        row["on"].as_str().unwrap_or_else(|| panic!("no host: {line}")).to_owned()
    };
    rows.lines().map(host).collect()
}

#[test]
fn each_row_says_which_host_it_is_about() {
    let far = far();
    let applied = on_both(&far, &["apply", "plan.yaml", "--yes", "--format", "ndjson"]).ends(0);
    let (first, second): (Vec<_>, Vec<_>) = named(&applied.out).into_iter().partition(|on| on == "far");
    assert!(first.len() > 3 && !second.is_empty() && second.iter().all(|on| on == "too"), "{}", applied.out);
    for args in [
        vec!["status"],
        vec!["history"],
        vec!["show"],
        vec!["report"],
        vec!["plan", "plan.yaml"],
        vec!["check", "no-such-plan.yaml"],
        vec!["show", "no-such-run"],
    ] {
        let told = on_both(&far, &[&args[..], &["--format", "ndjson"]].concat());
        let mut named = named(&told.out);
        named.dedup();
        assert_eq!(named, ["far", "too"], "{args:?}: {}{}", told.out, told.err);
        let alone = far.run(&[&args[..], &["--format", "ndjson"]].concat());
        assert!(!alone.out.contains("\"on\":"), "{args:?}: {}", alone.out);
    }
    let read = on_both(&far, &["history"]);
    let order = ["== far", "spine", "== too", "spine"]
        .iter()
        .try_fold(0, |at, part| read.out.get(at..).and_then(|rest| rest.find(part)).map(|found| at + found));
    assert!(order.is_some(), "{}", read.out);
}

/// A link that is there only once two are wanted at the same time.
const TWO: &str = r#"#!/bin/sh
[ "$1" != -G ] || { echo hostname far; exit 0; }
for last; do :; done
here=$(dirname "$0")
mkdir -p "$here/calls" && : > "$here/calls/$$"
for try in $(seq 100); do
    set -- "$here"/calls/*
    [ $# -lt 2 ] || exec env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin USER=root sh -c "$last"
    sleep 0.1
done
echo "nobody else calls" >&2
exit 255
"#;

#[test]
fn hosts_are_asked_at_the_same_time() {
    let far = far();
    far.run(&["apply", "plan.yaml", "--yes"]).ends(0);
    far.0.write("ssh", TWO);
    on_both(&far, &["status", "--forks", "2"]).ends(0);
}

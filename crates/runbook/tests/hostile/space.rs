//! Full disks: no room for the backup, the journal, undo data, the change itself, or the way back.
//!
//! Disks are small tmpfs mounts in a mount namespace of their own, so nothing is left mounted.

use crate::bench::{Bench, RUNBOOK, said};
use std::fs;
use std::io::Read;

/// Runs `script` in its own mount namespace; `$RUNBOOK` is the binary. As root only.
fn alone(bench: &Bench, script: &str) -> crate::bench::Said {
    let mut command = bench.command_of("unshare", &["--mount", "sh", "-euc", script]);
    command.env("RUNBOOK", RUNBOOK);
    said(command)
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        test_rules::skip("mounting a small disk needs root");
    }
    root
}

const BIG: &str = "\
steps:
  - { id: first, uses: file.write, with: { path: HOST/../other/first, content: new } }
  - { id: backup, uses: backup.create, needs: [first], with: { paths: [HOST/data] } }
  - { id: change, uses: file.remove, needs: [backup], with: { path: HOST/data } }
";

/// A plan that changes something, then backs `host/data` up, then removes it.
fn furnished() -> (Bench, String) {
    let bench = Bench::new();
    bench.write("other/first", "old");
    // Cannot be compressed.
    let mut noise = Vec::new();
    fs::File::open("/dev/urandom").unwrap().take(400_000).read_to_end(&mut noise).unwrap();
    bench.write("host/data/noise", noise);
    let plan = bench.plan("big", BIG);
    (bench, plan)
}

#[test]
fn no_room_for_a_backup_is_found_before_anything_is_removed() {
    if !is_root() {
        return;
    }
    let (bench, plan) = furnished();
    let before = bench.picture("host");
    // Room for the journal, none for the backup.
    alone(
        &bench,
        &format!(
            "mkdir state; mount -t tmpfs -o size=300k,mode=0700 none state; rc=0; $RUNBOOK apply {plan} --yes || rc=$?; \
         $RUNBOOK status; $RUNBOOK history; exit $rc"
        ),
    )
    .expect(3)
    .says(&["backup", "no space left", "Rolled back"]);
    assert!(before == bench.picture("host"));
    assert_eq!(fs::read_to_string(bench.path("other/first")).unwrap(), "old");
}

#[test]
fn no_room_for_the_journal_starts_nothing() {
    if !is_root() {
        return;
    }
    let (bench, plan) = furnished();
    let before = (bench.picture("host"), bench.picture("other"));
    alone(
        &bench,
        &format!("mkdir state; mount -t tmpfs -o size=16k,mode=0700 none state; $RUNBOOK apply {plan} --yes"),
    )
    .expect(1)
    .says(&["the journal", "no space left", "nothing was changed"]);
    assert!(before == (bench.picture("host"), bench.picture("other")));
}

#[test]
fn a_journal_that_fills_up_half_way_stops_and_can_be_taken_back() {
    if !is_root() {
        return;
    }
    let bench = Bench::new();
    bench.write("host/a", "old");
    let filler = bench.path("state/filler");
    let plan = bench.plan(
        "half",
        &format!(
            "steps:\n  - {{ id: a, uses: file.write, with: {{ path: HOST/a, content: new }} }}\n  \
             - id: fill\n    uses: command.run\n    needs: [a]\n    with:\n      \
             run: [sh, -c, \"cat /dev/zero > {0} 2>/dev/null || true\"]\n      \
             effects: {{ writes: [{{ path: {0} }}] }}\n      undo: {{ run: [rm, -f, {0}] }}\n  \
             - {{ id: b, uses: file.write, needs: [fill], with: {{ path: HOST/b, content: new }} }}\n",
            filler.display()
        ),
    );
    alone(&bench, &format!(
        "mkdir state; mount -t tmpfs -o size=600k,mode=0700 none state; rc=0; $RUNBOOK apply {plan} --yes || rc=$?; echo \"first $rc\"; \
         $RUNBOOK status || true; rm -f state/filler; rc=0; $RUNBOOK rollback --yes || rc=$?; echo \"then $rc\"; $RUNBOOK history"
    ))
    .expect(0)
    .says(&["first 4", "cannot be written", "runbook resume", "then 0"]);
    assert_eq!(fs::read_to_string(bench.host("a")).unwrap(), "old");
    assert!(!bench.host("b").exists(), "nothing was started after the journal failed");
}

#[test]
fn no_room_for_the_change_leaves_the_old_file_whole() {
    if !is_root() {
        return;
    }
    let bench = Bench::new();
    let content = "x".repeat(60_000);
    let plan = bench.plan(
        "full",
        &format!(
            "steps:\n  - {{ id: first, uses: file.write, with: {{ path: HOST/first, content: new }} }}\n  \
             - {{ id: large, uses: file.write, needs: [first], with: {{ path: HOST/large, content: \"{content}\" }} }}\n"
        ),
    );
    alone(
        &bench,
        &format!(
            "mount -t tmpfs -o size=64k none host; echo old > host/first; echo old > host/large; \
         head -c 12000 /dev/zero > host/ballast; ls -a host > before; \
         rc=0; $RUNBOOK apply {plan} --yes || rc=$?; cat host/first host/large; ls -a host | diff before -; exit $rc"
        ),
    )
    .expect(3)
    .says(&["no space left", "large", "old\nold\n", "Rolled back"]);
}

#[test]
fn no_room_for_the_way_back_is_stuck_until_there_is() {
    if !is_root() {
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan(
        "stuck",
        "steps:\n  - { id: backup, uses: backup.create, with: { paths: [HOST/data] } }\n  \
         - { id: remove, uses: file.remove, with: { path: HOST/data } }\n  \
         - id: fill\n    uses: command.run\n    needs: [remove]\n    with:\n      \
         run: [sh, -c, \"cat /dev/zero > HOST/filler 2>/dev/null; exit 1\"]\n      \
         effects: { writes: [{ path: HOST/filler }] }\n      undo: { run: [\"true\"] }\n",
    );
    alone(&bench, &format!(
        "mount -t tmpfs -o size=1m none host; mkdir host/data; head -c 500000 /dev/urandom > host/data/noise; \
         cksum host/data/noise > before; rc=0; $RUNBOOK apply {plan} --yes || rc=$?; echo \"first $rc\"; \
         rc=0; $RUNBOOK apply {plan} --yes || rc=$?; echo \"again $rc\"; \
         rm host/filler; rc=0; $RUNBOOK rollback --yes || rc=$?; echo \"then $rc\"; cksum host/data/noise | diff before - && echo same"
    ))
    .expect(0)
    .says(&["first 5", "no space left", "again 6", "is stuck", "then 0", "same"]);
}

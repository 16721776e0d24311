//! The journal may be lost, but never quietly: damage of every sort, through the commands that a person would type.

use crate::bench::{Bench, RUNBOOK, Said, said};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Four files, each after the other.
const CHAIN: &str = "\
steps:
  - { id: a, uses: file.write, with: { path: HOST/a, content: new } }
  - { id: b, uses: file.write, needs: [a], with: { path: HOST/b, content: new } }
  - { id: c, uses: file.write, needs: [b], with: { path: HOST/c, content: new } }
  - { id: d, uses: file.write, needs: [c], with: { path: HOST/d, content: new } }
";

/// Words that nobody may read who stands before a half-changed host.
const FALSE: &[&str] =
    &["No runs", "as it was", "Every change was taken back", "no run is open", "nothing to take back"];

/// A host on which a run was killed after it had changed all but the last file.
fn crashed() -> (Bench, String) {
    let bench = Bench::new();
    ["a", "b", "c", "d"].iter().for_each(|name| drop(bench.write(&format!("host/{name}"), "old")));
    let plan = bench.plan("chain", CHAIN);
    // Begin, four predictions; then begun, intended, done for each.
    bench.kill_at(&plan, 5 + 9);
    assert_eq!(now(&bench), ["new", "new", "new", "old"]);
    (bench, plan)
}

fn now(bench: &Bench) -> [String; 4] {
    ["a", "b", "c", "d"].map(|name| fs::read_to_string(bench.host(name)).unwrap())
}

/// Every command says that something was lost; none of them acts.
fn is_told(bench: &Bench, plan: &str, words: &[&str]) {
    let before = bench.picture("host");
    for (code, args) in [
        (5, &["status"][..]),
        (5, &["status", "--format", "json"]),
        (5, &["history"]),
        (5, &["recover", "--boot"]),
        (5, &["resume", "--yes"]),
        (5, &["rollback", "--yes"]),
        (5, &["backup", "prune"]),
        (6, &["apply", plan, "--yes"]),
    ] {
        let said = bench.expect(code, args).never_says(FALSE);
        if !args.contains(&"json") {
            said.says(words);
        }
    }
    bench.expect(0, &["apply", plan, "--dry-run"]).says(&words[..1]);
    assert!(before == bench.picture("host"));
}

fn accept(bench: &Bench) -> Said {
    bench.expect(0, &["recover", "--accept", "looked at every file"])
}

#[test]
fn a_journal_that_is_gone_is_not_a_host_without_runs() {
    let (bench, plan) = crashed();
    for file in ["journal.db", "journal.db-wal"] {
        fs::remove_file(bench.state().join(file)).unwrap();
    }
    is_told(&bench, &plan, &["the journal knows nothing of run", "recover --accept"]);
    accept(&bench).says(&["looked at every file"]);
    bench.expect(0, &["status"]);
    bench.expect(0, &["apply", &plan, "--yes"]);
    bench.expect(0, &["rollback", "--yes"]);
    assert_eq!(now(&bench), ["new", "new", "new", "old"], "what was accepted is where the next run began");
}

#[test]
fn a_journal_that_is_no_journal_any_more_is_told() {
    type Damage<'a> = (&'a str, &'a dyn Fn(&Bench));
    let damages: &[Damage<'_>] = &[
        ("cut", &|bench| cut(bench, "journal.db", 100)),
        ("empty", &|bench| cut(bench, "journal.db", 0)),
        ("cut to half", &|bench| cut(bench, "journal.db", 8192)),
        ("other", &|bench| drop(bench.write("state/journal.db", "my diary"))),
        ("directory", &|bench| {
            fs::remove_file(bench.state().join("journal.db")).unwrap();
            fs::create_dir(bench.state().join("journal.db")).unwrap();
        }),
    ];
    for (name, damage) in damages {
        println!("{name}");
        let (bench, plan) = crashed();
        settle_log(&bench);
        damage(&bench);
        is_told(&bench, &plan, &["the journal does not hold all that happened"]);
        accept(&bench);
        bench.expect(0, &["status"]);
        bench.expect(0, &["apply", &plan, "--yes"]);
    }
}

/// Moves the log into the database, as a writer that leaves does.
fn settle_log(bench: &Bench) {
    drop(runbook_journal::Journal::open(&runbook_journal::StateDir::at(bench.state())).unwrap());
}

fn cut(bench: &Bench, name: &str, size: u64) {
    fs::OpenOptions::new().write(true).open(bench.state().join(name)).unwrap().set_len(size).unwrap();
}

#[test]
fn a_journal_that_may_not_be_read_is_told() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("root becomes another user here");
        return;
    }
    let (bench, _) = crashed();
    fs::copy(RUNBOOK, bench.path("runbook")).unwrap();
    let binary = bench.path("runbook");
    let who = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--", binary.to_str().unwrap()];
    let look = |code: i32| {
        for args in [&["status"][..], &["history"], &["recover", "--boot"]] {
            let said = said(bench.command_of("setpriv", &[&who[..], args].concat()));
            said.expect(code).never_says(FALSE).says(&["Permission"]);
        }
    };
    // A directory of root, for somebody else.
    look(1);
    fs::set_permissions(bench.state(), fs::Permissions::from_mode(0o755)).unwrap();
    look(5);
}

#[test]
fn an_older_copy_of_the_journal_is_told() {
    let bench = Bench::new();
    ["a", "b", "c", "d"].iter().for_each(|name| drop(bench.write(&format!("host/{name}"), "old")));
    let plan = bench.plan("chain", CHAIN);
    bench.expect(0, &["apply", &plan, "--yes"]);
    let database = bench.state().join("journal.db");
    let older = fs::read(&database).unwrap();
    bench.expect(0, &["rollback", "--yes"]);
    fs::write(&database, &older).unwrap();
    is_told(&bench, &plan, &["the journal lost records"]);
    accept(&bench);
    bench.expect(0, &["status"]);
}

/// The log cut and flipped wherever: a run is told whole, or as one that lost something.
#[test]
fn no_cut_of_the_log_is_taken_for_the_truth() {
    let (bench, _) = crashed();
    let log = bench.state().join("journal.db-wal");
    let whole = fs::read(&log).unwrap();
    let records = |bench: &Bench| bench.run(&["show", "--format", "json"]).out;
    let all = records(&bench);
    let mut lost = 0;
    for part in 1..8 {
        let at = whole.len() * part / 8;
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        for damaged in [&whole[..at], &flipped] {
            fs::write(&log, damaged).unwrap();
            let status = bench.run(&["status"]).never_says(&["No runs"]);
            match status.code {
                Some(5) => lost += 1,
                // Of what was not durable the host itself can tell.
                _ => assert_eq!(records(&bench), all, "at {at} of {}", whole.len()),
            }
        }
    }
    assert!(lost >= 12, "{lost}");
}

#[test]
fn what_is_known_of_a_run_is_taken_back_when_that_is_asked_for() {
    let (bench, plan) = crashed();
    let log = bench.state().join("journal.db-wal");
    let whole = fs::read(&log).unwrap();
    let run = bench.run(&["history", "--format", "json"]).json()["runs"][0]["run"].as_str().unwrap().to_owned();
    // From the end, until the intent of `c` is lost and that of `b` is there.
    let lost_c = (0..whole.len()).rev().step_by(512).find(|at| {
        fs::write(&log, &whole[..*at]).unwrap();
        let status = |step: &str| {
            let show = bench.run(&["show", &run, "--format", "json"]).json();
            let steps = show["steps"].as_array().unwrap().clone();
            steps.iter().find(|found| found["step"] == step || found["id"] == step).map(|found| found["status"].clone())
        };
        status("c").is_some_and(|status| status == "pending" || status == "started")
    });
    assert!(lost_c.is_some());
    is_told(&bench, &plan, &["the journal lost records", "--known"]);
    bench
        .expect(5, &["rollback", &run, "--known", "--yes"])
        .says(&["recover --accept", "step c", "the journal lost what it did"])
        .never_says(FALSE);
    assert_eq!(now(&bench), ["old", "old", "new", "old"]);
    bench.expect(5, &["status"]);
    bench.expect(6, &["apply", &plan, "--yes"]);
    accept(&bench);
    bench.expect(0, &["status"]);
    bench.expect(0, &["apply", &plan, "--yes"]);
}

/// A state directory on a small file system, filled while a run goes on: no signal, an honest end, and a way on.
fn full_disk(make: &str) {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("mounting a small disk needs root");
        return;
    }
    let bench = Bench::new();
    let filler = bench.path("state/filler");
    let mut steps = String::from("steps:\n");
    for n in 0..12 {
        let needs = if n == 0 { String::new() } else { format!("needs: [s{}], ", n - 1) };
        steps.push_str(&format!(
            "  - {{ id: s{n}, uses: file.write, {needs}with: {{ path: HOST/f{n}, content: \"{}\" }} }}\n",
            "x".repeat(3000)
        ));
        if n == 3 {
            steps = steps.replace("s3, uses: file.write, needs: [s2]", "s3, uses: file.write, needs: [fill]");
            steps.push_str(&format!(
                "  - id: fill\n    uses: command.run\n    needs: [s2]\n    with:\n      \
                 run: [sh, -c, \"cat /dev/zero > {0} 2>/dev/null || true; sync\"]\n      \
                 effects: {{ writes: [{{ path: {0} }}] }}\n      undo: {{ run: [rm, -f, {0}] }}\n",
                filler.display()
            ));
        }
    }
    let plan = bench.plan("full", &steps);
    let script = format!(
        "mkdir state; truncate -s 120M disk; {make} disk; mount -o loop disk state; chmod 700 state; \
         rc=0; $RUNBOOK apply {plan} --yes || rc=$?; echo \"first $rc\"; \
         rc=0; $RUNBOOK status || rc=$?; echo \"status $rc\"; rm -f state/filler; sync; \
         rc=0; $RUNBOOK resume --yes || rc=$?; echo \"then $rc\"; $RUNBOOK status"
    );
    let mut command = bench.command_of("unshare", &["--mount", "sh", "-euc", &script]);
    command.env("RUNBOOK", RUNBOOK);
    let told = said(command);
    if told.err.contains("loop device") {
        test_rules::skip("no loop devices");
        return;
    }
    // Whether the outcome of the step that filled the disk was on record decides what resume can tell of it.
    let goes_on = ["then 0", "then 3"].iter().any(|way| told.out.contains(way));
    assert!(goes_on, "{told:#?}");
    told.expect(0).says(&["first 4", "cannot be written"]).never_says(&["Bus error"]);
}

#[test]
fn a_full_ext4_with_small_blocks_is_no_signal() {
    full_disk("mkfs.ext4 -q -b 1024");
}

/// A mapped file that has room for a byte of each of its pages, and none for the rest of them: that is with some dozens
/// of blocks left, and with how many depends on what else is written.
#[test]
fn the_last_blocks_of_an_ext4_with_small_blocks_are_no_signal() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("mounting a small disk needs root");
        return;
    }
    let bench = Bench::new();
    let [first, then] = ["first", "then"].map(|content| {
        let step = format!("steps:\n  - {{ id: a, uses: file.write, with: {{ path: HOST/f, content: {content} }} }}\n");
        bench.plan(content, &step)
    });
    let script = format!(
        "mkdir state; truncate -s 4M small; mkfs.ext4 -q -b 1024 -m 0 -O ^has_journal small; \
         mount -o loop small state; chmod 700 state; $RUNBOOK apply {first} --yes > /dev/null; umount state; \
         for left in $(seq 0 2 90); do cp small disk; mount -o loop disk state; \
         fallocate -l $(($(stat -f -c %a state) - left))k state/filler; \
         rc=0; $RUNBOOK apply {then} --yes > said 2>&1 || rc=$?; echo \"ends $rc\"; umount state; done"
    );
    let mut command = bench.command_of("unshare", &["--mount", "sh", "-euc", &script]);
    command.env("RUNBOOK", RUNBOOK);
    let told = said(command);
    if told.err.contains("loop device") {
        test_rules::skip("no loop devices");
        return;
    }
    let ends: Vec<&str> = told.out.lines().collect();
    assert!(ends.iter().all(|end| ["ends 0", "ends 1", "ends 4"].contains(end)), "{told:#?}");
    assert!(ends.contains(&"ends 0") && ends.contains(&"ends 1"), "both sides of the edge were tried: {told:#?}");
}

#[test]
fn a_full_btrfs_is_no_signal() {
    if Command::new("mkfs.btrfs").arg("--version").output().is_err() {
        test_rules::skip("mkfs.btrfs is missing");
        return;
    }
    full_disk("mkfs.btrfs -q");
}

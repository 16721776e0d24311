//! `backup list`, `verify`, `restore` and `prune`, with backups that are needed, old or damaged.

use crate::bench::{Bench, said};
use std::fs;
use std::path::PathBuf;

/// `keep_for` is over at once, so only `keep_last` keeps.
const KEPT: &str = r#"vars:
  text: { type: string }
  exit: { type: string, default: "0" }
retention: { keep_for: 1ms, keep_last: 2 }
steps:
  - { id: backup, uses: backup.create, with: { paths: [HOST/data] } }
  - { id: write, uses: file.write, with: { path: HOST/data/a, content: "{{ vars.text }}" } }
  - id: run
    uses: command.run
    needs: [write]
    on_failure: stop
    with: { run: [sh, -c, "exit {{ vars.exit }}"], effects: { writes: [{ path: HOST/data }] } }
"#;

fn apply(bench: &Bench, plan: &str, text: &str, exit: &str, code: i32) {
    let (text, exit) = (format!("text={text}"), format!("exit={exit}"));
    bench.expect(code, &["apply", plan, "--yes", "--var", &text, "--var", &exit]);
}

fn names(bench: &Bench) -> Vec<String> {
    let list = bench.expect(0, &["backup", "list", "--format", "json"]).json();
    list.as_array().unwrap().iter().map(|one| one["backup"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn retention_is_obeyed_and_the_only_way_back_stays() {
    let bench = Bench::new();
    bench.write("host/data/a", "zero");
    let plan = bench.plan("kept", KEPT);
    apply(&bench, &plan, "one", "1", 4);
    let needed = names(&bench);
    assert_eq!(needed.len(), 1);
    for text in ["two", "three", "four", "five"] {
        apply(&bench, &plan, text, "0", 0);
        bench.expect(0, &["backup", "prune"]);
        bench.expect(0, &["backup", "verify"]).never_says(&["damaged"]);
    }
    let left = names(&bench);
    assert!(left.contains(&needed[0]), "the only way back of the stopped run is gone: {left:?}");
    assert_eq!(left.len(), 3, "two that retention keeps, and the needed one: {left:?}");
    bench.expect(0, &["backup", "list"]).says(&["still needed", "host/data"]);
    let before = bench.picture("state/backups");
    bench.expect(0, &["backup", "prune", "--dry-run"]);
    assert!(before == bench.picture("state/backups"));
    // The latest run can still be taken back.
    bench.expect(0, &["rollback", "--yes"]);
    assert_eq!(fs::read_to_string(bench.host("data/a")).unwrap(), "four");
}

#[test]
fn the_backup_of_a_run_that_was_closed_by_hand_goes_as_others_do() {
    let bench = Bench::new();
    bench.write("host/data/a", "zero");
    let plan = bench.plan("kept", &KEPT.replace("keep_last: 2", "keep_last: 1").replace("on_failure: stop", ""));
    let mut stuck = bench.command(&["apply", &plan, "--yes", "--var", "text=one", "--var", "exit=1"]);
    stuck.env("RUNBOOK_FAULT", "fail-undo=write");
    said(stuck).expect(5);
    let closed = names(&bench);
    bench.expect(0, &["backup", "list"]).says(&["still needed"]);
    bench.expect(0, &["recover", "--accept", "looked at it"]).says(&["looked at it"]);
    bench.expect(0, &["history"]).says(&["accepted"]);
    bench.expect(0, &["show"]).says(&["Closed by hand", "looked at it"]);
    bench.expect(0, &["backup", "list"]).never_says(&["still needed"]);
    bench.expect(0, &["backup", "prune"]);
    assert_eq!(names(&bench), closed, "the newest stays: nothing else leads back");
    apply(&bench, &plan, "two", "0", 0);
    let left = names(&bench);
    assert!(left.len() == 1 && left != closed, "{left:?}");
}

#[test]
fn a_restore_sets_aside_what_it_replaces() {
    let bench = Bench::new();
    bench.write("host/data/a", "zero");
    let plan = bench.plan("kept", KEPT);
    apply(&bench, &plan, "one", "0", 0);
    bench.write("host/data/precious", "written since");
    let name = &names(&bench)[0];
    bench.expect(1, &["backup", "restore", name]).says(&["not a terminal", "--yes"]);
    bench.expect(1, &["backup", "restore", "nothing", "--yes"]).says(&["no backup `nothing`", "backup list"]);
    bench.expect(1, &["backup", "restore", name, "/etc", "--yes"]).says(&["/etc is not in the backup"]);
    assert!(bench.host("data/precious").exists());
    let data = bench.host("data");
    bench.expect(0, &["backup", "restore", name, "--yes"]).says(&[
        data.to_str().unwrap(),
        "put back",
        "what was there before is in",
    ]);
    assert_eq!(fs::read_to_string(bench.host("data/a")).unwrap(), "zero");
    assert!(!bench.host("data/precious").exists());
    let aside: Vec<String> = bench.picture("state/restored").into_values().collect();
    assert!(aside.iter().any(|file| file.ends_with("written since")), "{aside:#?}");
    let again = bench.expect(0, &["backup", "restore", name, "--yes", "--format", "json"]).json();
    assert_eq!(again[0]["identical"], true, "{again:#}");
}

#[test]
fn damage_is_named_and_nothing_is_restored_from_it() {
    let bench = Bench::new();
    bench.write("host/data/a", "zero".repeat(1000));
    let plan = bench.plan("kept", KEPT);
    apply(&bench, &plan, "one", "0", 0);
    let name = names(&bench).remove(0);
    let dir = bench.state().join("backups").join(&name);
    let files: Vec<PathBuf> =
        bench.picture(&format!("state/backups/{name}")).into_keys().filter(|path| path.is_file()).collect();
    // What was read back is only remembered there, and read again without it.
    let files: Vec<PathBuf> = files.into_iter().filter(|path| !path.ends_with("verified.json")).collect();
    assert!(files.len() >= 2, "{files:#?}");
    for file in &files {
        let whole = fs::read(file).unwrap();
        let at = whole.len() / 2;
        let mut flipped = whole.clone();
        flipped[at] ^= 0x55;
        for (what, bytes) in [("cut", &whole[..at]), ("flipped", &flipped), ("emptied", &[])] {
            fs::write(file, bytes).unwrap();
            let context = format!("{} {what}", file.strip_prefix(&dir).unwrap().display());
            println!("{context}");
            let before = bench.picture("host");
            let found = bench.run(&["backup", "verify"]);
            assert_eq!(found.code, Some(1), "{context}: {found:#?}");
            found.says(&[&name, "damaged"]);
            assert_eq!(bench.expect(1, &["backup", "verify", "--format", "json"]).json()[0]["backup"], name.as_str());
            bench.expect(0, &["backup", "list"]).says(&[&name]);
            let restored = bench.run(&["backup", "restore", &name, "--yes"]);
            assert_eq!(restored.code, Some(1), "{context}: {restored:#?}");
            assert!(before == bench.picture("host"), "{context}: something was restored");
        }
        fs::write(file, &whole).unwrap();
    }
    bench.expect(0, &["backup", "verify"]);
}

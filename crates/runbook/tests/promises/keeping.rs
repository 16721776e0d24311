//! What is kept for a run stays as a whole for as long as retention says, and then goes as a whole.

use crate::bench::{Bench, RUNBOOK, said};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const TWO: &str = "\
vars:
  text: { type: string }
retention: { keep_for: 1ms, keep_last: 1 }
steps:
  - { id: one, uses: backup.create, with: { paths: [HOST/one] } }
  - { id: two, uses: backup.create, with: { paths: [HOST/two] } }
  - { id: write-one, uses: file.write, needs: [one], with: { path: HOST/one/a, content: \"{{ vars.text }}\" } }
  - { id: write-two, uses: file.write, needs: [two], with: { path: HOST/two/a, content: \"{{ vars.text }}\" } }
";

fn entries(bench: &Bench, name: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(bench.state().join(name))
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

fn runs(bench: &Bench) -> Vec<String> {
    let history = bench.expect(0, &["history", "--format", "json"]).json();
    history["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap().to_owned()).collect()
}

fn apply(bench: &Bench, plan: &str, text: &str) {
    bench.expect(0, &["apply", plan, "--yes", "--var", &format!("text={text}")]);
}

#[test]
fn a_run_that_ended_well_keeps_all_of_its_backups() {
    let bench = Bench::new();
    ["one", "two"].iter().for_each(|name| drop(bench.write(&format!("host/{name}/a"), "old")));
    let plan = bench.plan("two", TWO);
    apply(&bench, &plan, "new");
    assert_eq!(entries(&bench, "backups").len(), 2);
    bench.expect(0, &["backup", "prune"]);
    assert_eq!(entries(&bench, "backups").len(), 2);
    bench.expect(0, &["rollback", "--yes"]);
    for name in ["one", "two"] {
        assert_eq!(fs::read_to_string(bench.host(name).join("a")).unwrap(), "old");
    }
}

#[test]
fn a_run_past_retention_goes_with_all_that_is_its() {
    let bench = Bench::new();
    ["one", "two"].iter().for_each(|name| drop(bench.write(&format!("host/{name}/a"), "old")));
    let plan = bench.plan("two", TWO);
    ["first", "second", "third"].iter().for_each(|text| apply(&bench, &plan, text));
    let left = runs(&bench);
    assert_eq!(left.len(), 1);
    assert_eq!(entries(&bench, "runs"), left);
    assert_eq!(entries(&bench, "backups"), [format!("{}-one", left[0]), format!("{}-two", left[0])]);
    bench.expect(0, &["status"]);
}

#[test]
fn runs_without_a_backup_go_too() {
    let bench = Bench::new();
    let steps = "vars:\n  text: { type: string }\nretention: { keep_for: 1ms, keep_last: 2 }\nsteps:\n  \
                 - { id: a, uses: file.write, with: { path: HOST/a, content: \"{{ vars.text }}\" } }\n";
    let plan = bench.plan("plain", steps);
    ["1", "2", "3", "4"].iter().for_each(|text| apply(&bench, &plan, text));
    let mut left = runs(&bench);
    let latest = left[0].clone();
    assert_eq!(left.len(), 2);
    left.sort();
    assert_eq!(entries(&bench, "runs"), left);
    // The others are within the retention of a plan of their own.
    let other = bench.plan("other", &steps.replace("HOST/a", "HOST/b"));
    apply(&bench, &other, "1");
    assert_eq!(runs(&bench).len(), 3);
    bench.expect(0, &["rollback", "--yes"]);
    bench.expect(0, &["rollback", &latest, "--yes"]);
}

#[test]
fn failures_do_not_push_out_the_run_that_stands() {
    let bench = Bench::new();
    ["one", "two"].iter().for_each(|name| drop(bench.write(&format!("host/{name}/a"), "old")));
    let plan = bench.plan("two", TWO);
    apply(&bench, &plan, "stands");
    let stands = runs(&bench);
    let failing = format!(
        "{TWO}  - {{ id: z, uses: command.run, needs: [write-one, write-two], with: {{ run: [\"false\"], undo: {{ run: [\"true\"] }} }} }}\n"
    );
    let failing = bench.plan("two", &failing);
    for text in ["x", "y"] {
        bench.expect(3, &["apply", &failing, "--yes", "--var", &format!("text={text}")]);
    }
    bench.expect(0, &["backup", "prune"]);
    bench.expect(0, &["rollback", &stands[0], "--yes"]);
    assert_eq!(fs::read_to_string(bench.host("one/a")).unwrap(), "old");
}

/// What had no room in the state directory stays in a closed directory beside its path, and goes with the run too. If
/// something else has that name by then, it stays.
#[test]
fn what_was_set_aside_beside_its_path_goes_with_the_run() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("mounting needs root");
        return;
    }
    for swapped in [false, true] {
        let bench = Bench::new();
        bench.write("host/app/f", "old");
        bench.write("state/.keep", "");
        fs::remove_file(bench.state().join(".keep")).unwrap();
        fs::set_permissions(bench.state(), fs::Permissions::from_mode(0o700)).unwrap();
        let large = "head -c 8000000 /dev/urandom > HOST/app/large";
        let backup = "retention: { keep_for: 1ms, keep_last: 1 }\nsteps:\n  - { id: backup, uses: backup.create, with: { paths: [HOST/app] } }\n  \
                      - id: change\n    uses: command.run\n    with: { run: [sh, -c, \"RUN\"], effects: { writes: [{ path: HOST/app }] } }\n";
        let fails = bench.plan("one", &backup.replace("RUN", &format!("{large}; exit 1")));
        // Another text of the same plan.
        let second = fails.replace("one.yaml", "two.yaml");
        fs::write(&second, fs::read_to_string(&fails).unwrap().replace("; exit 1", "")).unwrap();
        let swap = if swapped {
            "d=$(ls -d host/.app.runbook-*); mv $d host/elsewhere; mkdir -m 700 $d; echo precious > $d/precious"
        } else {
            "true"
        };
        let script = format!(
            "mount -t tmpfs -o size=4M,mode=0700 none state
             rc=0; $RUNBOOK apply {fails} --yes || rc=$?; test $rc = 3; ls -d host/.app.runbook-*
             {swap}
             $RUNBOOK backup list; $RUNBOOK apply {second} --yes; $RUNBOOK history; ls -a host"
        );
        let mut command = bench.command_of("unshare", &["--mount", "sh", "-euc", &script]);
        command.env("RUNBOOK", RUNBOOK);
        let told = said(command).expect(0);
        let left: Vec<String> = fs::read_dir(bench.path("host"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(".app.runbook-"))
            .collect();
        told.says(&["no room for it with the run", "no backup: what run"]);
        match swapped {
            false => assert_eq!(left, Vec::<String>::new()),
            true => {
                assert_eq!(left.len(), 1);
                assert!(bench.host(&left[0]).join("precious").exists() && bench.host("elsewhere").exists());
            }
        }
    }
}

/// A prune that was killed at each of its steps is finished by the next.
#[test]
fn a_removal_that_was_cut_short_is_finished_by_the_next() {
    let bench = Bench::new();
    ["one", "two"].iter().for_each(|name| drop(bench.write(&format!("host/{name}/a"), "old")));
    // With a large `keep_last`, nothing goes until the plan is another.
    let plan = bench.plan("two", &TWO.replace("keep_last: 1", "keep_last: 9"));
    apply(&bench, &plan, "first");
    let first = runs(&bench)[0].clone();
    let plan = bench.plan("two", &TWO.replace("keep_last: 1", "keep_last: 8"));
    apply(&bench, &plan, "second");
    // As if it had been killed after some of the renames: the journal still knows the run.
    let (backups, runs_dir) = (bench.state().join("backups"), bench.state().join("runs"));
    fs::rename(backups.join(format!("{first}-one")), backups.join(format!(".removed-{first}-one"))).unwrap();
    fs::create_dir_all(runs_dir.join(".removed-0ther1/step")).unwrap();
    bench.expect(0, &["status"]);
    let plan = bench.plan("two", TWO);
    apply(&bench, &plan, "third");
    let left = runs(&bench);
    assert_eq!(left.len(), 1);
    assert_eq!((entries(&bench, "runs"), entries(&bench, "backups").len()), (left, 2));
}

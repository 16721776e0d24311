//! A run or a backup is named by as much of its name as is needed, by the same rule everywhere.

use crate::bench::{Bench, SIMPLE};
use runbook_journal::{Journal, StateDir};
use runbook_model::{Event, Record, RunHeader, RunId, StepId, Verdict};

/// Runs that are over, with these ids.
fn runs(bench: &Bench, ids: &[&str]) {
    let mut journal = Journal::open(&StateDir::at(bench.state())).unwrap();
    for id in ids {
        let header = RunHeader {
            run: RunId::new(id).unwrap(),
            plan: format!("plan-of-{id}"),
            summary: String::new(),
            digest: "0".repeat(64),
            environment: None,
            steps: vec![StepId::new("a").unwrap()],
            host: String::new(),
            user: String::new(),
            version: String::new(),
            format: RunHeader::FORMAT,
            hold_ms: None,
        };
        let first = Record { seq: 1, at: 1, event: Event::RunStarted(Box::new(header.clone())) };
        journal.begin(&header, "{}", &[first]).unwrap();
        let event = Event::RunFinished { verdict: Verdict::Succeeded, note: String::new() };
        journal.append(&header.run, &[Record { seq: 2, at: 2, event }]).unwrap();
    }
}

#[test]
fn several_runs_that_begin_so_are_listed() {
    let bench = Bench::new();
    runs(&bench, &["7k2m9c", "7k2m9d", "8aaaaa"]);
    for command in
        [&["show", "7k"][..], &["report", "7k"], &["rollback", "7k"], &["resume", "7k"], &["approve", "7k", "x"]]
    {
        bench.expect(1, command).says(&["`7k`", "7k2m9c", "7k2m9d", "plan-of-7k2m9d"]).never_says(&["8aaaaa"]);
    }
    let told = bench.expect(1, &["show", "7k", "--format", "json"]).json();
    assert!(told["error"].as_str().unwrap().contains("7k2m9c"), "{told}");
    bench.expect(1, &["show", "9"]).says(&["there is no run `9`", "runbook history"]);
    bench.expect(1, &["show", ""]).says(&["empty"]);
}

const TWO_BACKUPS: &str = "\
steps:
  - { id: first, uses: backup.create, with: { paths: [HOST/a.txt] } }
  - { id: first-too, uses: backup.create, with: { paths: [HOST/b.txt] }, needs: [first] }
  - { id: write, uses: file.write, with: { path: HOST/a.txt, content: new } }
  - { id: other, uses: file.write, with: { path: HOST/b.txt, content: new } }
";

#[test]
fn a_backup_is_named_as_a_run_is() {
    let bench = Bench::new();
    bench.write("host/a.txt", "old");
    bench.write("host/b.txt", "old");
    let plan = bench.plan("two", TWO_BACKUPS);
    bench.expect(0, &["apply", &plan, "--yes"]);
    let backups = bench.expect(0, &["backup", "list", "--format", "json"]).json();
    let names: Vec<&str> = backups.as_array().unwrap().iter().map(|one| one["backup"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2);
    let (run, short) = (&names[0][..16], &names[0][..6]);
    bench.expect(1, &["backup", "verify", short]).says(&names);
    // The whole name of one is the beginning of the other.
    bench.expect(0, &["backup", "verify", &format!("{run}-first")]).says(&["every entry"]);
    bench.expect(0, &["backup", "verify", &format!("{run}-first-")]).says(&[&format!("{run}-first-too: every entry")]);
    bench.expect(1, &["backup", "restore", run, "--yes"]).says(&names);
    bench.expect(0, &["backup", "restore", &format!("{run}-first-"), "--yes"]).says(&["put back"]);
    assert_eq!(std::fs::read_to_string(bench.host("b.txt")).unwrap(), "old");
    bench.expect(1, &["backup", "verify", "zzz"]).says(&["there is no backup `zzz`", "runbook backup list"]);
}

#[test]
fn a_gate_that_is_not_there_is_told_with_those_that_are() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    bench.expect(0, &["apply", &plan, "--yes"]);
    let run = bench.expect(0, &["status", "--format", "json"]).json()["run"]["run"].as_str().unwrap().to_owned();
    bench.expect(1, &["approve", &run, "wirte"]).says(&["no step `wirte` that waits for an approval", "none"]);
}

//! Files that are no plans, programs that are not there, state directories that cannot be: refused in words, and
//! nothing on the host is touched.

use crate::bench::{Bench, SIMPLE, said};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

/// Refused with exit code 1 and `words`, with the host as before.
fn refused(bench: &Bench, args: &[&str], words: &[&str]) {
    let before = bench.picture("host");
    bench.expect(1, args).says(words).never_says(&["os error 17"]);
    assert!(before == bench.picture("host"), "{args:?} touched the host");
}

#[test]
fn what_is_no_plan_is_named_with_the_reason() {
    let bench = Bench::new();
    let plan = fs::read(bench.plan("simple", SIMPLE)).unwrap();
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(plan.iter().flat_map(|byte| [*byte, 0])).collect();
    symlink("loop", bench.path("loop")).unwrap();
    let cases: &[(String, &str)] = &[
        (bench.write("utf16.yaml", utf16), "iconv -f UTF-16"),
        (bench.write("binary.yaml", b"kind: Plan\n\x7fELF\x00\xff\xfe"), "line 2"),
        (bench.write("nul.yaml", b"\0\0\0"), "not a text file"),
        (bench.write("empty.yaml", ""), "the file is empty"),
        (bench.write("big.yaml", vec![b'#'; 20 << 20]), "larger than 16 MiB"),
        (bench.write("list.yaml", "- a\n- b\n"), "RB01"),
        (bench.write("tab.yaml", "kind: Plan\n\tversion: 1\n"), "RB0101"),
        (bench.path("host").display().to_string(), "it is a directory"),
        (bench.path("none.yaml").display().to_string(), "there is no such file"),
        (bench.path("none.yaml/below").display().to_string(), "there is no such file"),
        (bench.path("loop").display().to_string(), "symbolic links"),
        ("/dev/zero".to_owned(), "is a character device"),
        ("/dev/null".to_owned(), "is a character device"),
    ];
    for (path, words) in cases {
        refused(&bench, &["apply", path, "--yes"], &[path, words]);
        refused(&bench, &["check", path], &[path, words]);
        bench.expect(1, &["check", path, "--format", "json"]).json();
    }
    assert!(!bench.state().exists(), "a refusal leaves no state directory");
}

#[test]
fn line_ends_marks_and_pipes_do_not_matter() {
    let bench = Bench::new();
    let plan = fs::read_to_string(bench.plan("simple", SIMPLE)).unwrap();
    let crlf = bench.write("crlf.yaml", plan.replace('\n', "\r\n"));
    let marked = bench.write("marked.yaml", format!("\u{feff}{plan}"));
    bench.expect(0, &["check", &crlf, &marked]).says(&["crlf.yaml: simple is sound", "marked.yaml: simple is sound"]);
    let mut piped = bench.command(&["check", "/dev/stdin"]);
    piped.stdin(Stdio::from(fs::File::open(bench.path("simple.yaml")).unwrap()));
    said(piped).expect(0).says(&["/dev/stdin: simple is sound"]);
}

#[test]
fn one_file_that_cannot_be_read_hides_nothing_of_the_others() {
    let bench = Bench::new();
    let good = bench.plan("simple", SIMPLE);
    let bad = bench.plan("bad", "steps:\n  - { id: a, uses: file.wriet }\n");
    bench.expect(1, &["check", "none.yaml", &bad, &good]).says(&[
        "none.yaml",
        "did you mean `file.write`",
        "simple is sound",
    ]);
    let all = bench.expect(1, &["check", "none.yaml", &bad, &good, "--format", "json"]).json();
    assert_eq!(all["errors"], 2, "{all:#}");
    let lines = bench.expect(1, &["check", "none.yaml", &bad, &good, "--format", "ndjson"]).out;
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{lines}");
}

#[test]
fn a_program_that_is_not_there_is_named_before_anything_changes() {
    let bench = Bench::new();
    bench.write("host/a.txt", "old\n");
    bench.write("host/not-executable", "#!/bin/sh\n");
    for (program, words) in [("no-such-program", "is not on this host"), ("HOST/not-executable", "may not be executed")]
    {
        let steps = format!(
            "steps:\n  - {{ id: write, uses: file.write, with: {{ path: HOST/a.txt, content: new }} }}\n  \
             - id: run\n    uses: command.run\n    with: {{ run: [{program}], effects: {{ writes: [{{ path: HOST/x }}] }}, undo: {{ run: [\"true\"] }} }}\n"
        );
        let plan = bench.plan("missing", &steps);
        let before = fs::read(bench.host("a.txt")).unwrap();
        let program = program.replace("HOST", bench.path("host").to_str().unwrap());
        bench.expect(1, &["apply", &plan, "--yes"]).says(&[&program, words, "nothing was changed"]);
        assert_eq!(fs::read(bench.host("a.txt")).unwrap(), before);
    }
}

#[test]
fn a_state_directory_that_cannot_be_is_named_before_anything_is_done() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    bench.write("file", "");
    symlink("loop-b", bench.path("loop-a")).unwrap();
    symlink("loop-a", bench.path("loop-b")).unwrap();
    symlink("nowhere", bench.path("dangling")).unwrap();
    bench.write("foreign/journal.db", "this is not a database, but long enough to be taken for one by the size alone");
    let cases = [
        ("file", "it is not a directory"),
        ("file/below", "Not a directory"),
        ("loop-a", "symbolic links"),
        ("dangling", "dangling"),
        ("foreign", "is not a journal of runbook"),
        ("/proc/none", "/proc/none"),
    ];
    for (dir, words) in cases {
        refused(&bench, &["apply", &plan, "--yes", "--state-dir", dir], &[words, "--state-dir"]);
        bench.expect(0, &["apply", &plan, "--dry-run", "--state-dir", dir]);
        assert_ne!(bench.run(&["history", "--state-dir", dir]).code, None);
    }
}

#[test]
fn a_journal_of_a_newer_version_is_left_alone() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    bench.expect(0, &["apply", &plan, "--yes"]);
    // Bytes 60 to 63 of an SQLite file are its user version.
    let database = bench.state().join("journal.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&database, &bytes).unwrap();
    fs::remove_file(bench.host("a.txt")).unwrap();
    for args in
        [&["apply", &plan, "--yes"][..], &["status"], &["history"], &["rollback", "--yes"], &["resume", "--yes"]]
    {
        refused(&bench, args, &["newer version of runbook", "format 99"]);
    }
    bench.expect(0, &["apply", &plan, "--dry-run"]).says(&["newer version of runbook"]);
    assert_eq!(fs::read(&database).unwrap(), bytes);
}

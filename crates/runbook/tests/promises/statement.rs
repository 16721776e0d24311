//! The last lines are true of the host, not only of the steps.

use crate::bench::{Bench, Said};
use serde_json::Value as Json;
use std::fs;

/// A later step that fails.
const FAILS: &str =
    "  - { id: z, uses: command.run, needs: [a], with: { run: [\"false\"], undo: { run: [\"true\"] } } }\n";

/// A plan that ends at its first step, which only reads.
const CHANGES_NOTHING: &str = "\
steps:
  - { id: c, uses: command.capture, with: { run: [\"false\"] } }
  - { id: a, uses: file.write, needs: [c], with: { path: HOST/g, content: x } }
";

/// A plan that writes one file.
const WRITES: &str = "steps:\n  - { id: a, uses: file.write, with: { path: HOST/f, content: x } }\n";

/// A program and its state, a command that writes `writes`, and a verification that is green.
fn plan(bench: &Bench, paths: &str, writes: &str, then: &str) -> String {
    bench.write("host/app/V", "1\n");
    bench.write("host/st/db", "old\n");
    let steps = format!(
        "steps:
  - {{ id: keep, uses: backup.create, with: {{ paths: {paths} }} }}
  - {{ id: a, uses: command.run, with: {{ run: [sh, -c, \"{writes}\"], effects: {{ writes: [{{ path: HOST/app }}] }} }} }}
  - id: v
    uses: verify.signals
    with:
      within: 2s
      signals:
        works: {{ command: [test, -d, HOST/app], role: blocking, kind: functional }}
        no-fault: {{ command: [test, '!', -e, HOST/fault], role: blocking, kind: negative }}
{then}"
    );
    bench.plan("plan", &steps)
}

fn closing(bench: &Bench) -> Json {
    bench.expect(0, &["show", "--format", "json"]).json()["closing"].clone()
}

/// The commands that a text tells to type, each without the words around it.
fn told(said: &Said) -> Vec<Vec<String>> {
    let text = format!("{} {}", said.out, said.err).replace(['\n', '`'], " ");
    let mut found = Vec::new();
    let words: Vec<&str> = text.split_whitespace().collect();
    for (at, word) in words.iter().enumerate().filter(|(_, word)| **word == "runbook") {
        let rest = words.iter().skip(at + 1).take(2).map(|word| word.trim_end_matches(['.', ',', ';']).to_owned());
        found.push(std::iter::once((*word).to_owned()).chain(rest).collect());
    }
    found
}

#[test]
fn what_a_rollback_keeps_is_compared_and_named() {
    for restore in ["if-needed", "never"] {
        let bench = Bench::new();
        let paths = format!("[HOST/app, {{ path: HOST/st, restore: {restore} }}]");
        let plan = plan(&bench, &paths, "echo 2 > HOST/app/V; echo new > HOST/st/db", FAILS);
        let kept = format!("kept: {}, 1 file differs", bench.host("st").display());
        let out = bench.expect(3, &["apply", &plan, "--yes"]).never_says(&["The host is as it was"]).out;
        let (text, place) = (out.split_whitespace().collect::<Vec<_>>().join(" "), &kept);
        assert!(text.contains(place.as_str()), "{out}");
        assert_eq!(fs::read_to_string(bench.host("app/V")).unwrap(), "1\n");
        assert_eq!(fs::read_to_string(bench.host("st/db")).unwrap(), "new\n");
        for command in [&["show"][..], &["report"], &["status"]] {
            let said = bench.expect(0, command).never_says(&["host is as it was"]);
            assert!(said.out.contains("1 file differs"), "{said:?}");
        }
        let closing = closing(&bench);
        assert_eq!(closing["remains"][0]["what"], "kept", "{closing}");
        assert_eq!(closing["remains"][0]["step"], "keep");
        assert_eq!(closing["remains"][0]["path"], bench.host("st").to_str().unwrap());
        let line = bench.expect(0, &["show", "--format", "ndjson"]).out;
        let last: Json = serde_json::from_str(line.lines().last().unwrap()).unwrap();
        assert_eq!(last["closing"], closing);
        assert_eq!(bench.expect(0, &["status", "--format", "json"]).json()["closing"], closing);
    }
}

/// What was kept and is as it was needs no word; what the run put back is not called kept.
#[test]
fn what_is_as_it_was_is_not_named() {
    let bench = Bench::new();
    let plan = plan(&bench, "[HOST/app, HOST/st]", "echo 2 > HOST/app/V", FAILS);
    bench.expect(3, &["apply", &plan, "--yes"]).says(&["Everything that the plan declares is as it was."]);
    assert_eq!(closing(&bench)["remains"], serde_json::json!([]));
}

/// A write that no plan declares is nobody's to know: nothing is claimed of it.
#[test]
fn no_more_is_claimed_than_the_plan_declares() {
    let bench = Bench::new();
    let plan = plan(&bench, "[HOST/app]", "echo 2 > HOST/app/V; echo stray > HOST/stray", FAILS);
    bench
        .expect(3, &["apply", &plan, "--yes"])
        .says(&["Everything that the plan declares is as it was"])
        .never_says(&["The host is as it was", "Every change"]);
    assert!(bench.host("stray").exists());
}

/// A second backup of the same path, made after the change, is no word about the time before it.
#[test]
fn the_earliest_backup_says_how_it_was() {
    let bench = Bench::new();
    let later = "  - { id: again, uses: backup.create, needs: [a], with: { paths: [HOST/st] } }\n";
    let then = later.to_owned() + &FAILS.replace("needs: [a]", "needs: [a, again]");
    let plan = plan(&bench, "[HOST/app, HOST/st]", "echo 2 > HOST/app/V; echo new > HOST/st/db", &then);
    bench.expect(3, &["apply", &plan, "--yes"]);
    let remains = closing(&bench)["remains"].clone();
    assert_eq!(remains.as_array().map(Vec::len), Some(1), "{remains}");
    assert_eq!((&remains[0]["step"], &remains[0]["detail"]), (&"keep".into(), &"1 file differs".into()));
}

/// One run that ended well, a later one that changed nothing, and then a signal that is gone.
fn stuck_below_another(bench: &Bench) -> String {
    bench.write("host/ok", "");
    let min = bench.plan(
        "min",
        "steps:
  - { id: a, uses: file.write, with: { path: HOST/f, content: \"new\\n\" } }
  - id: v
    uses: verify.signals
    with:
      within: 1s
      signals:
        works: { command: [test, -e, HOST/ok], role: blocking, kind: functional }
",
    );
    let fail = bench.plan("fail", CHANGES_NOTHING);
    bench.expect(0, &["apply", &min, "--yes"]);
    let first = bench.expect(0, &["show", "--format", "json"]).json()["run"]["run"].as_str().unwrap().to_owned();
    bench.run(&["apply", &fail, "--yes"]);
    fs::remove_file(bench.host("ok")).unwrap();
    bench.expect(5, &["rollback", &first, "--yes"]).says(&["Stuck."]);
    first
}

#[test]
fn what_blocks_the_host_comes_first() {
    let bench = Bench::new();
    let first = stuck_below_another(&bench);
    let said = bench.expect(5, &["status"]).says(&["runbook rollback"]);
    let short = &first[..6];
    assert!(said.out.starts_with(&format!("Blocked: run {short} of min is stuck.")), "{}", said.out);
    let json = bench.expect(5, &["status", "--format", "json"]).json();
    assert_eq!((&json["blocked"]["run"], &json["blocked"]["by"]), (&first.as_str().into(), &"stuck".into()));
    assert_eq!(json["blocked"]["next"][0], format!("runbook rollback {short}"));
    bench.expect(5, &["recover", "--boot"]).says(&[&format!("run {short} of min is stuck")]);
    bench.expect(0, &["recover", "--accept", "looked at it"]);
    let free = bench.expect(0, &["status", "--format", "json"]).json();
    assert!(free["blocked"].is_null(), "{free}");
}

#[test]
fn a_stuck_run_of_which_all_is_taken_back_is_read_again() {
    let bench = Bench::new();
    let first = stuck_below_another(&bench);
    bench.expect(5, &["rollback", &first, "--yes"]).says(&["read again", "Stuck."]);
    bench.write("host/ok", "");
    // What the message says, word by word.
    let told = told(&bench.expect(5, &["status"]));
    let command = told.iter().find(|words| words[1] == "rollback").unwrap();
    assert_eq!(command[2], first[..6]);
    bench.expect(0, &[&command[1], &command[2], "--yes"]).says(&["Rolled back."]);
    bench.expect(0, &["status"]).says(&["Nothing blocks this host"]);
    bench.expect(0, &["rollback", &first, "--yes"]).says(&["left nothing to take back"]);
}

#[test]
fn an_open_run_has_an_exit_code_of_its_own() {
    let bench = Bench::new();
    let plan = bench.plan("plan", WRITES);
    bench.kill_at(&plan, 4);
    let said = bench.expect(6, &["status"]).says(&["was interrupted and is still open"]);
    assert!(said.out.starts_with("Blocked:"), "{}", said.out);
    assert_eq!(bench.expect(6, &["status", "--format", "json"]).json()["blocked"]["by"], "open");
    for words in told(&said).iter().filter(|words| words[1] == "rollback") {
        bench.expect(0, &[&words[1], &words[2], "--yes"]).says(&["Rolled back."]);
        bench.expect(0, &["status"]);
    }
}

#[test]
fn a_rollback_without_a_name_takes_what_there_is_to_take_back() {
    let bench = Bench::new();
    let stops = bench.plan(
        "stops",
        "steps:
  - { id: a, uses: file.write, on_failure: stop, with: { path: HOST/f, content: x } }
  - { id: z, uses: command.run, needs: [a], on_failure: stop, with: { run: [\"false\"], undo: { run: [\"true\"] } } }
",
    );
    let nothing = bench.plan("nothing", CHANGES_NOTHING);
    bench.expect(0, &["rollback", "--help"]);
    bench.expect(4, &["apply", &stops, "--yes"]);
    bench.run(&["apply", &nothing, "--yes"]);
    bench.expect(0, &["rollback", "--yes"]).says(&["of stops changed this host in: a", "Rolled back."]);
    assert!(!bench.host("f").exists());
    bench.expect(0, &["rollback", "--yes"]).says(&["there is nothing to take back on this host"]);
}

/// `rollback` after a run that changed nothing does not mean the good one of last week.
#[test]
fn a_good_run_below_another_is_taken_back_by_name_only() {
    let bench = Bench::new();
    let good = bench.plan("good", WRITES);
    let nothing = bench.plan("nothing", CHANGES_NOTHING);
    bench.expect(0, &["apply", &good, "--yes"]);
    bench.run(&["apply", &nothing, "--yes"]);
    let said = bench.expect(1, &["rollback", "--yes"]).says(&["left nothing to take back", "of good"]);
    let command = told(&said).into_iter().find(|words| words[1] == "rollback").unwrap();
    bench.expect(0, &[&command[1], &command[2], "--yes"]).says(&["Rolled back."]);
    assert!(!bench.host("f").exists());
}

/// Directories that came with a change and that its undo does not remove are named: those above a path that a command
/// writes, and one that others have put something into.
#[test]
fn what_was_made_on_the_way_is_named() {
    let bench = Bench::new();
    let plan = bench.plan(
        "plan",
        "steps:
  - { id: keep, uses: backup.create, with: { paths: [HOST/deep/er/file] } }
  - { id: d, uses: file.directory, with: { path: HOST/dir } }
  - { id: a, uses: command.run, needs: [keep, d], with: { run: [sh, -c, \"mkdir -p HOST/deep/er; echo x > HOST/deep/er/file; echo x > HOST/dir/theirs\"], effects: { writes: [{ path: HOST/deep/er/file }] } } }
"
        .to_owned()
        .as_str(),
    );
    fs::write(&plan, fs::read_to_string(&plan).unwrap() + FAILS).unwrap();
    bench.expect(3, &["apply", &plan, "--yes"]).says(&["but for what is named below"]);
    let told: Vec<(String, String)> = closing(&bench)["remains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["what"].as_str().unwrap().to_owned(), one["path"].as_str().unwrap().to_owned()))
        .collect();
    let left = |name: &str| ("left".to_owned(), bench.host(name).display().to_string());
    assert!(told.contains(&left("deep")) && told.contains(&left("dir")), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
}

/// What is taken back on the way forward is read too.
#[test]
fn what_a_failure_that_passes_leaves_is_named() {
    let bench = Bench::new();
    let plan = bench.plan(
        "plan",
        "steps:
  - { id: keep, uses: backup.create, with: { paths: [HOST/deep/file] } }
  - id: a
    uses: command.run
    on_failure: continue
    needs: [keep]
    with: { run: [sh, -c, \"mkdir -p HOST/deep; echo x > HOST/deep/file; exit 3\"], effects: { writes: [{ path: HOST/deep/file }] } }
",
    );
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["left: ", "/deep, was not there before"]);
}

/// The undo that a plan names says that it went well. Nobody reads what it put back.
#[test]
fn what_a_command_took_back_is_not_called_as_it_was() {
    let bench = Bench::new();
    bench.write("host/conf", "old\n");
    let plan = bench.plan(
        "plan",
        "steps:
  - { id: a, uses: command.run, with: { run: [sh, -c, \"echo new > HOST/conf\"], undo: { run: [\"true\"] }, effects: { writes: [{ path: HOST/conf }] } } }
  - id: v
    uses: verify.signals
    needs: [a]
    with:
      within: 1s
      signals:
        works: { command: [test, -e, HOST/conf], role: blocking, kind: functional }
        no-fault: { command: [test, '!', -e, HOST/fault], role: blocking, kind: negative }
  - { id: z, uses: command.run, needs: [v], with: { run: [\"false\"], undo: { run: [\"true\"] } } }
",
    );
    let conf = format!("not compared: {}", bench.host("conf").display());
    bench.expect(3, &["apply", &plan, "--yes"]).says(&[&conf]).never_says(&["is as it was."]);
}

/// A signal that cannot be read is not a signal that is lost: nothing is put back for it, and it is said.
#[test]
fn a_signal_that_cannot_be_read_restores_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.write("host/st/db", "old\n");
    let probe = bench.write("probe", "#!/bin/sh\nexit 0\n");
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o755)).unwrap();
    let plan = bench.plan(
        "plan",
        &format!(
            "steps:
  - {{ id: keep, uses: backup.create, with: {{ paths: [HOST/st] }} }}
  - {{ id: a, uses: file.write, needs: [keep], with: {{ path: HOST/f, content: new }} }}
  - id: v
    uses: verify.signals
    with:
      within: 1s
      signals:
        works: {{ command: [{probe}], role: blocking, kind: functional }}
"
        ),
    );
    bench.expect(0, &["apply", &plan, "--yes"]);
    fs::write(bench.host("st/db"), "what the service wrote\n").unwrap();
    fs::rename(&probe, bench.path("away")).unwrap();
    let words = ["Stuck.", "cannot be read", "works", "1 file differs"];
    bench.expect(5, &["rollback", "--yes"]).says(&words).never_says(&["second time"]);
    assert_eq!(fs::read_to_string(bench.host("st/db")).unwrap(), "what the service wrote\n");
    assert_eq!(closing(&bench)["signals"][0]["red"], false);
    fs::rename(bench.path("away"), &probe).unwrap();
    bench.expect(0, &["rollback", "--yes"]).says(&["Rolled back."]);
}

/// What cannot be read before the change is told like what is red.
#[test]
fn a_signal_that_cannot_be_read_before_the_change_is_told() {
    let bench = Bench::new();
    let plan = bench.plan(
        "plan",
        "steps:
  - { id: a, uses: file.write, with: { path: HOST/f, content: new } }
  - id: v
    uses: verify.signals
    needs: [a]
    with:
      within: 1s
      signals:
        lines: { log: ready, role: blocking, kind: functional }
        works: { command: [test, -e, HOST/f], role: blocking, kind: functional }
      log: HOST/no.log
",
    );
    bench.run(&["apply", &plan, "--yes"]).says(&[
        "! v",
        "cannot be read before any change: lines",
        "already red before any change: works",
    ]);
}

/// A crash before the first change: nothing was changed, and nothing was read.
#[test]
fn a_boot_before_the_first_change_claims_nothing_of_the_host() {
    let bench = Bench::new();
    let plan = bench.plan("plan", WRITES);
    bench.kill_at(&plan, 2);
    let said = bench.expect(0, &["recover", "--boot"]);
    said.says(&["No step had begun to change anything; no signal was read since."]).never_says(&["as it was"]);
    bench.kill_at(&plan, 2);
    bench.expect(0, &["rollback", "--yes"]).never_says(&["changed this host in: .", "as it was"]);
}

/// Drained on the way back, gone on with, and closed by hand: each end says what it knows.
#[test]
fn a_stuck_run_that_is_closed_by_hand_still_names_what_remains() {
    let bench = Bench::new();
    stuck_below_another(&bench);
    bench.expect(0, &["recover", "--accept", "looked at it"]);
    let runs = bench.expect(0, &["history", "--format", "json"]).json();
    let first = runs["runs"][1]["run"].as_str().unwrap().to_owned();
    let said = bench.expect(0, &["show", &first]);
    said.says(&["Closed by hand.", "nothing was read"]).never_says(&["as it was"]);
}

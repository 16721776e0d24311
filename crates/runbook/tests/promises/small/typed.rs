//! A command that a message names works as it is typed, from wherever it is typed.

use crate::bench::{Bench, RUNBOOK, SIMPLE, Said, said};
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A relative name with a space and a quote, which a shell must not see bare.
const STATE: &str = "it's a state";
/// What the commands of `runbook` begin with that act on a state directory.
const VERBS: &[&str] =
    &["status", "history", "backup", "recover", "resume", "rollback", "show", "report", "approve", "apply"];

/// A host on which nothing but the flag names the state directory.
struct Flagged {
    bench: Bench,
}

impl Flagged {
    fn new() -> Self {
        let bench = Bench::new();
        fs::create_dir(bench.path("elsewhere")).unwrap();
        Self { bench }
    }

    fn state(&self) -> PathBuf {
        self.bench.path(STATE)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bench.command(args);
        command.args(["--state-dir", STATE]).env_remove("RUNBOOK_STATE_DIR");
        command
    }

    fn expect(&self, code: i32, args: &[&str]) -> Said {
        said(self.command(args)).expect(code)
    }

    fn kill_at(&self, plan: &str, record: u32) {
        let output =
            self.command(&["apply", plan, "--yes"]).env("RUNBOOK_FAULT", format!("kill-after={record}")).output();
        assert_eq!(output.unwrap().status.code(), None);
    }

    /// Types `line` into a shell in another directory; consent is given where it is asked for.
    #[track_caller]
    fn type_in(&self, code: i32, line: &str) -> Said {
        // A bare one would act on the state directory of the host that the tests run on.
        let names = self.bench.path("").display().to_string();
        assert!(line.contains("--state-dir") && line.contains(&names), "not typed, for it means another one: {line}");
        let asks = ["resume", "rollback"].iter().any(|verb| line.contains(&format!(" {verb} ")));
        let line = if asks { format!("{line} --yes") } else { line.to_owned() };
        let mut shell = self.bench.command_of("sh", &["-c", &line]);
        let program = Path::new(RUNBOOK).parent().unwrap().display();
        let path = format!("{program}:{}", std::env::var("PATH").unwrap_or_default());
        shell.env("PATH", path).env_remove("RUNBOOK_STATE_DIR").current_dir(self.bench.path("elsewhere"));
        let said = said(shell);
        assert_eq!(said.code, Some(code), "typed: {line}\n{said:#?}");
        said
    }

    /// Types the one command with `verb` in `text`.
    #[track_caller]
    fn take(&self, code: i32, text: &str, verb: &str) -> Said {
        self.type_in(code, &named(text, verb))
    }

    /// Types all of `verbs`, each as it stands in `text`.
    #[track_caller]
    fn look(&self, text: &str, verbs: &[&str], word: &str) {
        for verb in verbs {
            let line = named(text, verb);
            let said = said_by(self, &line);
            assert!(said.out.contains(word), "typed: {line}\n{said:#?}");
        }
    }
}

fn said_by(host: &Flagged, line: &str) -> Said {
    let code = if line.contains(" status") { 6 } else { 0 };
    host.type_in(code, line)
}

fn both(said: &Said) -> String {
    format!("{}\n{}", said.out, said.err)
}

/// Every command in `text`: up to the backtick behind it, else up to the end of the line or of its column.
fn commands(text: &str) -> Vec<String> {
    let starts = text.match_indices("runbook ").filter(|(at, _)| !text[..*at].ends_with(|c: char| c.is_alphanumeric()));
    let whole = starts.map(|(at, _)| {
        let rest = &text[at..];
        let end = if text[..at].ends_with('`') { rest.find('`') } else { rest.find('\n') };
        let line = &rest[..end.unwrap_or(rest.len())];
        line.split("   ").next().unwrap_or(line).trim_end().to_owned()
    });
    whole.filter(|line| VERBS.iter().any(|verb| line.contains(&format!(" {verb}")))).collect()
}

#[track_caller]
fn named(text: &str, verb: &str) -> String {
    let all = commands(text);
    let is_it = |line: &&String| line.split(' ').any(|word| word == verb);
    all.iter().find(is_it).unwrap_or_else(|| panic!("no `{verb}` among {all:#?} in\n{text}")).clone()
}

fn first(next: &Json) -> String {
    next[0].as_str().unwrap_or_else(|| panic!("{next}")).to_owned()
}

#[test]
fn of_an_interrupted_run() {
    let host = Flagged::new();
    let plan = host.bench.plan("simple", SIMPLE);
    host.kill_at(&plan, 5);
    let status = host.expect(6, &["status"]).out;
    host.look(&status, &["show", "report"], "simple");
    let report = host.expect(0, &["report"]).out;
    assert!(named(&report, "resume").contains(host.bench.path("").to_str().unwrap()), "{report}");
    host.look(&status, &["show"], "simple");
    let refused = both(&host.expect(6, &["apply", &plan, "--yes"]));
    named(&refused, "rollback");
    let json = host.expect(6, &["status", "--format", "json"]).json();
    assert_eq!(json["closing"]["next"], json["blocked"]["next"]);
    host.type_in(0, &first(&json["blocked"]["next"]));
    assert!(host.bench.host("b.txt").exists());

    fs::remove_file(host.bench.host("a.txt")).unwrap();
    host.kill_at(&plan, 5);
    let refused = both(&host.expect(6, &["apply", &plan, "--yes"]));
    host.take(0, &refused, "rollback");
    assert!(!host.bench.host("a.txt").exists());

    host.kill_at(&plan, 5);
    let show = host.expect(0, &["show"]).out;
    host.take(0, &show, "resume");
    fs::remove_file(host.bench.host("a.txt")).unwrap();
    host.kill_at(&plan, 5);
    let records = host.expect(0, &["show", "--format", "ndjson"]).out;
    let last: Json = serde_json::from_str(records.lines().last().unwrap()).unwrap();
    host.type_in(0, last["closing"]["next"][1].as_str().unwrap());
}

/// A plan whose change is taken back as long as `ok` is there, and is stuck then.
const NEEDS_OK: &str = "steps:
  - { id: a, uses: file.write, with: { path: HOST/f, content: \"new\\n\" } }
  - id: v
    uses: verify.signals
    with:
      within: 1s
      signals:
        works: { command: [test, -e, HOST/ok], role: blocking, kind: functional }
";

#[test]
fn of_a_stuck_run() {
    let host = Flagged::new();
    host.bench.write("host/ok", "");
    let plan = host.bench.plan("min", NEEDS_OK);
    let done = both(&host.expect(0, &["apply", &plan, "--yes"]));
    host.look(&done, &["show", "report"], "min");
    fs::remove_file(host.bench.host("ok")).unwrap();
    let stuck = both(&host.expect(5, &["rollback", "--yes"]));
    host.take(5, &stuck, "rollback").says(&["read again"]);
    let refused = both(&host.expect(6, &["apply", &plan, "--yes"]));
    host.look(&refused, &["show"], "Stuck.");
    let report = host.expect(0, &["report"]).out;
    host.take(5, &report, "rollback");
    let boot = host.expect(5, &["recover", "--boot", "--format", "json"]).json();
    host.type_in(5, &named(boot["hint"].as_str().unwrap(), "rollback"));
    host.take(0, &refused, "recover").says(&["is closed: BECAUSE"]);
    host.expect(0, &["status"]);
}

#[test]
fn of_a_run_that_a_later_one_stands_on() {
    let host = Flagged::new();
    let plan = host.bench.plan("simple", SIMPLE);
    host.expect(0, &["apply", &plan, "--yes"]);
    let first = host.expect(0, &["show", "--format", "json"]).json()["run"]["run"].as_str().unwrap().to_owned();
    fs::write(host.bench.host("a.txt"), "other").unwrap();
    host.expect(0, &["apply", &plan, "--yes"]);
    let over = both(&host.expect(1, &["resume", &first, "--yes"]));
    host.look(&over, &["show"], &first[..6]);
    let later = both(&host.expect(1, &["rollback", &first, "--yes"]));
    host.take(0, &later, "rollback");
    let unnamed = both(&host.expect(1, &["show", "zz"]));
    host.take(0, &unnamed, "history").says(&[&first[..6]]);
    let unnamed = both(&host.expect(1, &["backup", "verify", "zz"]));
    host.take(0, &unnamed, "list");
}

#[test]
fn of_a_gap_in_the_journal() {
    let host = Flagged::new();
    let plan = host.bench.plan("simple", SIMPLE);
    host.kill_at(&plan, 5);
    for file in ["journal.db", "journal.db-wal"] {
        fs::remove_file(host.state().join(file)).unwrap();
    }
    let status = host.expect(5, &["status"]).out;
    named(&status, "recover");
    let json = host.expect(5, &["status", "--format", "json"]).json();
    let accept = first(&json["blocked"]["next"]);
    let refused = both(&host.expect(6, &["apply", &plan, "--yes"]));
    host.take(0, &refused, "list").says(&["no backups"]);
    assert_eq!(named(&refused, "recover"), accept);
    host.type_in(0, &accept);
    host.expect(0, &["status"]);
}

#[test]
fn of_a_run_whose_end_the_journal_lost() {
    let host = Flagged::new();
    let plan = host.bench.plan("simple", SIMPLE);
    host.kill_at(&plan, 5);
    let (database, kept) = (host.state().join("journal.db"), host.bench.path("kept.db"));
    // Moves the log into the database, as a writer that leaves does.
    let settle = || drop(runbook_journal::Journal::open(&runbook_journal::StateDir::at(host.state())).unwrap());
    settle();
    fs::copy(&database, &kept).unwrap();
    host.expect(0, &["resume", "--yes"]);
    settle();
    fs::copy(&kept, &database).unwrap();
    let json = host.expect(5, &["status", "--format", "json"]).json();
    let known = first(&json["blocked"]["next"]);
    let refused = both(&host.expect(6, &["apply", &plan, "--yes"]));
    assert_eq!(named(&refused, "--known"), known);
    host.type_in(5, &known).says(&["Rolled back."]);
    assert!(!host.bench.host("a.txt").exists());
    host.take(0, &refused, "recover");
}

/// A run that waits for an answer, ended with the test.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn of_a_gate() {
    let host = Flagged::new();
    let gate = "steps:\n  - { id: go, uses: gate.approve, with: { message: Really?, within: 1m } }\n  - { id: a, uses: file.write, needs: [go], with: { path: HOST/f, content: x } }\n";
    let plan = host.bench.plan("gate", gate);
    let mut apply = host.command(&["apply", &plan, "--yes"]);
    let mut run = Waiting(apply.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(run.0.stdout.take().unwrap()));
    let asked = lines.find(|line| line.as_ref().unwrap().contains("waits for: ")).unwrap().unwrap();
    let status = host.expect(6, &["status"]).out;
    assert_eq!(named(&status, "approve"), named(&asked, "approve"));
    let show = host.expect(0, &["show"]).out;
    host.look(&show, &["status", "show"], "gate");
    let json = host.expect(6, &["status", "--format", "json"]).json();
    host.type_in(6, &first(&json["blocked"]["next"]));
    assert_eq!(json["steps"][0]["waits_for"]["answer"], named(&asked, "approve"));
    let refused = both(&host.expect(6, &["apply", &plan, "--yes"]));
    host.look(&refused, &["status"], "gate");
    host.take(0, &asked, "approve");
    assert!(run.0.wait().unwrap().success());
    assert!(host.bench.host("f").exists());
}

#[test]
fn of_a_plan_to_start_from() {
    let host = Flagged::new();
    let said = both(&host.expect(0, &["init", "a plan's.yaml"]));
    let line = named(&said, "apply");
    fs::copy(host.bench.path("a plan's.yaml"), host.bench.path("elsewhere/a plan's.yaml")).unwrap();
    host.type_in(0, &line);
}

#[test]
fn a_variable_that_persists_needs_no_flag() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    let all = commands(&both(&bench.expect(0, &["apply", &plan, "--yes"])));
    assert!(!all.is_empty() && all.iter().all(|line| !line.contains("--state-dir")), "{all:#?}");
    let named = |change: &dyn Fn(&mut Command)| {
        let mut command = bench.command(&["show"]);
        change(&mut command);
        let all = commands(&said(command).expect(0).out);
        assert!(!all.is_empty() && all.iter().all(|line| line.contains("/state ")), "{all:#?}");
    };
    // A relative one means another directory elsewhere, and sudo hands none on.
    named(&|command| {
        command.env("RUNBOOK_STATE_DIR", "state");
    });
    named(&|command| {
        command.env("SUDO_UID", "1000");
    });
}

//! The ways to do a command on a host: there, or over ssh from a controller that is elsewhere. A test that is done both ways ends the
//! same: the same exit codes, verdicts and steps, and the same digest over all paths that its runs wrote.
//!
//! `RUNBOOK_WAY=afar` does every test from afar; `RUNBOOK_ENDS=DIR` keeps how its runs ended. `cargo xtask acceptance afar` compares.

use crate::afar::agent;
use serde_json::Value as Json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use test_hosts::{Host, Output, Ssh};

/// Where the controller is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Afar,
}

thread_local! {
    /// The way of the test on this thread.
    static WAY: Cell<Way> = Cell::new(Way::of_process());
    /// How its runs ended, where that is kept.
    static ENDS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

impl Way {
    fn of_process() -> Self {
        if std::env::var("RUNBOOK_WAY").is_ok_and(|way| way == "afar") { Self::Afar } else { Self::There }
    }
}

/// What can be done from elsewhere, with the plan that it names if it names one.
const FROM_AFAR: [&str; 11] =
    ["apply", "plan", "rollback", "resume", "status", "history", "show", "report", "approve", "commit", "cancel"];
/// One digest over all that there is about paths but times. Names that a service draws are passed over in its documents, and so is what it
/// appends to its logs (`.jsonl`).
const PICTURE: &str = r#"
for path; do
    [ -e "$path" ] || { echo "no $path"; continue; }
    find "$path" -printf '%y %m %U:%G %p %l\n'
    find "$path" -type f ! -name '*.json*' -exec sha256sum {} +
    find "$path" -type f -name '*.json' -print0 | sort -z | xargs -0r sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/UUID/g'
done | sort | sha256sum | cut -c1-16
"#;
/// What ends with a run.
const RUNS: [&str; 3] = ["apply", "rollback", "resume"];

/// Whether the controller of this test is elsewhere.
pub(crate) fn is_afar() -> bool {
    WAY.get() == Way::Afar
}

/// Does a test both ways at once, and compares how its runs ended.
pub(crate) fn both_ways(test: fn()) {
    if std::env::var_os("RUNBOOK_ENDS").is_some() {
        return test();
    }
    let go = |way| {
        move || {
            WAY.set(way);
            ENDS.set(Some(Vec::new()));
            test();
            ENDS.take().unwrap_or_default()
        }
    };
    let (there, afar) = std::thread::scope(|scope| {
        let (there, afar) = (scope.spawn(go(Way::There)), scope.spawn(go(Way::Afar)));
        (there.join(), afar.join())
    });
    let (there, afar) = (there.unwrap(), afar.unwrap());
    assert_eq!(there, afar, "left: on the host itself; right: from afar");
    println!("{} runs ended the same on the host itself and from afar", there.len());
}

/// The command `runbook` with these words, done on `host` the way of this test.
pub(crate) fn command(host: &Host, words: &[&str]) -> Command {
    if is_afar() && words.first().is_some_and(|word| FROM_AFAR.contains(word)) {
        return controller(host, words);
    }
    host.command(std::iter::once(&"runbook").chain(words)).unwrap()
}

/// Does it to its end.
pub(crate) fn runbook(host: &Host, words: &[&str]) -> Output {
    let output = test_hosts::Output::of(command(host, words)).unwrap();
    if words.first().is_some_and(|word| RUNS.contains(word)) {
        ended(host, output.code);
    }
    output
}

/// What a controller on this machine does, which has the plan and nothing else of the host.
fn controller(host: &Host, words: &[&str]) -> Command {
    let ssh = Ssh::to(host).unwrap();
    let dir = ssh.dir();
    let put = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
    put("inventory.yaml", &format!("kind: Inventory\nversion: 1\nname: test\nhosts:\n  {}: {{}}\n", host.name()));
    let mut words: Vec<&str> = words.to_vec();
    if let [_, plan, ..] = words.as_mut_slice()
        && plan.ends_with(".yaml")
    {
        put("plan.yaml", &host.read(plan).unwrap());
        *plan = "plan.yaml";
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
    command.args(words).args(["--host", host.name()]).current_dir(dir).stdin(Stdio::null());
    command.env("PATH", format!("{}:{path}", dir.display()));
    command.env("RUNBOOK_AGENT", agent()).env("RUNBOOK_STATE_DIR", dir.join("state"));
    command
}

/// Notes how the latest run of root on `host` ended, and what it left, where somebody compares that.
pub(crate) fn ended(host: &Host, code: i32) {
    let kept = std::env::var_os("RUNBOOK_ENDS");
    if kept.is_none() && ENDS.with_borrow(Option::is_none) {
        return;
    }
    let shown = host.run(["runbook", "show", "--format", "json"]).unwrap();
    let end = match serde_json::from_str::<Json>(&shown.stdout) {
        // Of a process that was killed the code is another one than of a controller that lost it.
        Ok(run) if run["verdict"].is_null() && code >= 128 => format!("interrupted {}", summary(host, &run)),
        Ok(run) if run["run"].is_object() => format!("{code} {}", summary(host, &run)),
        _ => format!("{code} without a run"),
    };
    println!("{end}");
    if let Some(dir) = kept {
        keep(Path::new(&dir), &end);
    }
    ENDS.with_borrow_mut(|ends| ends.iter_mut().for_each(|ends| ends.push(end.clone())));
}

/// Adds a line to the file of this test.
fn keep(dir: &Path, end: &str) {
    let test = std::env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let file = std::fs::OpenOptions::new().create(true).append(true).open(dir.join(test.replace("::", "-")));
    writeln!(file.unwrap(), "{end}").unwrap();
}

/// The verdict, what became of each step, and one digest over every path that a step wrote.
fn summary(host: &Host, run: &Json) -> String {
    let steps = run["steps"].as_array().unwrap();
    let steps: BTreeSet<String> = steps.iter().map(|step| format!("{}={}", step["step"], step["status"])).collect();
    let mut paths = BTreeSet::new();
    for record in run["records"].as_array().unwrap() {
        let (undo, outputs) = (&record["undo"], &record["outputs"]);
        for listed in [&record["absent"], &undo["captured"], &outputs["always"]] {
            paths.extend(listed.as_array().into_iter().flatten().filter_map(Json::as_str));
        }
        paths.extend([&outputs["path"], &outputs["package_root"]].into_iter().filter_map(Json::as_str));
    }
    let words = ["sh", "-c", PICTURE, "sh"].into_iter().chain(paths.iter().copied());
    let digest = host.run(words).unwrap().ok().unwrap();
    let steps: Vec<String> = steps.into_iter().collect();
    format!("{} {} {} paths {digest}", run["verdict"], steps.join(" "), paths.len()).replace('"', "")
}

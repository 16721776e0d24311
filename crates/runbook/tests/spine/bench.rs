//! A directory with a plan and a state directory of its own, and the binary that is run there.

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Bench {
    dir: tempfile::TempDir,
}

/// How a command ended and what it said.
pub(crate) struct Said {
    /// `None` if it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A `runbook` that is at work. Its standard error is in the file `stderr`.
pub(crate) struct Working<'a> {
    bench: &'a Bench,
    child: Child,
}

impl Bench {
    /// With a plan of these steps.
    pub(crate) fn new(steps: &str) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        bench.plan(steps);
        bench
    }

    pub(crate) fn plan(&self, steps: &str) {
        let (vars, steps) = steps.split_once("steps:").unwrap_or(("", steps));
        self.write(
            "plan.yaml",
            &format!("kind: Plan\nversion: 1\nname: spine\nsummary: A test\n{vars}\nsteps:\n{steps}"),
        );
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The content of a file; `None` if it is not there.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
        self.settle(command.args(args));
        command
    }

    /// Where a command runs and what it knows of the world.
    pub(crate) fn settle(&self, command: &mut Command) {
        command
            .current_dir(self.dir.path())
            .env("RUNBOOK_STATE_DIR", self.path("state"))
            .env("NO_COLOR", "1")
            .env_remove("RUNBOOK_FAULT")
            .stdin(Stdio::null());
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(&mut self.command(args))
    }

    /// Applies with a fault point.
    pub(crate) fn apply_with(&self, fault: &str) -> Said {
        said(self.command(&["apply", "plan.yaml", "--yes", "--parallel", "1"]).env("RUNBOOK_FAULT", fault))
    }

    pub(crate) fn apply(&self) -> Said {
        self.run(&["apply", "plan.yaml", "--yes"])
    }

    /// Starts it and returns once the file `sign` is there and not empty.
    pub(crate) fn start(&self, args: &[&str], sign: &str) -> Working<'_> {
        self.start_with(args, sign, fs::File::create(self.path("stderr")).unwrap().into())
    }

    /// The same without a file for standard error.
    pub(crate) fn start_silent(&self, args: &[&str], sign: &str) -> Working<'_> {
        self.start_with(args, sign, Stdio::null())
    }

    fn start_with(&self, args: &[&str], sign: &str, stderr: Stdio) -> Working<'_> {
        // A write past a limit on file sizes must be an error, not a signal.
        let mut shell = Command::new("sh");
        shell.arg("-c").arg("trap '' XFSZ; exec \"$0\" \"$@\"").arg(env!("CARGO_BIN_EXE_runbook")).args(args);
        self.settle(&mut shell);
        let child = shell.stdout(Stdio::null()).stderr(stderr).process_group(0).spawn().unwrap();
        let working = Working { bench: self, child };
        self.wait_for(sign);
        working
    }

    pub(crate) fn wait_for(&self, name: &str) {
        until(name, || fs::metadata(self.path(name)).is_ok_and(|found| found.len() > 0));
    }

    /// Waits until `runbook` has noted that the process group `pid` runs: only then can another one end it.
    pub(crate) fn wait_until_noted(&self, pid: u32) {
        let notes = self.path(&format!("state/runs/{}/.running", self.latest()));
        until("the note of a command", || {
            fs::read_to_string(&notes).is_ok_and(|text| text.contains(&format!("+{pid} ")))
        });
    }

    /// The number in a file that a command wrote.
    pub(crate) fn pid(&self, name: &str) -> u32 {
        self.read(name).unwrap().trim().parse().unwrap()
    }

    /// The name of the latest run, as people see it.
    pub(crate) fn shown(&self) -> String {
        self.latest().chars().take(6).collect()
    }

    /// The whole id of the latest run.
    pub(crate) fn latest(&self) -> String {
        let text = self.run(&["status", "--format", "json"]).out;
        let status: serde_json::Value = serde_json::from_str(&text).unwrap();
        find_run(&status).unwrap_or_else(|| panic!("no run in {text}"))
    }
}

fn find_run(tree: &serde_json::Value) -> Option<String> {
    match tree {
        serde_json::Value::Object(map) => match map.get("run") {
            Some(serde_json::Value::String(run)) => Some(run.clone()),
            _ => map.values().find_map(find_run),
        },
        _ => None,
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

impl Said {
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text) || self.err.contains(text), "{text:?} is not in\n{}\n{}", self.out, self.err);
        self
    }
}

impl Working<'_> {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        kill(self.child.id(), name);
    }

    /// Presses Ctrl-C and waits until it says what that means.
    pub(crate) fn interrupt(&self, answer: &str) {
        let answers = || self.bench.read("stderr").unwrap_or_default().matches(answer).count();
        let before = answers();
        self.signal("-INT");
        until(answer, || answers() > before);
    }

    pub(crate) fn ends(mut self) -> Option<i32> {
        let status = self.child.wait().unwrap();
        assert!(status.code().is_some() || status.signal().is_some());
        status.code()
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn kill(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A step that runs a shell text, writes below `<id>.d` and is taken back by removing that and noting it in `undone`.
pub(crate) fn shell(id: &str, text: &str, more: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    format!(
        "  - id: {id}\n    uses: command.run\n    with:\n      run: [sh, -c, {quoted}]\n      \
         undo: {{ run: [sh, -c, \"echo {id} >> undone; rm -f {id}.d\"] }}\n      \
         effects: {{ writes: [{{ path: ./{id}.d }}] }}\n{more}"
    )
}

/// A step that writes its id into `<id>.txt`.
pub(crate) fn file(id: &str, needs: &str) -> String {
    format!(
        "  - id: {id}\n    uses: file.write\n    needs: [{needs}]\n    with: {{ path: ./{id}.txt, content: {id} }}\n"
    )
}

/// Everything below a directory, by name.
pub(crate) fn every_file(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(every_file(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path, bytes));
        }
    }
    found
}

//! A host with one example on it, and the real `runbook` acting on it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a consumer of the service got, or why nothing.
pub(crate) type Served = Result<String, String>;

/// What `RUNBOOK_FAULT` arranges; see the engine's `faults.rs`.
pub(crate) type Fault<'a> = Option<&'a str>;

/// An example: a service at its old release, a release that is broken and one that is good.
pub(crate) trait Example {
    /// A fresh host with the old release up and running.
    fn fresh() -> World;
    /// The steps of the plan.
    const STEPS: &'static [&'static str];
    /// The releases.
    const BROKEN: &'static str;
    const GOOD: &'static str;
}

/// One scratch host.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    /// The plan, and the arguments that name everything on this host.
    pub(crate) plan: PathBuf,
    pub(crate) stop: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// The port that the service listens on: hosts differ in it, and are compared without it.
    pub(crate) port: u16,
    /// What must be as before: the program and its state.
    pub(crate) trees: Vec<PathBuf>,
    /// Whether the service does its real work, and as which release.
    pub(crate) serves: Box<dyn Fn() -> Served>,
}

/// What a host looks like.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) serves: Served,
    pub(crate) contents: BTreeMap<String, String>,
}

impl World {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn runbook(&self, args: &[&str], fault: Fault<'_>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
        command.args(args).arg("--state-dir").arg(self.path("runbook")).envs(&self.environment);
        command.env_remove("RUNBOOK_FAULT");
        command.envs(fault.map(|fault| ("RUNBOOK_FAULT", fault)));
        command.output().unwrap()
    }

    pub(crate) fn apply(&self, target: &str, fault: Fault<'_>) -> Output {
        let target = format!("target={target}");
        let plan = self.plan.to_string_lossy();
        let mut args = vec!["apply", &plan, "--yes", "--var", &target];
        args.extend(self.args.iter().map(String::as_str));
        self.runbook(&args, fault)
    }

    /// Digests of every tree with all that a backup keeps, times included.
    pub(crate) fn digests(&self) -> Vec<String> {
        self.trees.iter().map(|tree| format!("{:?}", runbook_backup::digest_tree(tree).unwrap())).collect()
    }

    /// Every file by its mode and content, for hosts that got there at different times.
    pub(crate) fn picture(&self) -> Picture {
        let mut contents = BTreeMap::new();
        for tree in &self.trees {
            self.read_tree(tree, tree, &mut contents);
        }
        Picture { serves: (self.serves)(), contents }
    }

    fn read_tree(&self, root: &Path, path: &Path, contents: &mut BTreeMap<String, String>) {
        let Ok(found) = fs::symlink_metadata(path) else { return };
        let name = path.strip_prefix(root.parent().unwrap()).unwrap().to_string_lossy().into_owned();
        let what = if found.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.read_tree(root, &entry.unwrap().path(), contents);
            }
            "directory".to_owned()
        } else if found.is_symlink() {
            fs::read_link(path).unwrap().to_string_lossy().into_owned()
        } else {
            // Only the entry of the configuration: five digits stand somewhere in any large package.
            let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
            let text = text.replace(&format!("\"port\": {}", self.port), "\"port\": PORT");
            runbook_backup::Digest::of(text.as_bytes()).to_string()
        };
        contents.insert(name, format!("{:o} {what}", found.permissions().mode()));
    }

    /// How many records the latest run has.
    pub(crate) fn records(&self) -> usize {
        let output = self.runbook(&["show", "--format", "ndjson"], None);
        // An open run has a line of its own for what is claimed of it.
        String::from_utf8(output.stdout).unwrap().lines().filter(|line| line.contains("\"seq\":")).count()
    }

    /// The latest run.
    pub(crate) fn latest(&self) -> String {
        let output = self.runbook(&["status", "--format", "json"], None);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        status["run"]["run"].as_str().unwrap().to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A world whose run was left open or stuck is closed by hand first; then its service goes down.
        let _ = self.runbook(&["recover", "--accept", "the test is over"], None);
        let stop = self.stop.to_string_lossy().into_owned();
        let _ = self.runbook(&["apply", &stop, "--yes"], None);
    }
}

/// The exit code, or `None` for one that was killed.
pub(crate) fn code(output: &Output) -> Option<i32> {
    assert_eq!(output.status.signal().filter(|signal| *signal != 9), None, "{}", said(output));
    output.status.code()
}

/// What it said, for messages.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

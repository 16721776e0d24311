//! One case from its beginning to an end: the plan is applied with a fault, then what is named as next is typed.

use super::fault::{Damage, Fault};
use super::judge::{View, judge};
use super::scene::Scene;
use super::tree::Tree;
use fastrand::Rng;
use runbook_host::Reader;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long one command may take. Longer is a fault of its own: it does not end.
const LIMIT: &str = "60";
/// How often what is named as next is typed.
const ROUNDS: usize = 3;

pub(super) struct Session<'a> {
    binary: &'a Path,
    scene: &'a Scene,
    mark: String,
    ending: String,
}

/// A small file system, taken away again with the value.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(binary: &'a Path, scene: &'a Scene, seed: u64) -> Self {
        let mark = format!("{seed}-{}", scene.dir().display());
        Self { binary, scene, mark, ending: "no run".to_owned() }
    }

    /// How the run ended in the end.
    pub(super) fn ending(&self) -> &str {
        &self.ending
    }

    /// Everything that was claimed and is false.
    pub(super) fn play(&mut self, fault: &Fault, random: &mut Rng) -> Result<Vec<String>, String> {
        let _small = self.mount(fault)?;
        let before = Tree::of(&self.scene.host());
        let applied = self.apply(fault, random)?;
        self.damage(fault)?;
        let mut wrong = Vec::new();
        let damaged = matches!(fault, Fault::Damage { .. });
        let mut view = self.look(&before, damaged)?;
        if *fault == Fault::None && view.show.is_null() {
            return Err(format!("the plan is refused: {}", String::from_utf8_lossy(&applied.stderr)));
        }
        wrong.extend(
            judge(&view, self.scene).into_iter().map(|what| format!("after apply (exit {}): {what}", code(&applied))),
        );
        for _ in 0..ROUNDS {
            let Some(words) = view.next(random) else { break };
            let said = self.run(&words, &[])?;
            if said.status.code() == Some(1) && !damaged {
                let said = String::from_utf8_lossy(&said.stderr).into_owned();
                wrong.push(format!("`runbook {}` is named as next and refused: {said}", words.join(" ")));
                break;
            }
            view = self.look(&before, damaged)?;
            let after = format!("after `runbook {}` (exit {})", words.join(" "), code(&said));
            wrong.extend(judge(&view, self.scene).into_iter().map(|what| format!("{after}: {what}")));
        }
        self.ending = view.verdict().unwrap_or("no run").to_owned();
        Ok(wrong)
    }

    fn mount(&self, fault: &Fault) -> Result<Option<Mounted>, String> {
        // Nobody else may mount one: then the case has room.
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let (place, kib) = match fault {
            Fault::FullState { kib } => (self.scene.state(), kib),
            Fault::FullHost { kib } => (self.scene.host(), kib),
            _ => return Ok(None),
        };
        fs::create_dir_all(&place).map_err(|error| error.to_string())?;
        let size = format!("size={kib}k,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "claims"]).arg(&place).output();
        let mounted = mounted.map_err(|error| format!("mount: {error}"))?;
        if !mounted.status.success() {
            return Err(format!("no small file system: {}", String::from_utf8_lossy(&mounted.stderr)));
        }
        let kept = Mounted(place);
        if matches!(fault, Fault::FullHost { .. }) {
            self.scene.furnish().map_err(|error| format!("the small host cannot be furnished: {error}"))?;
        }
        Ok(Some(kept))
    }

    fn apply(&self, fault: &Fault, random: &mut Rng) -> Result<Output, String> {
        let plan = self.scene.plan_file().display().to_string();
        let words: Vec<String> = ["apply", &plan, "--yes", "--parallel", "1"].map(str::to_owned).to_vec();
        let through = |text: String| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        match fault {
            Fault::KillAtCall { call, nth } => self.run(
                &words,
                &through(format!("strace -f -qq -o /dev/null -e trace={call} -e inject={call}:signal=KILL:when={nth}")),
            ),
            Fault::ErrorFromCall { call, error, nth } => self.run(
                &words,
                &through(format!(
                    "strace -f -qq -o /dev/null -e trace={call} -e inject={call}:error={error}:when={nth}"
                )),
            ),
            Fault::Interrupt => self.run(&words, &through(format!("timeout --signal=INT 0.{:02}", random.u32(4..40)))),
            Fault::KillAtRecord(nth) => {
                self.finish(self.command(&words, &[]).env("RUNBOOK_FAULT", format!("kill-after={nth}")))
            }
            // A journal is damaged the more often where there is a log beside it: after a kill.
            Fault::Damage { percent, .. } if percent % 2 == 0 => {
                self.finish(self.command(&words, &[]).env("RUNBOOK_FAULT", format!("kill-after={}", 8 + percent / 5)))
            }
            _ => self.run(&words, &[]),
        }
    }

    fn damage(&self, fault: &Fault) -> Result<(), String> {
        let Fault::Damage { how, percent } = fault else { return Ok(()) };
        let database = self.scene.state().join("journal.db");
        let log = self.scene.state().join("journal.db-wal");
        let target = if fs::metadata(&log).is_ok_and(|found| found.len() > 0) { &log } else { &database };
        let done = match how {
            Damage::Gone => fs::remove_file(&database).and_then(|()| fs::remove_file(&log).or(Ok(()))),
            Damage::LogGone => fs::remove_file(&log).or(Ok(())),
            Damage::Cut | Damage::Flipped => fs::read(target).and_then(|mut bytes| {
                let at = bytes.len() * usize::try_from(*percent).unwrap_or(0) / 100;
                match how {
                    Damage::Cut => bytes.truncate(at),
                    _ => bytes.iter_mut().skip(at).take(16).for_each(|byte| *byte = !*byte),
                }
                fs::write(target, bytes)
            }),
        };
        done.or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error.to_string()) })
    }

    /// What is claimed now, and what is there.
    fn look(&self, before: &Tree, damaged: bool) -> Result<View, String> {
        self.wait_for_children();
        let words = |command: &str| [command, "--format", "json"].map(str::to_owned).to_vec();
        let status = self.run(&words("status"), &[])?;
        let show = self.run(&words("show"), &[])?;
        Ok(View {
            before: before.clone(),
            after: Tree::of(&self.scene.host()),
            code: status.status.code(),
            status: serde_json::from_slice(&status.stdout).unwrap_or(Value::Null),
            // Without a run it is an account of the refusal.
            show: serde_json::from_slice(&show.stdout)
                .ok()
                .filter(|show: &Value| show["closing"].is_object())
                .unwrap_or_default(),
            damaged,
        })
    }

    fn run(&self, words: &[String], through: &[String]) -> Result<Output, String> {
        self.finish(&mut self.command(words, through))
    }

    fn finish(&self, command: &mut Command) -> Result<Output, String> {
        let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        // What `timeout` says where it had to kill.
        if output.status.code() == Some(137) {
            return Err(format!("{command:?} did not end within {LIMIT} seconds"));
        }
        Ok(output)
    }

    fn command(&self, words: &[String], through: &[String]) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["--signal=KILL", LIMIT])
            .args(through)
            .arg(self.binary)
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.scene.dir())
            .env("RUNBOOK_STATE_DIR", self.scene.state())
            .env("CLAIMS_CASE", &self.mark)
            .current_dir(self.scene.dir())
            .stdin(Stdio::null());
        command
    }

    /// What a step left running may write late: the host is read when it has ended.
    fn wait_for_children(&self) {
        let end = Instant::now() + Duration::from_secs(5);
        while self.has_children() && Instant::now() < end {
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn has_children(&self) -> bool {
        let reader = Reader::new(self.scene.state(), self.scene.dir());
        reader.processes_with_env("CLAIMS_CASE", Path::new(&self.mark)).is_ok_and(|found| !found.is_empty())
    }
}

fn code(output: &Output) -> String {
    output.status.code().map_or_else(|| "by a signal".to_owned(), |code| code.to_string())
}

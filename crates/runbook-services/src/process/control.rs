//! A service, its supervisor, and bringing it down.
//!
//! A service is brought down by its supervisor. If that was killed, the service's processes are found by identity and
//! by the mark in their environment, and ended one by one; a number alone is never enough.

use super::spec::Spec;
use super::state::{Life, Phase, State};
use super::supervisor::MARK;
use runbook_host::{Host, Identity, Process, Reader, io_failure};
use runbook_model::Failure;
use runbook_step::Names;
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The command of `runbook` that is a supervisor; its argument is the spec.
const SUPERVISE: &str = "supervise";
/// How long a supervisor may take to write its first state.
const FIRST_STATE: Duration = Duration::from_secs(10);
/// The pause between two looks for the first state.
const LOOK: Duration = Duration::from_millis(3);
/// How long a supervisor may take beyond the grace period of its service.
const SUPERVISOR: Duration = Duration::from_secs(15);

/// A service by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
}

impl Service {
    /// What its name has to be.
    pub const NAME: Names = Names {
        wanted: "the name of a service: letters, digits, `.`, `-`, `_` and `@`, not a dot first",
        fit: Self::is_name,
    };

    /// Whether `name` can be the name of a service: it is also the name of a directory.
    pub fn is_name(name: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(plain)
    }

    /// The service called `name`; it need not exist.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Where everything about it is.
    pub fn dir(&self, host: &Reader) -> PathBuf {
        host.state_dir().join("processes").join(&self.name)
    }

    /// What it is; `None` if it was never started.
    pub fn spec(&self, host: &Reader) -> Result<Option<Spec>, Failure> {
        read_json(host, &self.spec_path(host))
    }

    /// What its supervisor last wrote.
    pub fn state(&self, host: &Reader) -> Result<Option<State>, Failure> {
        read_json(host, &self.dir(host).join("state.json"))
    }

    /// Every process of it that runs, its own process first if that runs.
    pub fn tree(&self, host: &Reader) -> Result<Vec<Process>, Failure> {
        let mut found = Vec::new();
        if let Some(state) = self.state(host)? {
            let life = state.life(host)?;
            if let Some(main) = life.process() {
                found.extend(host.process(main.pid)?.filter(|process| process.identity == *main));
                found.extend(host.descendants(main.pid)?);
            }
            if matches!(life, Life::Running(_) | Life::Waiting) {
                found.extend(host.descendants(state.supervisor.pid)?);
            }
        }
        if let Some(dir) = host.canonical(&self.dir(host))? {
            found.extend(host.processes_with_env(MARK, &dir)?);
        }
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|process| seen.insert(process.identity.clone()));
        Ok(found)
    }

    /// The same, also for the supervisor itself.
    pub fn supervised_by(host: &Reader, process: &Identity) -> Result<Option<String>, Failure> {
        let itself = host.executed(process)?.and_then(|executed| supervises(&executed.argv));
        if itself.is_some() { Ok(itself) } else { Self::supervising(host, process) }
    }

    /// The name of the service under whose supervisor `process` runs, in whatever state directory that one is. The
    /// supervisor adopts what its service leaves behind, so a process that is not below one is an orphan.
    pub fn supervising(host: &Reader, process: &Identity) -> Result<Option<String>, Failure> {
        for above in host.ancestors(process.pid)? {
            let name = supervises(&host.executed(&above.identity)?.unwrap_or_default().argv);
            if name.is_some() {
                return Ok(name);
            }
        }
        Ok(None)
    }

    /// Puts it under a supervisor, which starts it as often as it may; whether it comes up is not waited for. It must be
    /// down.
    pub fn supervise(&self, host: &Host, spec: &Spec) -> Result<State, Failure> {
        self.keep_spec(host, spec)?;
        self.spawn(host)
    }

    pub(super) fn keep_spec(&self, host: &Host, spec: &Spec) -> Result<(), Failure> {
        // It holds the environment, and the log holds whatever the service says.
        host.own_dir(&self.dir(host))?;
        host.replace_file(&self.spec_path(host), &spec.to_bytes()?, 0o600)
    }

    pub(super) fn cannot_be_started(&self, why: &str) -> Failure {
        Failure::failed(format!("service `{}` cannot be started: {why}", self.name))
    }

    /// Brings it down with every process that belongs to it. Whether there was anything to bring down.
    pub fn stop(&self, host: &Host) -> Result<bool, Failure> {
        self.refuse_from_inside(host)?;
        let grace = self.spec(host)?.map_or(Duration::from_secs(10), |spec| spec.grace());
        let mut was_up = false;
        if let Some(state) = self.state(host)?
            && host.alive(&state.supervisor)?
        {
            was_up = true;
            host.signal(&state.supervisor, Signal::TERM)?;
            if !host.wait_gone(&state.supervisor, grace + SUPERVISOR)? {
                host.terminate(std::slice::from_ref(&state.supervisor), Duration::ZERO)?;
            }
        }
        // A process may have started another one while it was looked for.
        for _ in 0..16 {
            let left: Vec<Identity> = self.tree(host)?.into_iter().map(|process| process.identity).collect();
            if left.is_empty() {
                return Ok(was_up);
            }
            was_up = true;
            host.terminate(&left, grace)?;
        }
        Err(Failure::failed(format!("service `{}` starts new processes faster than they can be ended", self.name)))
    }

    /// Refuses if this `runbook` runs inside the service: bringing the service down would end it on the way.
    pub fn refuse_from_inside(&self, host: &Reader) -> Result<(), Failure> {
        let mut own: Vec<u32> = host.ancestors(std::process::id())?.iter().map(|one| one.identity.pid).collect();
        own.push(std::process::id());
        match self.tree(host)?.into_iter().find(|process| own.contains(&process.identity.pid)) {
            None => Ok(()),
            Some(process) => {
                let message = format!(
                    "this runbook runs inside service `{}` ({}), and would end itself with it",
                    self.name, process.identity
                );
                Err(Failure::refused(message).hint(
                    "run it from a shell that the service did not start: log in anew, over SSH or on the console",
                ))
            }
        }
    }

    /// Keeps `spec` as the one to start it with, or forgets that it ever was a service. It must be down.
    pub fn restore_spec(&self, host: &Host, spec: Option<&Spec>) -> Result<(), Failure> {
        let path = self.spec_path(host);
        if self.spec(host)?.as_ref() == spec {
            return Ok(());
        }
        match spec {
            Some(spec) => host.replace_file(&path, &spec.to_bytes()?, 0o600),
            None => host.remove(&path),
        }
    }

    fn spec_path(&self, host: &Reader) -> PathBuf {
        self.dir(host).join("spec.json")
    }

    pub(super) fn spawn(&self, host: &Host) -> Result<State, Failure> {
        host.act()?;
        let program = host.own_program();
        let mut supervisor = std::process::Command::new(program)
            .arg(SUPERVISE)
            .arg(self.spec_path(host))
            .env_clear()
            .current_dir("/")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .map_err(|error| io_failure("run the supervisor", program, &error))?;
        // The whole identity: in a container that was started again, an older supervisor had the same number.
        let own = host.process(supervisor.id())?.map(|process| process.identity);
        let until = Instant::now() + FIRST_STATE;
        let started = loop {
            let ended = supervisor.try_wait().is_ok_and(|status| status.is_some());
            let state = self.state(host)?.filter(|state| Some(&state.supervisor) == own.as_ref());
            match state {
                Some(State { phase: Phase::GaveUp(why), .. }) => {
                    break Err(self.cannot_be_started(&why));
                }
                Some(state) if state.child.is_some() || state.last_exit.is_some() || state.not_started.is_some() => {
                    break Ok(state);
                }
                _ if ended => {
                    break Err(Failure::failed(format!("the supervisor of service `{}` ended at once", self.name))
                        .hint("another supervisor may hold its lock: look for `supervise` in the process list"));
                }
                _ if Instant::now() >= until => {
                    break Err(Failure::failed(format!("the supervisor of service `{}` does not answer", self.name)));
                }
                _ => std::thread::sleep(LOOK),
            }
        };
        // Its parent reads how it ended, so that it does not stay in the process table.
        std::thread::spawn(move || supervisor.wait());
        started
    }
}

/// The name of the service whose supervisor is run by `argv`.
fn supervises(argv: &[String]) -> Option<String> {
    let [_, word, spec] = argv else { return None };
    let name = Path::new(spec).parent()?.file_name().filter(|_| word == SUPERVISE)?;
    Some(name.to_string_lossy().into_owned())
}

fn read_json<T: serde::de::DeserializeOwned>(host: &Reader, path: &Path) -> Result<Option<T>, Failure> {
    let Some(bytes) = host.read(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Failure::failed(format!("{} is damaged: {error}", path.display()))
            .hint("if no process of the service runs, remove the file and start the service again")
    })
}

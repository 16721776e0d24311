//! The process that keeps one service up: `runbook supervise <spec>`. It sleeps until something happens.
//!
//! It leads a session of its own and adopts whatever its service leaves behind, so that bringing the service down is
//! complete when no child is left. Steps talk to it with TERM and read the state that it writes; see `control.rs`.

use super::spec::{Limit, Restart, Spec};
use super::state::{Phase, State};
use runbook_host::{Identity, LogMark, Reader, UMASK, signal_exactly};
use rustix::fs::Mode;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

/// Set in a service's environment to its directory, so that its processes are known even without a supervisor.
pub(super) const MARK: &str = "RUNBOOK_PROCESS";
/// How long processes may take to be gone after KILL.
const AFTER_KILL: Duration = Duration::from_secs(10);
/// A process that was adopted after the last look is looked for again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Keeps the service up that `spec` describes until TERM, or until it ends and is not to be started again. What there
/// is to say is in `state.json` beside `spec`; the exit code only says whether there was a supervisor at all.
pub fn supervise(spec: &Path) -> ExitCode {
    match Supervisor::new(spec).and_then(Supervisor::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

struct Supervisor {
    spec: Spec,
    dir: PathBuf,
    reader: Reader,
    state: State,
    /// Times of restarts, for the limit.
    restarts: VecDeque<Instant>,
    /// Held as long as this process lives.
    _lock: File,
}

/// Why waiting for the service ended.
enum Woken {
    Asked,
    Ended(WaitStatus),
}

struct Signals {
    term: SignalStream,
    int: SignalStream,
    /// Only received, never answered: a terminal that goes away does not concern a service.
    hup: SignalStream,
    child: SignalStream,
}

impl Supervisor {
    fn new(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let dir = path.parent().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(dir.join("lock"))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        let spec: Spec = serde_json::from_slice(&std::fs::read(&path)?)?;
        // Fails if this process leads a group already; then it was started by hand, which is as good.
        let _ = rustix::process::setsid();
        #[cfg(all(target_os = "linux", not(feature = "portable")))]
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        rustix::process::umask(Mode::from_raw_mode(spec.umask.unwrap_or(UMASK)));
        let reader = Reader::new(&dir, &dir);
        let state = State {
            supervisor: identity_of(&reader, std::process::id())?,
            child: None,
            started_ns: 0,
            restarts: 0,
            log_since: None,
            last_exit: None,
            not_started: None,
            phase: Phase::Waiting,
        };
        Ok(Self { spec, dir, reader, state, restarts: VecDeque::new(), _lock: lock })
    }

    fn run(mut self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = runtime.block_on(self.keep_up());
        if let Err(error) = &ended {
            self.enter(Phase::GaveUp(error.to_string()));
        }
        ended
    }

    async fn keep_up(&mut self) -> io::Result<()> {
        let mut signals = Signals::new()?;
        self.open_log()?;
        self.state.log_since = Some(LogMark::at_end(&self.reader, &self.spec.log).map_err(io::Error::other)?);
        self.write()?;
        loop {
            let (well, how) = match self.start() {
                Ok(main) => match signals.wait_for(main).await? {
                    Woken::Asked => {
                        self.enter(Phase::Stopping);
                        return self.end(&mut signals, Some(main)).await;
                    }
                    Woken::Ended(status) => {
                        let how = self.ending(status);
                        self.state.last_exit = Some(how.clone());
                        (status.exit_status() == Some(0), how)
                    }
                },
                // Its program may be absent only for as long as an installation takes.
                Err(error) => {
                    self.state.not_started = Some(error.to_string());
                    (false, error.to_string())
                }
            };
            self.state.child = None;
            let again = self.pause_before_restart(well);
            self.enter(if again.is_some() { Phase::Waiting } else { Phase::Stopping });
            self.bring_down(&mut signals, None).await?;
            let Some(pause) = again else {
                self.finish(well, &how);
                return Ok(());
            };
            if signals.asked_within(pause).await {
                self.enter(Phase::Ended);
                return Ok(());
            }
            self.state.restarts += 1;
        }
    }

    fn start(&mut self) -> io::Result<Pid> {
        let log = self.open_log()?;
        let cwd = &self.spec.cwd;
        if !cwd.is_dir() {
            return Err(io::Error::other(format!("the directory {} is not there", cwd.display())));
        }
        let mut command = std::process::Command::new(&self.spec.program);
        if let Some(name) = self.spec.argv.first() {
            command.arg0(name);
        }
        command
            .args(self.spec.argv.iter().skip(1))
            .env_clear()
            .envs(&self.spec.base_env)
            .envs(&self.spec.env)
            .env(MARK, &self.dir)
            .current_dir(cwd)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        self.state.started_ns = now_ns();
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot run {}: {error}", self.spec.program.display()))
        })?;
        self.state.child = Some(identity_of(&self.reader, child.id())?);
        self.state.not_started = None;
        self.enter(Phase::Running);
        pid(child.id()).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// How long to wait before the service is started again; `None` if it is not to be.
    fn pause_before_restart(&mut self, ended_well: bool) -> Option<Duration> {
        let wanted = match self.spec.restart {
            Restart::Never => false,
            Restart::OnFailure => !ended_well,
            Restart::Always => true,
        };
        let Limit { restarts, within_ms, first_pause_ms, longest_pause_ms } = self.spec.limit;
        let window = Duration::from_millis(within_ms);
        while self.restarts.front().is_some_and(|at| at.elapsed() > window) {
            self.restarts.pop_front();
        }
        if !wanted || self.restarts.len() >= restarts {
            return None;
        }
        let doublings = u32::try_from(self.restarts.len()).unwrap_or(u32::MAX).min(16);
        self.restarts.push_back(Instant::now());
        Some(Duration::from_millis(first_pause_ms.saturating_mul(1 << doublings).min(longest_pause_ms)))
    }

    /// The service ended by itself and will not be started again.
    fn finish(&mut self, ended_well: bool, how: &str) {
        let by_choice = match self.spec.restart {
            Restart::Never => self.state.not_started.is_none(),
            Restart::OnFailure => ended_well,
            Restart::Always => false,
        };
        let times = self.restarts.len() + 1;
        self.enter(if by_choice {
            Phase::Ended
        } else if times == 1 {
            Phase::GaveUp(how.to_owned())
        } else if self.state.not_started.is_some() {
            Phase::GaveUp(format!("it ended {times} times in a row, last because it could not be started: {how}"))
        } else {
            Phase::GaveUp(format!("it ended {times} times in a row, last with {how}"))
        });
    }

    async fn end(&mut self, signals: &mut Signals, main: Option<Pid>) -> io::Result<()> {
        self.bring_down(signals, main).await?;
        self.state.child = None;
        self.enter(Phase::Ended);
        Ok(())
    }

    /// TERM to the service's group and to what left the group, KILL after the grace period, until no child is left.
    async fn bring_down(&mut self, signals: &mut Signals, main: Option<Pid>) -> io::Result<()> {
        if let Some(main) = main {
            let _ = kill_process_group(main, Signal::TERM);
        }
        let grace = Instant::now() + self.spec.grace();
        self.signal_all(Signal::TERM, main)?;
        while let Some(rest) = left_of(grace) {
            if self.reap()? {
                return Ok(());
            }
            signals.child_within(rest).await;
        }
        let limit = Instant::now() + AFTER_KILL;
        while let Some(rest) = left_of(limit) {
            self.signal_all(Signal::KILL, None)?;
            if self.reap()? {
                return Ok(());
            }
            signals.child_within(rest.min(LOOK_AGAIN)).await;
        }
        Err(io::Error::other("a process of the service is still there after KILL"))
    }

    fn signal_all(&self, signal: Signal, but_group: Option<Pid>) -> io::Result<()> {
        let group = but_group.map(Pid::as_raw_nonzero).and_then(|group| u32::try_from(group.get()).ok());
        for process in self.reader.descendants(std::process::id()).map_err(io::Error::other)? {
            if Some(process.group) != group {
                let _ = signal_exactly(&self.reader, &process.identity, signal);
            }
        }
        Ok(())
    }

    /// Reads how children ended, the service's own process among them. Whether none is left.
    fn reap(&mut self) -> io::Result<bool> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if self.is_main(pid) => self.state.last_exit = Some(in_words(status)),
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return Ok(false),
                Err(rustix::io::Errno::CHILD) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn is_main(&self, found: Pid) -> bool {
        self.state.child.as_ref().and_then(|child| pid(child.pid)) == Some(found)
    }

    fn ending(&self, status: WaitStatus) -> String {
        match self.reader.descendants(std::process::id()).map_or(0, |left| left.len()) {
            0 => in_words(status),
            left => format!("{}, leaving {left} of its processes behind", in_words(status)),
        }
    }

    fn open_log(&self) -> io::Result<File> {
        let log = &self.spec.log;
        let opened = OpenOptions::new().create(true).append(true).open(log);
        opened.map_err(|error| io::Error::new(error.kind(), format!("cannot write the log {}: {error}", log.display())))
    }

    /// A full disk must not bring a running service down: a state that cannot be written is written the next time.
    fn enter(&mut self, phase: Phase) {
        self.state.phase = phase;
        let _ = self.write();
    }

    fn write(&self) -> io::Result<()> {
        let mut staged = tempfile::NamedTempFile::new_in(&self.dir)?;
        staged.write_all(&serde_json::to_vec_pretty(&self.state)?)?;
        staged.persist(self.dir.join("state.json")).map_err(|error| error.error)?;
        Ok(())
    }
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
            child: signal(SignalKind::child())?,
        })
    }

    async fn wait_for(&mut self, main: Pid) -> io::Result<Woken> {
        loop {
            loop {
                match wait(WaitOptions::NOHANG) {
                    Ok(Some((pid, status))) if pid == main => return Ok(Woken::Ended(status)),
                    Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                    Ok(None) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            tokio::select! {
                _ = self.term.recv() => return Ok(Woken::Asked),
                _ = self.int.recv() => return Ok(Woken::Asked),
                _ = self.hup.recv() => {}
                _ = self.child.recv() => {}
            }
        }
    }

    async fn child_within(&mut self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.child.recv()).await;
    }

    async fn asked_within(&mut self, limit: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(limit) => false,
            _ = self.term.recv() => true,
            _ = self.int.recv() => true,
        }
    }
}

fn left_of(until: Instant) -> Option<Duration> {
    until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

fn identity_of(reader: &Reader, pid: u32) -> io::Result<Identity> {
    let process = reader.process(pid).map_err(io::Error::other)?;
    Ok(process.ok_or_else(|| io::Error::other(format!("pid {pid} is not in /proc")))?.identity)
}

fn pid(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn in_words(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown ending".to_owned(),
    }
}

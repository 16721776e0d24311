//! Running commands: each in a process group of its own, with limits, and noted while it runs.

use crate::Host;
use crate::errand::{Errand, MARK, RUNS};
use crate::patience::{AFTER_KILL, GRACE, LOOK};
use crate::started::{Started, is_closed, left, start};
use runbook_model::{Failure, FailureKind};
use rustix::process::{Pid, Signal, kill_process_group};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};

/// How long to go on reading from pipes that grandchildren keep open after the command itself ended.
const DRAIN: Duration = Duration::from_millis(250);
/// How much of each stream is kept; the middle of longer output is left out.
pub const KEPT: usize = 1 << 20;

/// A command to run: an argument vector, never a shell string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments, as people read them.
    pub argv: Vec<String>,
    /// Words of `argv`, by their number, that are files which lie elsewhere than they are written.
    pub kept: BTreeMap<usize, PathBuf>,
    /// Where it runs; the current directory if none.
    pub cwd: Option<PathBuf>,
    /// Added to the environment.
    pub env: BTreeMap<String, String>,
    /// What it reads on standard input; nothing if none.
    pub stdin: Option<Vec<u8>>,
    /// How long it may take, besides the limit of the step; half an hour where neither has one.
    pub limit: Option<Duration>,
}

/// How many lines of what a command said are told when it fails, and how much of each.
const TAIL_LINES: usize = 20;
const TAIL_COLUMNS: usize = 2000;

/// What a command did.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote on standard output.
    pub stdout: Vec<u8>,
    /// What it wrote on standard error.
    pub stderr: Vec<u8>,
    /// How long it took.
    pub took: Duration,
    /// What it left running still held its output when it ended, so that there may be more of it.
    pub cut: bool,
}

/// Takes a piece of standard output.
pub(crate) type Take<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

enum End {
    Exited(ExitStatus),
    Cancelled,
    TimedOut,
}

impl Command {
    /// A command with nothing but its arguments.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The words that are executed.
    pub(crate) fn words(&self) -> impl Iterator<Item = &OsStr> {
        let word = |(at, word)| self.kept.get(&at).map_or(OsStr::new(word), |path| path.as_os_str());
        self.argv.iter().enumerate().map(word)
    }

    /// The command as a person would type it, for messages.
    pub fn line(&self) -> String {
        let quoted = |arg: &String| {
            let plain = !arg.is_empty() && arg.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b));
            if plain { arg.clone() } else { format!("'{}'", arg.replace('\'', r"'\''")) }
        };
        self.argv.iter().map(quoted).collect::<Vec<_>>().join(" ")
    }
}

impl Output {
    /// Standard output as text without its last line end.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }

    /// `exit code 1`, `killed by signal 9`.
    pub fn ending(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("killed by signal {signal}"),
            (None, None) => "ended in an unknown way".to_owned(),
        }
    }

    /// What is to be said beside what it did, where its output may not be whole; else nothing.
    pub fn caveat(&self) -> &'static str {
        if self.cut { "; something that it left running still holds its output, and there may be more" } else { "" }
    }

    /// The last lines of what it said, errors last.
    pub fn tail(&self) -> String {
        let both = [&self.stdout, &self.stderr].map(|stream| String::from_utf8_lossy(stream).into_owned());
        let lines: Vec<&str> =
            both.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()).collect();
        let last = lines.iter().skip(lines.len().saturating_sub(TAIL_LINES));
        last.map(|line| shortened(line)).collect::<Vec<_>>().join("\n")
    }
}

/// A line without an end is told by its beginning.
fn shortened(line: &str) -> Cow<'_, str> {
    match line.char_indices().nth(TAIL_COLUMNS) {
        None => Cow::Borrowed(line),
        Some((at, _)) => Cow::Owned(format!("{}… ({} bytes)", line.split_at(at).0, line.len())),
    }
}

impl Host {
    /// Runs a command to its end and returns how it ended, whatever that was. Fails if it cannot be started, takes too
    /// long or is cancelled; then its whole process group gets TERM, its grace, and KILL.
    pub fn run(&self, command: &Command) -> Result<Output, Failure> {
        self.still_wanted()?;
        self.usable_command(command)?;
        self.act()?;
        self.runtime.block_on(self.run_async(command))
    }

    /// Like [`run`](Self::run), and an exit code other than 0 is a failure that shows what the command said last.
    pub fn run_well(&self, command: &Command) -> Result<Output, Failure> {
        let output = self.run(command)?;
        if output.status.success() {
            return Ok(output);
        }
        Err(Failure::failed(format!("`{}` ended with {}", command.line(), output.ending())).detail(output.tail()))
    }

    /// Runs a command again and again, with a pause in between, for as long as `again` says so of what it did and the
    /// time is not up. However often it is tried, it is one act.
    pub fn run_until(
        &self,
        command: &Command,
        pause: Duration,
        limit: Duration,
        again: &dyn Fn(&Output) -> Result<bool, Failure>,
    ) -> Result<Output, Failure> {
        let until = Instant::now() + limit;
        let mut output = self.run(command)?;
        while Instant::now() < until && again(&output)? {
            self.pause(pause)?;
            output = self.runtime.block_on(self.run_async(command))?;
        }
        Ok(output)
    }

    /// The failure of a command that holds what is missing.
    fn usable_command(&self, command: &Command) -> Result<(), Failure> {
        let words = command.argv.iter().chain(command.env.values()).map(String::as_bytes);
        let cwd = command.cwd.iter().map(|cwd| cwd.as_os_str().as_bytes());
        let parts: Vec<&[u8]> = words.chain(cwd).chain(command.stdin.as_deref()).collect();
        self.usable(&parts)
    }

    pub(crate) async fn run_async(&self, command: &Command) -> Result<Output, Failure> {
        let talked = self.talk(command, None).await;
        let leader = talked.as_ref().ok().and_then(|(_, started)| started.leader());
        let mut left = leader.map(|leader| self.members(leader)).unwrap_or_default();
        left.extend(self.adopted());
        self.errand.running.leaves(&self.errand.tag, left);
        Ok(talked?.0)
    }

    /// Runs a command to its end. With `take`, standard output goes there piece by piece and is not kept.
    pub(crate) async fn talk(
        &self,
        command: &Command,
        mut take: Option<Take<'_>>,
    ) -> Result<(Output, Started), Failure> {
        let begin = Instant::now();
        let Errand { running, tag, .. } = &self.errand;
        running.announce(tag);
        let (mut child, started) = self.spawn(command).inspect_err(|_| running.renounce(tag))?;
        let leader = started.leader();
        let _noted = leader.map(|leader| running.note(leader, tag));
        let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (mut stdout, mut stderr, mut cut) = (Vec::new(), Vec::new(), false);
        let end = {
            let input = command.stdin.as_deref().unwrap_or_default();
            let mut hear = |bytes: &[u8]| match &mut take {
                Some(take) => take(bytes),
                None => keep(&mut stdout, bytes),
            };
            let mut hear_errors = |bytes: &[u8]| keep(&mut stderr, bytes);
            let mut talk = pin!(async {
                tokio::join!(feed(stdin, input), collect(out, &mut hear), collect(err, &mut hear_errors))
            });
            let limit = command.limit.or(self.errand.deadline.is_none().then_some(RUNS));
            let mut wait = pin!(self.ended(&mut child, leader, limit.map(|limit| begin + limit)));
            tokio::select! {
                _ = &mut talk => wait.await,
                end = &mut wait => {
                    cut = tokio::time::timeout(DRAIN, talk).await.is_err();
                    end
                }
            }
        };
        let output = |status| Output { status, stdout, stderr, took: begin.elapsed(), cut };
        match end.map_err(|error| Failure::failed(format!("cannot wait for `{}`: {error}", command.line())))? {
            End::Exited(_) if is_closed() => Err(left()),
            End::Exited(status) => Ok((output(status), started)),
            End::Cancelled => Err(Failure::new(
                FailureKind::Cancelled,
                format!("`{}` was cancelled after {}", command.line(), seconds(begin.elapsed())),
            )),
            End::TimedOut => Err(Failure::new(
                FailureKind::TimedOut,
                format!("`{}` took longer than {}", command.line(), seconds(begin.elapsed())),
            )
            .detail(output(ExitStatus::default()).tail())),
        }
    }

    fn spawn(&self, command: &Command) -> Result<(Child, Started), Failure> {
        let name = command.argv.first().map_or("", String::as_str);
        let mut words = command.words();
        let mut process = tokio::process::Command::new(words.next().unwrap_or_default());
        // What a plan takes a secret from is for those alone to whom it gives it.
        for name in self.withheld() {
            process.env_remove(name);
        }
        process
            .args(words)
            .envs(&command.env)
            .stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if !self.errand.tag.is_empty() {
            process.env(MARK, &self.errand.tag);
        }
        if let Some(cwd) = &command.cwd {
            process.current_dir(cwd);
        }
        start(|| process.spawn())?.map_err(|error| spawn_failure(command, name, &error))
    }

    async fn ended(&self, child: &mut Child, leader: Option<Pid>, limit: Option<Instant>) -> std::io::Result<End> {
        let deadline = [self.errand.deadline, limit].into_iter().flatten().min();
        let end = tokio::select! {
            status = child.wait() => return status.map(End::Exited),
            kind = self.errand.unwanted(deadline) => match kind {
                FailureKind::TimedOut => End::TimedOut,
                _ => End::Cancelled,
            },
        };
        match leader {
            Some(leader) => self.end_group(child, leader).await,
            None => child.wait().await.map(drop)?,
        }
        Ok(end)
    }

    /// TERM to the whole group, and CONT in case it is stopped; KILL when it is not gone after its grace. Returns when
    /// nothing of it runs, or hangs in the kernel.
    async fn end_group(&self, child: &mut Child, leader: Pid) {
        let _ = kill_process_group(leader, Signal::TERM);
        let _ = kill_process_group(leader, Signal::CONT);
        if tokio::time::timeout(GRACE, self.gone(child, leader)).await.is_err() {
            // Members of the group may outlive the leader; the number is not reused while one of them lives.
            let _ = kill_process_group(leader, Signal::KILL);
            let _ = tokio::time::timeout(AFTER_KILL, self.gone(child, leader)).await;
        }
    }

    /// Returns when the leader has ended and nobody of its group runs.
    async fn gone(&self, child: &mut Child, leader: Pid) {
        let _ = child.wait().await;
        self.empty(leader).await;
    }

    async fn empty(&self, leader: Pid) {
        while !self.members(leader).is_empty() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The same for a group whose leader has ended.
    pub(crate) async fn end_members(&self, leader: Pid) {
        for (signals, patience) in [(&[Signal::TERM, Signal::CONT][..], GRACE), (&[Signal::KILL][..], AFTER_KILL)] {
            if self.members(leader).is_empty() {
                return;
            }
            for signal in signals {
                let _ = kill_process_group(leader, *signal);
            }
            let _ = tokio::time::timeout(patience, self.empty(leader)).await;
        }
    }
}

fn spawn_failure(command: &Command, name: &str, error: &std::io::Error) -> Failure {
    let missing_cwd = command.cwd.as_deref().filter(|cwd| !Path::new(cwd).is_dir());
    match (error.kind(), missing_cwd) {
        (_, Some(cwd)) => {
            Failure::missing(format!("cannot run `{name}`: the directory {} is not there", cwd.display()))
        }
        (std::io::ErrorKind::NotFound, None) => Failure::missing(format!("the program `{name}` is not on this host"))
            .hint("install it, or give its full path"),
        (std::io::ErrorKind::PermissionDenied, None) => {
            Failure::missing(format!("the program `{name}` may not be executed by this user"))
        }
        _ => Failure::failed(format!("cannot run `{name}`: {error}")),
    }
}

/// A command that does not read its input is not at fault.
async fn feed(pipe: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut pipe) = pipe {
        let _ = pipe.write_all(input).await;
    }
}

/// What has come was heard when this is dropped, as it is where a grandchild never closes the pipe.
async fn collect(stream: Option<impl AsyncRead + Unpin>, hear: &mut dyn FnMut(&[u8])) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        hear(buffer.get(..read).unwrap_or_default());
    }
}

/// Appends, and leaves out the middle of what has become too long.
fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.extend_from_slice(bytes);
    if kept.len() > 2 * KEPT {
        kept.drain(KEPT / 2..kept.len() - KEPT / 2);
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

//! The child process at this end of a connection, and what it says beside the stream.

use super::gates::Permit;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much is kept of what is said beside the stream: the end of it.
const KEPT: usize = 4096;
/// How long a child may take to end after it has closed its output.
const ENDING: Duration = Duration::from_secs(2);
/// Between two looks at whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// A child process with all that it started; it is ended when this is dropped.
#[derive(Debug)]
pub struct Link {
    child: Arc<Mutex<Group>>,
    said: Arc<Mutex<Vec<u8>>>,
    silent: Mutex<Receiver<()>>,
    /// Its place among the connections that may be open.
    pub(super) permit: Option<Permit>,
}

/// A child that leads a process group of its own, so that it does not hear the keys of a terminal, and its proxies end with it.
#[derive(Debug)]
pub(super) struct Group {
    child: Child,
    ended: bool,
}

impl Group {
    /// Ends it; its exit code, if it has one.
    pub(super) fn end(&mut self) -> Option<i32> {
        // Until it is waited for, its number is nobody else's.
        if !self.ended
            && let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        self.ended = true;
        self.child.wait().ok()?.code()
    }

    fn runs(&mut self) -> bool {
        self.ended = self.ended || !matches!(self.child.try_wait(), Ok(None));
        !self.ended
    }
}

impl Link {
    /// Starts `command`, whose messages are English.
    pub(super) fn start(mut command: Command) -> io::Result<(Self, ChildStdin, ChildStdout)> {
        command.env("LC_ALL", "C").process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Arc::new(Mutex::new(Group { child, ended: false }));
        let (Some(input), Some(output), Some(beside)) = streams else {
            return Err(io::Error::other("a child without streams"));
        };
        let said = Arc::new(Mutex::new(Vec::new()));
        let (sender, silent) = mpsc::channel();
        let kept = Arc::clone(&said);
        thread::spawn(move || {
            keep(beside, &kept);
            // Nobody may be interested any more.
            let _ = sender.send(());
        });
        Ok((Self { child, said, silent: Mutex::new(silent), permit: None }, input, output))
    }

    /// What was said beside the stream until now: the last lines.
    pub fn said(&self) -> String {
        let said = lock(&self.said);
        let text = String::from_utf8_lossy(&said);
        let lines = text.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.trim().is_empty());
        runbook_host::without_escapes(&lines.collect::<Vec<_>>().join("\n"))
    }

    /// Ends the child, unless it has ended. What it said last is kept.
    pub fn end(&self) {
        lock(&self.child).end();
    }

    /// What ends the child without this.
    pub(super) fn ender(&self) -> impl FnOnce() + Send + 'static {
        let child = Arc::clone(&self.child);
        move || {
            lock(&child).end();
        }
    }

    /// Waits a moment for a child that has closed its output, so that it says all that it has to say; its exit code, if it has one.
    pub(super) fn ending(&self) -> Option<i32> {
        let until = Instant::now() + ENDING;
        let _ = lock(&self.silent).recv_timeout(ENDING);
        while lock(&self.child).runs() && Instant::now() < until {
            thread::sleep(LOOK);
        }
        lock(&self.child).end()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads to the end, and keeps the end of it.
fn keep(mut beside: ChildStderr, kept: &Mutex<Vec<u8>>) {
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = beside.read(&mut piece) {
        let mut kept = lock(kept);
        kept.extend(piece.iter().take(count));
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
}

/// A thread that died in between left nothing half done.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

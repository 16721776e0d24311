//! The groups of all commands that this process has running, on any of its threads: for its own end.

use crate::Reader;
use crate::patience::{AFTER_KILL, GRACE, LOOK};
use runbook_model::{Failure, FailureKind};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::process::Child;

#[derive(Debug)]
struct All {
    groups: Vec<Pid>,
    /// Nothing is started any more.
    closed: bool,
}

static ALL: Mutex<All> = Mutex::new(All { groups: Vec::new(), closed: false });

/// A command that runs; dropping this says that it has ended.
#[derive(Debug)]
pub(crate) struct Started(Option<Pid>);

/// Starts a command, unless this process is about to end.
pub(crate) fn start(spawn: impl FnOnce() -> io::Result<Child>) -> Result<io::Result<(Child, Started)>, Failure> {
    // Held while it starts: nothing begins unseen while all is being ended.
    let mut all = all();
    if all.closed {
        return Err(left());
    }
    Ok(spawn().map(|child| {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        all.groups.extend(leader);
        (child, Started(leader))
    }))
}

/// The leaders of the groups that run now.
pub(crate) fn leaders() -> Vec<u32> {
    all().groups.iter().map(|leader| leader.as_raw_nonzero().get().unsigned_abs()).collect()
}

/// Whether this process is about to end: what its commands said is then what they said when they were ended.
pub(crate) fn is_closed() -> bool {
    all().closed
}

/// The failure of whatever would still be started.
pub(crate) fn left() -> Failure {
    Failure::new(FailureKind::Cancelled, "left by the operator")
}

/// Starts no command any more, and ends all that run with what they started: TERM, their grace, KILL.
pub fn end_started() {
    let groups = {
        let mut all = all();
        all.closed = true;
        all.groups.clone()
    };
    let host = Reader::new("/", "/");
    for (signals, patience) in [(&[Signal::TERM, Signal::CONT][..], GRACE), (&[Signal::KILL][..], AFTER_KILL)] {
        for (group, signal) in groups.iter().flat_map(|group| signals.iter().map(move |signal| (group, signal))) {
            let _ = kill_process_group(*group, *signal);
        }
        if gone(&host, &groups, patience) {
            return;
        }
    }
}

fn gone(host: &Reader, groups: &[Pid], patience: Duration) -> bool {
    let until = Instant::now() + patience;
    loop {
        if groups.iter().all(|group| host.members(*group).is_empty()) {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(LOOK);
    }
}

fn all() -> MutexGuard<'static, All> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Started {
    /// The leader of its group.
    pub(crate) fn leader(&self) -> Option<Pid> {
        self.0
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let mut all = all();
        if let Some(at) = all.groups.iter().position(|group| Some(*group) == self.0) {
            all.groups.swap_remove(at);
        }
    }
}

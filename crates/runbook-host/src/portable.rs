//! Processes and ports where there is neither `/proc` nor a descriptor of a process: with `ps` and `lsof`.
//!
//! Between the look at a process and the signal to it its number could pass to another one. The look is right before, and
//! numbers are reused only after a long time; more is not to be had there.

use crate::kinship::was_there;
use crate::process::{Executed, Identity, PortOwners, Process};
use crate::{Host, Reader, ps};
use runbook_model::{Failure, Uptime};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The time between two looks at whether a process is gone.
const LOOK: Duration = Duration::from_millis(50);

impl Reader {
    /// The process that has the number `pid` now; `None` if there is none.
    pub fn process(&self, pid: u32) -> Result<Option<Process>, Failure> {
        ps::process(self, pid)
    }

    /// Every process of the host in the order of numbers, those that ended left out.
    pub fn processes(&self) -> Result<Vec<Process>, Failure> {
        Ok(ps::processes(self)?.into_iter().filter(|process| !process.ended).collect())
    }

    /// The permission bits that files of a process never have: nothing here tells them.
    pub fn umask_of(&self, _: u32) -> Result<Option<u32>, Failure> {
        Ok(None)
    }

    /// The children of this process: orphans of commands do not become that here.
    pub(crate) fn own_children(&self) -> Vec<u32> {
        Vec::new()
    }

    /// The processes whose environment had exactly `name=value` when they were started: none is known, since only the
    /// kernel could tell whose words these are.
    pub fn processes_with_env(&self, _: &str, _: &Path) -> Result<Vec<Process>, Failure> {
        Ok(Vec::new())
    }

    /// What a process was started with: for the same reason nothing.
    pub fn environment_of(&self, _: u32) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// The processes in a control group: there are no control groups.
    pub fn processes_in_group(&self, _: &str) -> Result<Vec<Process>, Failure> {
        Ok(Vec::new())
    }

    /// The control groups of exactly this process: there are none.
    pub fn groups_of(&self, _: &Identity) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    /// How long this host is up. Its steady clock counts the time asleep, and boots have no names.
    pub fn uptime(&self) -> Uptime {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let part = |part: i64| u64::try_from(part).unwrap_or(0);
        let ms = part(time.tv_sec).saturating_mul(1000).saturating_add(part(time.tv_nsec) / 1_000_000);
        Uptime { ms, boot: String::new() }
    }

    /// The id of this boot, which systemd has in names: there is neither.
    pub fn boot(&self) -> Result<String, Failure> {
        Err(Failure::refused("this host has no boot id, for it does not run Linux"))
    }

    /// When exactly this process was started, in nanoseconds since 1970; up to a second too early.
    pub fn started_ns(&self, identity: &Identity) -> u64 {
        identity.start.saturating_mul(1_000_000_000)
    }

    /// What exactly this process executes; `None` if it is gone.
    pub fn executed(&self, identity: &Identity) -> Result<Option<Executed>, Failure> {
        let executed = ps::executed(self, identity.pid)?;
        // The number may have passed to another process in between; then what was read is about that one.
        Ok(self.alive(identity)?.then_some(executed))
    }

    /// The processes that use one of `trees` or something in it, with what each uses first, as far as this user may see.
    pub fn users_of(&self, trees: &[PathBuf]) -> Result<Vec<(Process, PathBuf)>, Failure> {
        let mut found = Vec::new();
        for (pid, path) in ps::open_below(self, trees)? {
            found.extend(ps::process(self, pid)?.map(|process| (process, path)));
        }
        Ok(found)
    }

    /// Who listens on TCP port `port`, IPv4 and IPv6, as far as this user may see.
    pub fn port_owners(&self, port: u16) -> Result<PortOwners, Failure> {
        ps::port_owners(self, port)
    }
}

/// Sends `signal` to this process. Whether it was there to get it. For the supervisor, which signals only what it has
/// started; steps use [`Host::signal`].
pub fn signal_exactly(reader: &Reader, identity: &Identity, signal: Signal) -> Result<bool, Failure> {
    let Some(pid) = i32::try_from(identity.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    if !reader.alive(identity)? {
        return Ok(false);
    }
    was_there(identity, kill_process(pid, signal))
}

impl Host {
    /// Sends `signal` to this process. Whether it was there to get it.
    pub fn signal(&self, identity: &Identity, signal: Signal) -> Result<bool, Failure> {
        self.act()?;
        signal_exactly(self, identity, signal)
    }

    /// Waits until exactly this process has ended, at most `limit`. Whether it has.
    pub fn wait_gone(&self, identity: &Identity, limit: Duration) -> Result<bool, Failure> {
        let until = Instant::now() + limit;
        loop {
            if !self.alive(identity)? {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}

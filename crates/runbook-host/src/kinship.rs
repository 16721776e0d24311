//! How processes are related, and ending them: from what `procfs.rs` and `pidfd.rs`, or `portable.rs`, read and do.

use crate::process::{Identity, Process};
use crate::{Host, Reader};
use runbook_model::Failure;
use rustix::io::Errno;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a process may take to be gone after KILL.
const AFTER_KILL: Duration = Duration::from_secs(10);

/// Whether the process that has the number `pid` now has not ended: for tests, which know no more than a number.
pub fn runs(pid: u32) -> bool {
    Reader::new("/", "/").process(pid).is_ok_and(|found| found.is_some_and(|process| !process.ended))
}

/// What came of a signal: whether the process was there to get it.
pub(crate) fn was_there(identity: &Identity, sent: Result<(), Errno>) -> Result<bool, Failure> {
    match sent {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(Errno::PERM) => Err(Failure::missing(format!("{identity} may not be signalled by this user"))
            .hint("run as the user of that process, or as root")),
        Err(error) => Err(Failure::failed(format!("cannot signal {identity}: {error}"))),
    }
}

impl Reader {
    /// Whether exactly this process runs. One that ended and waits for its parent does not.
    pub fn alive(&self, identity: &Identity) -> Result<bool, Failure> {
        Ok(self.process(identity.pid)?.is_some_and(|found| found.identity == *identity && !found.ended))
    }

    /// The children of `pid`, their children and so on, without itself.
    pub fn descendants(&self, pid: u32) -> Result<Vec<Process>, Failure> {
        self.descendants_of(vec![pid])
    }

    /// The same of several processes, from one look at all that run. One of them that is below another is told as well.
    pub fn descendants_of(&self, mut parents: Vec<u32>) -> Result<Vec<Process>, Failure> {
        let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
        for process in self.processes()? {
            children.entry(process.parent).or_default().push(process);
        }
        let mut found = Vec::new();
        while let Some(parent) = parents.pop() {
            for process in children.remove(&parent).unwrap_or_default() {
                parents.push(process.identity.pid);
                found.push(process);
            }
        }
        Ok(found)
    }

    /// The parent of `pid`, its parent and so on, the nearest first, without itself.
    pub fn ancestors(&self, pid: u32) -> Result<Vec<Process>, Failure> {
        let mut found: Vec<Process> = Vec::new();
        let mut next = self.process(pid)?.map(|process| process.parent);
        while let Some(process) = next.map(|parent| self.process(parent)).transpose()?.flatten() {
            // While this reads, a number may pass to a younger process.
            if found.iter().any(|known| known.identity.pid == process.identity.pid) {
                break;
            }
            next = Some(process.parent);
            found.push(process);
        }
        Ok(found)
    }
}

impl Host {
    /// TERM to each of these processes, KILL to those that are there after `grace`. Fails if one outlives that.
    pub fn terminate(&self, identities: &[Identity], grace: Duration) -> Result<(), Failure> {
        let until = Instant::now() + grace;
        for identity in identities {
            self.signal(identity, Signal::TERM)?;
        }
        for identity in identities {
            if self.wait_gone(identity, until.saturating_duration_since(Instant::now()))? {
                continue;
            }
            self.signal(identity, Signal::KILL)?;
            if !self.wait_gone(identity, AFTER_KILL)? {
                return Err(Failure::failed(format!("{identity} is still there after KILL"))
                    .hint("it hangs in the kernel, usually on a disk or a network file system; look at its stack"));
            }
        }
        Ok(())
    }
}

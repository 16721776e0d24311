//! Signalling exactly one process: Linux only. A number is only turned into a descriptor, and the descriptor is
//! checked against the identity before anything is sent, so a reused number is never hit.

use crate::kinship::was_there;
use crate::process::Identity;
use crate::{Host, Reader};
use runbook_model::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::time::{Duration, Instant};

impl Reader {
    /// The descriptor of exactly this process; `None` if it is gone.
    fn pidfd(&self, identity: &Identity) -> Result<Option<OwnedFd>, Failure> {
        let Some(pid) = i32::try_from(identity.pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(self.alive(identity)?.then_some(pidfd)),
            Err(Errno::SRCH) => Ok(None),
            // The number may have passed to a thread, which has no descriptor of this sort.
            Err(Errno::INVAL | Errno::NOENT) if !self.alive(identity)? => Ok(None),
            Err(error) => Err(Failure::failed(format!("cannot open {identity}: {error}"))),
        }
    }
}

/// Sends `signal` to exactly this process. Whether it was there to get it. For the supervisor, which signals only what
/// it has started; steps use [`Host::signal`].
pub fn signal_exactly(reader: &Reader, identity: &Identity, signal: Signal) -> Result<bool, Failure> {
    let Some(pidfd) = reader.pidfd(identity)? else { return Ok(false) };
    was_there(identity, pidfd_send_signal(pidfd, signal))
}

impl Host {
    /// Sends `signal` to exactly this process. Whether it was there to get it.
    pub fn signal(&self, identity: &Identity, signal: Signal) -> Result<bool, Failure> {
        self.act()?;
        signal_exactly(self, identity, signal)
    }

    /// Waits until exactly this process has ended, at most `limit`. Whether it has.
    pub fn wait_gone(&self, identity: &Identity, limit: Duration) -> Result<bool, Failure> {
        let until = Instant::now() + limit;
        let Some(pidfd) = self.pidfd(identity)? else { return Ok(true) };
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(Failure::failed(format!("cannot wait for {identity}: {error}"))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_number_that_passed_to_a_thread_is_gone() {
        let reader = Reader::new("/nowhere", "/nowhere");
        let own = reader.process(std::process::id()).unwrap().unwrap().identity;
        let (say, said) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            say.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
            let _ = ended.recv();
        });
        let pid = said.recv().unwrap().file_name().unwrap().to_string_lossy().parse().unwrap();
        let stale = Identity { pid, start: own.start.saturating_sub(1), ..own };
        assert!(!signal_exactly(&reader, &stale, Signal::TERM).unwrap());
        drop(end);
        thread.join().unwrap();
    }
}

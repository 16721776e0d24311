//! A deadline for what cannot be waited for with one: reading from a child process. When it passes, the child is ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Watches until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    limit: Sender<Duration>,
    fired: Arc<AtomicBool>,
}

impl Watch {
    /// Calls `end` unless another limit is set, or this is dropped, within `limit`.
    pub(super) fn new(limit: Duration, end: impl FnOnce() + Send + 'static) -> Self {
        let (sender, limits) = mpsc::channel();
        let fired = Arc::new(AtomicBool::new(false));
        let has = Arc::clone(&fired);
        thread::spawn(move || {
            let mut limit = limit;
            loop {
                match limits.recv_timeout(limit) {
                    Ok(next) => limit = next,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                }
            }
            has.store(true, Ordering::SeqCst);
            end();
        });
        Self { limit: sender, fired }
    }

    /// From now on it is this long.
    pub(super) fn within(&self, limit: Duration) {
        // It has ended who is watched, and that is seen there.
        let _ = self.limit.send(limit);
    }

    /// Whether the time passed.
    pub(super) fn fired(&self) -> bool {
        self.fired.load(Ordering::SeqCst)
    }
}

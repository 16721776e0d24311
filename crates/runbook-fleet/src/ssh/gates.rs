//! How many connections there are at once: in all, and through each jump host. sshd refuses more than MaxStartups that are not logged in.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Limits for all connections of a controller. A clone has the same ones.
#[derive(Clone, Debug)]
pub(super) struct Gates {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    all: usize,
    per_jump: usize,
    open: Mutex<Open>,
    less: Condvar,
}

/// What is open.
#[derive(Debug, Default)]
struct Open {
    all: usize,
    through: BTreeMap<String, usize>,
}

/// The right to one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    gates: Gates,
    jump: Option<String>,
}

impl Gates {
    pub(super) fn new(all: usize, per_jump: usize) -> Self {
        let inner = Inner { all: all.max(1), per_jump: per_jump.max(1), open: Mutex::default(), less: Condvar::new() };
        Self { inner: Arc::new(inner) }
    }

    /// Waits for a place, at most `limit`; `None` if none came free.
    pub(super) fn enter(&self, jump: Option<&str>, limit: Duration) -> Option<Permit> {
        let until = Instant::now() + limit;
        let Inner { all, per_jump, less, .. } = &*self.inner;
        let full = |open: &Open| {
            open.all >= *all || jump.is_some_and(|jump| open.through.get(jump).is_some_and(|count| count >= per_jump))
        };
        let mut open = self.open();
        while full(&open) {
            let left = until.checked_duration_since(Instant::now())?;
            open = less.wait_timeout(open, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        open.all += 1;
        if let Some(jump) = jump {
            *open.through.entry(jump.to_owned()).or_default() += 1;
        }
        Some(Permit { gates: self.clone(), jump: jump.map(str::to_owned) })
    }

    /// Counts stay true when a thread that holds the lock dies.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.gates.open();
        open.all -= 1;
        if let Some(count) = self.jump.as_ref().and_then(|jump| open.through.get_mut(jump)) {
            *count -= 1;
        }
        self.gates.inner.less.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn no_more_than_the_limits_are_open() {
        let gates = Gates::new(3, 1);
        let bastion = gates.enter(Some("bastion"), LONG).unwrap();
        assert!(gates.enter(Some("bastion"), Duration::ZERO).is_none());
        let other = gates.enter(Some("other"), LONG).unwrap();
        let _direct = gates.enter(None, LONG).unwrap();
        assert!(gates.enter(None, Duration::ZERO).is_none());
        drop(other);
        assert!(gates.enter(Some("bastion"), Duration::ZERO).is_none());
        drop(bastion);
        assert!(gates.enter(Some("bastion"), Duration::ZERO).is_some());
    }

    #[test]
    fn who_waits_is_let_in_when_another_leaves() {
        let gates = Gates::new(1, 1);
        let permit = gates.enter(None, LONG).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| gates.enter(None, LONG).is_some());
            drop(permit);
            assert!(waits.join().unwrap());
        });
    }
}

//! Waiting for processes of a service and for what its manager notices of them: the same for every manager.

use runbook_host::{Host, Identity};
use runbook_model::Failure;
use std::time::{Duration, Instant};

/// The longest time between two looks at whether the operator still wants this.
pub(crate) const LOOK: Duration = Duration::from_millis(100);
/// How long a manager may take to notice that a process ended, which it does a moment later.
const NOTICES: Duration = Duration::from_secs(5);

/// Waits until `limit` is over or the process ends; says whether it ended.
pub(crate) fn ends_within(host: &Host, main: &Identity, limit: Duration) -> Result<bool, Failure> {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if host.wait_gone(main, left.min(LOOK))? {
            return Ok(true);
        }
        if left.is_zero() {
            return Ok(false);
        }
        host.still_wanted()?;
    }
}

/// What `read` tells once the manager has noticed what makes it `other`, or has had time to.
pub(crate) fn noticed<T>(
    host: &Host,
    read: impl Fn() -> Result<T, Failure>,
    other: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    let until = Instant::now() + NOTICES;
    loop {
        let now = read()?;
        if other(&now) || Instant::now() >= until {
            return Ok(now);
        }
        host.pause(LOOK)?;
    }
}

/// Fails, naming each, if one of these processes is still there after `limit`. `what` makes the failure of how many they are.
pub(crate) fn all_gone<'a>(
    host: &Host,
    members: impl IntoIterator<Item = &'a Identity>,
    limit: Duration,
    what: impl FnOnce(&str) -> Failure,
) -> Result<(), Failure> {
    let until = Instant::now() + limit;
    let mut left = Vec::new();
    for member in members {
        if !host.wait_gone(member, until.saturating_duration_since(Instant::now()))? {
            left.push(format!("{member}: {}", host.executed(member)?.unwrap_or_default().line()));
        }
    }
    match left.len() {
        0 => Ok(()),
        1 => Err(what("1 process").detail(left.join("\n"))),
        count => Err(what(&format!("{count} processes")).detail(left.join("\n"))),
    }
}

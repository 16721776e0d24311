//! A moment that is waited for across processes, sleep and changes of the date.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Until when something is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// Milliseconds since 1970, for people; nothing goes by it, for a date can be set.
    pub until: i64,
    /// Milliseconds since the boot, by a clock that counts while the machine sleeps. This is what counts.
    pub uptime_ms: u64,
    /// The boot. Another one has no time left: nobody knows how long the machine was off. Empty where boots have no names, or
    /// where the name could not be read, which proves no other boot.
    pub boot: String,
}

/// What a clock says now that a [`Deadline`] is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uptime {
    /// Milliseconds since the boot, by a clock that counts while the machine sleeps.
    pub ms: u64,
    /// The boot.
    pub boot: String,
}

impl Deadline {
    /// `within` after `now`, which people call `date`, in milliseconds since 1970.
    pub fn after(now: &Uptime, date: i64, within: Duration) -> Self {
        let ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let until = date.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        Self { until, uptime_ms: now.ms.saturating_add(ms), boot: now.boot.clone() }
    }

    /// How much time is left; none once it is over.
    pub fn left(&self, now: &Uptime) -> Duration {
        let is_another = !self.boot.is_empty() && !now.boot.is_empty() && self.boot != now.boot;
        Duration::from_millis(if is_another { 0 } else { self.uptime_ms.saturating_sub(now.ms) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64, boot: &str) -> Uptime {
        Uptime { ms, boot: boot.to_owned() }
    }

    #[test]
    fn the_time_that_is_left_goes_by_the_boot_and_never_by_the_date() {
        let deadline = Deadline::after(&at(1000, "one"), 5_000_000, Duration::from_secs(60));
        assert_eq!((deadline.until, deadline.uptime_ms), (5_060_000, 61_000));
        assert_eq!(deadline.left(&at(1000, "one")), Duration::from_secs(60));
        // The machine slept, or somebody set the date: only the first counts.
        assert_eq!(deadline.left(&at(60_999, "one")), Duration::from_millis(1));
        for over in [at(61_000, "one"), at(u64::MAX, "one"), at(1001, "two")] {
            assert_eq!(deadline.left(&over), Duration::ZERO, "{over:?}");
        }
        assert_eq!(deadline.left(&at(1000, "")), Duration::from_secs(60), "an unread boot is not another one");
        assert_eq!(
            Deadline::after(&at(1, ""), i64::MAX, Duration::MAX).left(&at(2, "")),
            Duration::from_millis(u64::MAX - 2)
        );
    }
}

//! How long a run kept services down: part of the fold over events.
//!
//! Steps that stop, start or restart a service say a [`ServiceState`] twice: with the undo record, as it was before, and
//! with the results, as it was confirmed.

mod seen;
mod state;

pub use seen::ServiceSeen;
pub use state::ServiceState;

use crate::{Event, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a service was before the first change of a run: what a boot in the middle of the run may not bring back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceFound {
    /// The service; `None` if nothing can be said of it.
    pub service: Option<ServiceState>,
    /// What its step needs to bring it to that state.
    pub data: Value,
    /// The boot in which that was.
    pub boot: String,
    /// Whether it was looked after since the run was last taken up or turned back.
    pub looked_after: bool,
    /// Why it did not come up again, where it should have.
    pub failure: Option<Failure>,
}

/// What a run did to one service's time. A service that was down before the run is never counted as down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTime {
    /// Whether it was up when the run first touched it.
    pub was_up: bool,
    /// Since when it is down, in milliseconds since 1970; `None` while it is up.
    pub down_since: Option<i64>,
    /// Milliseconds for which it was down, the present stretch not included.
    pub down_ms: u64,
    /// How it was at the end, if it was read since the run last moved it.
    #[serde(default)]
    pub seen: Option<ServiceSeen>,
}

impl ServiceTime {
    /// Milliseconds for which it was down until `now`.
    pub fn down_until(&self, now: i64) -> u64 {
        let present = self.down_since.map_or(0, |since| u64::try_from(now.saturating_sub(since)).unwrap_or(0));
        self.down_ms.saturating_add(present)
    }

    fn down(&mut self, at: i64) {
        if self.was_up {
            self.down_since = self.down_since.or(Some(at));
        }
    }

    fn up(&mut self, at: i64) {
        self.down_ms = self.down_until(at);
        self.down_since = None;
    }
}

/// What `event` means for the service that was `before` when its step had its intent.
/// Before an intent nothing is known to change, so a step without one moves no service.
pub(crate) fn effect_on_service(event: &Event, before: Option<&ServiceState>) -> Option<(String, ServiceMove)> {
    use crate::UndoPhase::{Halt, Undo};
    let ServiceState { name, up: was_up } = before?;
    let was_up = *was_up;
    let step = match event {
        Event::StepIntended { .. } => ServiceMove::Intended { was_up },
        Event::StepFinished { results, .. } if results.service.as_ref()?.up => ServiceMove::Up,
        Event::StepFinished { .. } => ServiceMove::Down,
        Event::UndoStarted { phase: Halt | Undo, .. } => ServiceMove::Down,
        Event::UndoFinished { phase: Undo, failure: None, .. } if was_up => ServiceMove::Up,
        _ => return None,
    };
    Some((name.clone(), step))
}

/// One move of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceMove {
    Intended { was_up: bool },
    Down,
    Up,
}

impl ServiceMove {
    /// Folds the move at `at` into `time`; `None` is a service that the run had not touched before.
    pub(crate) fn fold(self, time: Option<ServiceTime>, at: i64) -> ServiceTime {
        let first = time.is_none();
        let mut time = time.unwrap_or_default();
        time.seen = None;
        match self {
            Self::Intended { was_up } => {
                if first {
                    time.was_up = was_up;
                }
                if was_up {
                    time.down(at);
                }
            }
            Self::Down => time.down(at),
            Self::Up => time.up(at),
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use super::ServiceMove::{Down, Intended, Up};
    use super::*;

    fn down_ms(moves: &[(i64, ServiceMove)], now: i64) -> u64 {
        let time = moves.iter().fold(None, |time, (at, step)| Some(step.fold(time, *at)));
        time.map_or(0, |time| time.down_until(now))
    }

    #[test]
    fn only_time_that_the_run_took_away_counts() {
        let restart = [(100, Intended { was_up: true }), (400, Up)];
        assert_eq!(down_ms(&restart, 9000), 300);
        let stop_then_start =
            [(100, Intended { was_up: true }), (200, Down), (500, Intended { was_up: false }), (700, Up)];
        assert_eq!(down_ms(&stop_then_start, 9000), 600);
        let first_start = [(100, Intended { was_up: false }), (700, Up), (900, Down)];
        assert_eq!(down_ms(&first_start, 9000), 0, "it was down before the run");
        let rolled_back = [(100, Intended { was_up: true }), (400, Up), (1000, Down), (1100, Down), (1600, Up)];
        assert_eq!(down_ms(&rolled_back, 9000), 900);
        let never_up = [(100, Intended { was_up: true })];
        assert_eq!(down_ms(&never_up, 1100), 1000);
    }
}

//! What a rollout does next, as a pure function: no I/O, no clock, no way to a host.
//!
//! `waves` is what a rollout asks of which hosts, `event` what came on record, `state` the one fold over that, `decide` the function.
//! The controller that writes the journal and speaks to hosts is in `runbook-fleet`.

mod after;
mod artifacts;
mod back;
mod deadlines;
mod decide;
mod event;
mod evidence;
mod input;
mod narrow;
mod next;
mod orders;
mod proven;
mod reserved;
mod state;
mod status;
mod stop;
mod target;
#[cfg(test)]
mod tests;
mod waves;

pub use deadlines::wakes;
pub use decide::decide;
pub use event::{Artifact, Controller, Judged, RolloutEvent, RolloutRecord, StopCause};
pub use evidence::evidence;
pub use input::{Action, Approve, Came, Input, Now, Order, Told, WhyLeave};
pub use narrow::NarrowError;
pub use proven::Proven;
pub use reserved::RESERVED;
pub use state::{Approved, HostState, HostStatus, IllegalRecord, Reservation, RolloutState, TargetState, WaveState};
pub use status::TargetStatus;
pub use target::{How, Target, TargetVerdict};
pub use waves::{Given, Limits, Wave, Waves, WavesError};

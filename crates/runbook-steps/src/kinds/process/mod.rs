//! `process.start`, `process.stop` and `process.restart`: services of the embedded supervisor.
//!
//! What they share is here in `params.rs`; the supervisor itself is in `crate::process`.

mod params;
mod restart;
mod start;
mod stop;

pub(crate) use params::valid_name;
pub(crate) use restart::ProcessRestart;
pub(crate) use start::ProcessStart;
pub(crate) use stop::ProcessStop;

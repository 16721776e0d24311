//! `process.start`, `process.stop` and `process.restart`: services of the embedded supervisor.
//!
//! What they share is here in `params.rs`; the supervisor itself is in `crate::process`.

mod params;
mod restart;
mod start;
mod stop;

pub use params::valid_name;
pub use restart::ProcessRestart;
pub use start::ProcessStart;
pub use stop::ProcessStop;

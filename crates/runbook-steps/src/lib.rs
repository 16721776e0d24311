//! The step library: the kinds that are built in, and the table of them.
//!
//! One file a kind under `kinds/`; one line a kind in `catalogue.rs`. What a kind is says `runbook-step`.

mod catalogue;
mod kinds;
mod launch;
mod window;

pub use catalogue::{BUILT_IN, catalogue};
pub use window::{WindowState, is_zone, local_time, window_state};

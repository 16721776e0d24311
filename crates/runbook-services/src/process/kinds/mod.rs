//! `process.start`, `process.stop` and `process.restart`: services of the embedded supervisor.
//!
//! What they share is here in `params.rs` and `service.rs`, what each says of itself in `tables.rs`; the supervisor itself is in `crate::process`.

mod params;
mod service;
mod tables;

pub use tables::{RESTART, START, STOP};

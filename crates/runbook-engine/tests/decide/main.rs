//! The laws of `decide`, tried on random plans with random outcomes, interrupts and crashes.
//!
//! `script` says what a run will meet, `world` plays it on the files of `host`, `laws` are the properties, `closing` holds the
//! last lines against that host, `stories` are single cases that once went wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

mod closing;
mod host;
mod laws;
#[path = "../support/plan.rs"]
mod plan;
mod scale;
mod script;
mod stories;
mod world;

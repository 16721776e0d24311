//! The laws that every kind of the step library obeys, tried on real files, processes and programs.
//!
//! `harness.rs` holds the laws, `world.rs` the place in which they are tried, `scenarios/` one function a case.
//! A kind without a scenario fails `every_kind_has_a_scenario`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what the tests share runs outside of test functions"
)]

mod documents;
mod harness;
mod parameters;
mod permissions;
mod scenarios;
mod stand_in;
mod world;

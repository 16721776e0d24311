//! The laws that every kind of step obeys, tried on real files, processes and programs by the tests of the crate that has the kind.
//!
//! `laws.rs` holds the laws, `scenario.rs` how a case says what it needs, `world.rs` the place in which it happens; `given.rs` is for
//! what is said before a host is touched, `roles.rs` for whether that is so, `documents.rs` for a table as a whole; `demo_service.rs` is a service to look at. `reexec.rs`, `stand_in.rs` and `on_a_host.rs`
//! give a case other surroundings. This crate knows no kind, and is never shipped.
//!
//! A crate of kinds has `tests/conformance/main.rs` with a function `world` and [`table!`], and beside it its scenarios.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod demo_service;
pub mod documents;
mod given;
mod laws;
pub mod on_a_host;
mod reexec;
mod roles;
mod scenario;
pub mod stand_in;
mod world;

pub use demo_service::DemoService;
pub use given::Given;
pub use reexec::{is_ordinary_user, own_program, started_as};
pub use scenario::Scenario;
pub use world::World;

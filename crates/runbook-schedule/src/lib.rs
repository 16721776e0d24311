//! Declarations become a schedule: a graph of steps in which every edge has its reason.
//!
//! [`build`] is the way in. Nothing here does I/O, reads a clock or knows a kind of step. Ordering rules live in
//! `rules`, refusals in `refusals`, one file each and one line of a table each; `docs/rules.md` tells about them.

#[macro_use]
mod table;

mod build;
mod command;
mod coverage;
mod cycle;
mod draft;
mod draw;
mod edge;
mod hazards;
mod refusals;
mod reviews;
mod rules;
mod schedule;
mod services;
mod space;
mod steps;

pub use build::build;
pub use edge::{Edge, Hazard, Reason};
pub use schedule::Schedule;

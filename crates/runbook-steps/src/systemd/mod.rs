//! systemd: what it says of a unit, and what it is asked to do.
//!
//! `unit.rs` names a unit, `show.rs` reads its state.

mod show;
mod unit;

pub(crate) use show::{Load, UnitState};
pub(crate) use unit::Unit;

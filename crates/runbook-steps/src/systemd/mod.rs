//! systemd: what it says of a unit, and what it is asked to do.
//!
//! `unit.rs` names a unit, `show.rs` reads its state; `journal.rs`, `journal_mark.rs` and `journal_tail.rs` read what it
//! writes.

mod journal;
mod journal_mark;
mod journal_tail;
mod show;
mod unit;

pub(crate) use journal_mark::JournalMark;
pub(crate) use journal_tail::{JournalLine, JournalTail};
pub(crate) use show::{Load, UnitState};
pub(crate) use unit::Unit;

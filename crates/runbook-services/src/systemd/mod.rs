//! systemd: what it says of a unit, and what it is asked to do.
//!
//! `unit.rs` names a unit, `names.rs` knows its aliases, `show.rs` reads its state, `definition.rs` what its next start executes, `job.rs` asks for jobs, over D-Bus by `bus.rs`, `control.rs` believes them when the
//! unit shows it, `explain.rs` tells why it does not, `sight.rs` what can be seen of it, with `facts.rs` and `log.rs`, `target.rs` what housekeeping around it goes by, `undo.rs` undoes. `around.rs` is about a unit before the first change of a run and at its end. `starters.rs` is about who else starts a unit, `hold.rs` keeps them out. Files of units are in `files.rs`, the links
//! that start them at boot in `links.rs`; `members.rs` tells whose a process is, `sockets.rs` what systemd itself listens
//! on, `environment.rs` and `private_tmp.rs` what a process of a unit sees; `uses.rs` finds units by paths; `journal.rs`, `journal_mark.rs` and `journal_tail.rs` read what a unit writes.

mod around;
mod bus;
mod control;
mod definition;
mod environment;
mod explain;
mod facts;
mod files;
mod hold;
mod job;
mod journal;
mod journal_mark;
mod journal_tail;
pub mod kinds;
mod links;
mod log;
mod members;
mod names;
mod private_tmp;
mod show;
mod sight;
mod sockets;
mod starters;
mod target;
mod undo;
mod unit;
mod uses;
mod words;

pub use definition::Definition;
pub use facts::USUAL_PATH;
pub use files::UnitText;
pub use hold::forget_holds;
pub use job::{JobResult, Verb};
pub use journal_mark::JournalMark;
pub use journal_tail::{JournalLine, JournalTail};
pub use links::Links;
pub use members::Place;
pub use show::{Load, UnitState};
pub use sockets::SocketUnit;
pub use starters::Rise;
pub use undo::Before;
pub use unit::Unit;

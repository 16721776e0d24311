//! launchd: what it says of a job, and what it is asked to do.
//!
//! `job.rs` names a job and its domain, `definition.rs` reads its property list, `print.rs` its state, `disabled.rs`
//! whether it may be loaded; `control.rs` loads, ends and restarts it, `explain.rs` tells why it is not up, `sight.rs` what can be seen of it,
//! with `facts.rs` and `started.rs`, which notes where its output begins; `undo.rs` undoes. `launchctl` says of its own output that it is no interface: what is read is as little as will do, and what
//! cannot be read is a failure, never a guess.

mod control;
mod definition;
mod disabled;
mod explain;
mod facts;
mod job;
pub mod kinds;
mod print;
mod sight;
mod started;
mod undo;

pub use definition::Definition;
pub use job::{Domain, Job};
pub use print::JobState;
pub use undo::Before;

//! An operator's bad night, through the real binary: wrong input, full disks, no permission, dead terminals, kills.
//!
//! `bench.rs` is the place in which things go wrong; every other file is one sort of trouble. `trace.rs` reads strace.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what the tests share runs outside of test functions")]

mod backups;
mod bench;
mod decisions;
mod input;
mod language;
mod neighbours;
mod output;
mod predictions;
mod purity;
mod space;
mod surroundings;
mod terminal;
mod trace;
mod user;

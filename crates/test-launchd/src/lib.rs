//! A stand-in for launchd and `launchctl`, for tests on machines that are no Macs: it starts, keeps alive and ends real
//! processes, and answers in the words and exit statuses of several versions of macOS.
//!
//! `server.rs` understands the subcommands, `jobs.rs` and `life.rs` hold and supervise the jobs, `definition.rs` reads
//! property lists, `print.rs` writes what is printed, `wire.rs` is between the two halves, `stand_in.rs` is what tests
//! start. What it does not do: sockets, timers, Mach services, other users, and a database that survives it.

mod definition;
mod jobs;
mod life;
mod print;
mod server;
mod stand_in;
mod wire;

pub use jobs::Style;
pub use server::serve;
pub use stand_in::StandIn;
pub use wire::{Answer, ask};

//! The two handles on a host: [`Reader`] can only read, [`Host`] can also write and run commands.
//!
//! All I/O of the kinds goes through here, so that purity of a probe is a matter of types, every wait has a deadline and a
//! cancel, and every write is a fault point for the tests. This crate knows files, processes and logs, nothing of steps.

mod addresses;
mod adopted;
mod ask;
mod beside;
mod by_hand;
mod cancel;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod cgroup;
mod command;
mod environment;
mod errand;
mod failures;
mod flagged;
mod kinship;
mod left_behind;
mod log;
mod memory;
mod own_files;
mod owner_names;
mod patience;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod pidfd;
mod places;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod portable;
mod precious;
mod process;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod procfs;
mod provable;
#[cfg(any(test, not(target_os = "linux"), feature = "portable"))]
mod ps;
mod reader;
mod regular;
mod running;
mod scratch;
mod staged;
mod started;
mod tree_digest;
mod trees;
mod unusable;
mod users;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod users_of_files;
mod whereabouts;
mod writer;

pub use adopted::adopt_orphans;
pub use cancel::{Cancel, Canceller};
pub use command::KEPT;
pub use command::{Command, Output};
pub use environment::{UMASK, base_environment};
pub use failures::{backup_failure, io_advice, io_failure};
pub use kinship::runs;
pub use left_behind::{LeftBehind, end_noted};
pub use log::{LogLine, LogMark, LogTail, digest, last_before, without_escapes};
pub use owner_names::OwnerNames;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use pidfd::signal_exactly;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub use portable::signal_exactly;
pub use process::{Executed, Identity, Listener, PortOwners, Process};
pub use reader::{Reader, absent_as_none, now_ms};
pub use regular::special;
pub use regular::{WHOLE, open_regular, read_once, read_regular};
pub use running::{Notes, Running};
pub use scratch::Scratch;
pub use staged::remove_staged;
pub use started::end_started;
pub use unusable::Unusable;
pub use users::Account;
pub use writer::{Host, HostBuilder};

//! The two handles on the host: [`Reader`] can only read, [`Host`] can also write and run commands.
//!
//! All I/O of the kinds goes through here, so that purity of a probe is a matter of types and every write is a fault
//! point for the tests.

mod ask;
mod bus;
mod cancel;
mod cgroup;
mod command;
mod environment;
mod failures;
mod memory;
#[cfg(target_os = "linux")]
mod pidfd;
mod precious;
mod process;
mod procfs;
mod reader;
mod running;
mod scratch;
mod tree_digest;
mod trees;
mod unusable;
mod users;
mod writer;

pub(crate) use bus::BusAnswer;
pub use cancel::{Cancel, Canceller};
pub(crate) use command::KEPT;
pub use command::{Command, Output};
pub use failures::io_failure;
#[cfg(target_os = "linux")]
pub(crate) use pidfd::signal_exactly;
pub use process::{Executed, Identity, Listener, PortOwners, Process};
pub use reader::Reader;
pub use running::Running;
pub(crate) use scratch::Scratch;
pub use unusable::Unusable;
pub use writer::{Host, HostBuilder};

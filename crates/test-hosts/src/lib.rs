//! Real Debian hosts for tests: systemd, journald, sshd, an address of their own. Each is a set of namespaces over one shared
//! tree of files, so it boots in seconds and costs what its processes cost.
//!
//! Begin at [`Lab::open`]. `tree.rs` builds the shared tree, `boot.rs` and `boot.sh` start a host over it, `stale.rs`
//! removes what a test that was killed left behind. Never shipped; docs/test-hosts.md is for people.

mod available;
mod boot;
mod cgroup;
mod command;
mod error;
mod forward;
mod guard;
mod host;
mod lab;
mod memory;
mod node;
mod registry;
mod room;
mod seat;
mod site;
mod ssh;
mod stale;
mod switch;
mod tree;

pub use available::Unavailable;
pub use command::Output;
pub use error::{Error, Result};
pub use host::Host;
pub use lab::Lab;
pub use node::Node;
pub use registry::Registry;
pub use ssh::Ssh;

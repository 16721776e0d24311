//! Reaching a host by OpenSSH, as the operator has it configured: a plain `ssh` child process whose remote command is `sh`, a script that
//! finds or places the agent there (`attach.sh`), and from then on a stream of bytes between here and that agent.
//!
//! `connect.rs` puts the parts together. What the bytes mean is not known here; nothing of what is known here is known to who speaks
//! over the stream.

mod agent;
mod arguments;
mod connect;
mod dialogue;
mod gates;
mod judge;
mod link;
#[cfg(test)]
mod tests;
mod unreachable;
mod watch;

pub use agent::AgentProgram;
pub use connect::{Connection, Ssh};
pub use link::Link;
pub use unreachable::{JumpFault, Reason, Unreachable};

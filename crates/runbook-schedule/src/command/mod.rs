//! What can be told of a command from its argument vector: the programs behind wrappers and shells, and what they do.
//!
//! This is a reading for reviewers' rules, not a sandbox: a script file or an unknown program stays opaque.

mod broad;
mod network;
mod shell;
mod unwrap;

pub(crate) use broad::broad_target;
pub(crate) use network::network_use;
pub(crate) use unwrap::{Command, unwrapped};

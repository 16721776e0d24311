//! Services: what keeps programs up on a host, and the kinds of steps that start, stop and define them.
//!
//! One folder a manager: `systemd`, `launchd`, and the supervisor of `runbook` itself in `process`, each with its kinds.
//! What they share stands beside them.

pub mod attached;
mod freshness;
pub mod launchd;
pub mod package;
pub mod process;
pub mod systemd;
pub mod target_service;

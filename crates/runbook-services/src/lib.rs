//! Services: what keeps programs up on a host, and the kinds of steps that start, stop and define them.
//!
//! One folder a manager: `systemd`, `launchd`, and the supervisor of `runbook` itself in `process`, each with its kinds.
//! `managed.rs` says what a manager has to be able to do, and `steps.rs` starts, restarts and stops services with it;
//! `definition_file.rs` writes the files that say what a service is. `observed.rs` is for those who only look, and
//! `any_service.rs` lists the managers.

mod any_service;
pub mod attached;
mod definition_file;
mod freshness;
mod kinds;
pub mod launchd;
mod managed;
mod manner;
mod observed;
pub mod package;
pub mod process;
mod results;
mod steps;
pub mod systemd;
pub mod target_service;
mod undo_data;
mod waits;

pub use any_service::AnyService;
pub use kinds::KINDS;
pub use observed::{Beside, Holders, Observed, Sight};
pub use steps::ServiceKind;

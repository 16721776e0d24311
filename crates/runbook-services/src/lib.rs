//! Services: what keeps programs up on a host, and the kinds of steps that start, stop and define them.
//!
//! One folder a manager: `systemd`, `launchd`, and the supervisor of `runbook` itself in `process`, each with its kinds.
//! `managed.rs` says what a manager has to be able to do, and `steps.rs` starts, restarts and stops services with it;
//! `definition_file.rs` writes the files that say what a service is. `observed.rs` is for those who only look, with `log.rs` and
//! `facts.rs`; `target_service.rs` for those who clean up around a service, with `whose.rs`; `naming.rs` lists the managers.

pub mod attached;
mod definition_file;
mod facts;
mod freshness;
mod kinds;
pub mod launchd;
mod log;
mod managed;
mod manner;
pub mod naming;
mod observed;
pub mod package;
pub mod process;
mod results;
mod steps;
pub mod systemd;
mod target_service;
mod undo_data;
mod waits;
pub mod whose;

pub use facts::{Launch, ServiceFacts, Value};
pub use kinds::KINDS;
pub use log::{Line, Marks, Moment, Noted, Tail, read_mark};
pub use observed::{AnyService, Beside, Holders, Inspected, Logged, Observed, Sight};
pub use steps::ServiceKind;
pub use target_service::{Surroundings, TargetService};

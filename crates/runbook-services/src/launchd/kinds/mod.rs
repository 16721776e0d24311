//! `launchd.*`: jobs loaded and ended, restarted, enabled and disabled, and their property lists.
//!
//! What they share is in `params.rs`; how a job is loaded, restarted and ended is in `service.rs`, what the three kinds
//! say of themselves in `tables.rs`; how launchd is asked is in `crate::launchd`.

mod enable;
mod params;
mod plist;
mod service;
mod tables;

pub use enable::Overrides;
pub use plist::PropertyList;
pub use tables::{BOOTOUT, BOOTSTRAP, KICKSTART};

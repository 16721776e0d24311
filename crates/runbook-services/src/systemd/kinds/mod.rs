//! `systemd.*`: units brought up and down, enabled and disabled, and their files.
//!
//! What they share is in `params.rs`; how a unit is started, restarted and stopped is in `service.rs`, what the three kinds
//! say of themselves in `tables.rs`; how systemd is asked is in `crate::systemd`.

mod daemon_reload;
mod drop_in;
mod enable;
mod fresh;
mod params;
mod reload;
mod service;
mod tables;
mod text;
mod unit_file;

pub use daemon_reload::DaemonReload;
pub use drop_in::DropIn;
pub use enable::Boot;
pub use reload::Reload;
pub use tables::{RESTART, START, STOP};
pub use unit_file::UnitFile;

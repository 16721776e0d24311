//! `systemd.*`: units brought up and down, enabled and disabled, and their files.
//!
//! What they share is in `params.rs`; how systemd is asked is in `crate::systemd`.

mod daemon_reload;
mod drop_in;
mod enable;
mod fresh;
mod params;
mod reload;
mod restart;
mod start;
mod stop;
mod text;
mod unit_file;

pub(crate) use daemon_reload::DaemonReload;
pub(crate) use drop_in::DropIn;
pub(crate) use enable::Boot;
pub(crate) use reload::Reload;
pub(crate) use restart::Restart;
pub(crate) use start::Start;
pub(crate) use stop::Stop;
pub(crate) use unit_file::UnitFile;

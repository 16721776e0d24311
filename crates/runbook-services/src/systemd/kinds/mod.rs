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

pub use daemon_reload::DaemonReload;
pub use drop_in::DropIn;
pub use enable::Boot;
pub use reload::Reload;
pub use restart::Restart;
pub use start::Start;
pub use stop::Stop;
pub use unit_file::UnitFile;

//! `launchd.*`: jobs loaded and ended, restarted, enabled and disabled, and their property lists.
//!
//! What they share is in `params.rs`; how launchd is asked is in `crate::launchd`.

mod bootout;
mod bootstrap;
mod enable;
mod kickstart;
mod params;
mod plist;

pub use bootout::Bootout;
pub use bootstrap::Bootstrap;
pub use enable::Overrides;
pub use kickstart::Kickstart;
pub use plist::PropertyList;

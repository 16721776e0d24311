//! `launchd.*`: jobs loaded and ended, restarted, enabled and disabled, and their property lists.
//!
//! What they share is in `params.rs`; how launchd is asked is in `crate::launchd`.

mod bootout;
mod bootstrap;
mod enable;
mod kickstart;
mod params;
mod plist;

pub(crate) use bootout::Bootout;
pub(crate) use bootstrap::Bootstrap;
pub(crate) use enable::Overrides;
pub(crate) use kickstart::Kickstart;
pub(crate) use plist::PropertyList;

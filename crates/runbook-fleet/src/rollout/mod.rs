//! A rollout over many hosts: `controller` is the loop around the pure `decide`, `worker` the thread of one host, `site` what such a thread
//! asks of its host, `kept` what goes on record here, `made` the files of it.

mod afar_site;
mod controller;
mod kept;
mod made;
mod pruning;
mod seen;
mod site;
#[cfg(test)]
mod tests;
mod worker;

pub use afar_site::{AfarSite, GivenArtifacts, JudgePlan};
pub use controller::{Controller, Ended, RolloutError, Setup, Sites};
pub use kept::{Attempted, Kept, tell};
pub use made::Made;
pub use pruning::prune;
pub use seen::Seen;
pub use site::{RunEnd, Said, Says, Site, Steered, Trouble};

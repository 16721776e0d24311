//! The host's memory: runs, their events and saved plans in SQLite, and the lock that lets one run act at a time.
//!
//! What a run means is not judged here: the engine folds the records. Backups are files beside the journal
//! (`runbook-backup`); which run they belong to is in their names.

mod claim;
mod error;
mod gap;
mod holder;
mod image;
mod journal;
mod lock;
mod open;
mod ours;
mod prune;
mod read;
mod readable;
mod rollouts;
mod schema;
mod state_dir;
mod witness;

pub use claim::Claim;
pub use error::Error;
pub use gap::{Gap, Look, Loss};
pub use holder::Holder;
pub use journal::Journal;
pub use lock::Lock;
pub use read::{RunRow, Stored};
pub use rollouts::{Attempt, Letter, RolloutJournal};
pub use state_dir::StateDir;

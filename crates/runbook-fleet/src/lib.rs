//! Other hosts: which there are, how they are reached, and the door to each of them.

mod afar;
mod inventory;
mod judging;
mod link;
mod reserving;
mod restoring;
pub mod rollout;
mod run_afar;
mod sending;
pub mod ssh;

pub use afar::{Afar, Call, Dial, HeldAfar, Taking};
pub use inventory::{FILE, InventoryError, find_inventory, read_inventory, read_inventory_beside};
pub use judging::{Alike, JudgedHost, JudgedRollout, JudgedStage, ReadRollout, RolloutFiles, alike, not_made};
pub use link::{Carrier, Stream};

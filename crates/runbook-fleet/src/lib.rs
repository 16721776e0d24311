//! Other hosts: which there are, how they are reached, and the door to each of them.

mod afar;
mod inventory;
mod link;
mod reserving;
mod run_afar;
mod sending;
pub mod ssh;

pub use afar::{Afar, Call, Dial, HeldAfar, Taking};
pub use inventory::{FILE, InventoryError, find_inventory, read_inventory};
pub use link::{Carrier, Stream};

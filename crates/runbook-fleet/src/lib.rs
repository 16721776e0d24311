//! Other hosts: which there are, what is known of them before anybody connects, and how they are reached.

mod inventory;
pub mod ssh;

pub use inventory::{FILE, InventoryError, find_inventory, read_inventory};

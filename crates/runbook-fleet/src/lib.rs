//! Other hosts: which there are, and what is known of them before anybody connects.

mod inventory;

pub use inventory::{FILE, InventoryError, find_inventory, read_inventory};

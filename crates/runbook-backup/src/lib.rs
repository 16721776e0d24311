//! Backups of paths on one host: standard archives with a manifest, checked and put back in one rename.
//!
//! This crate knows directories and files, nothing of plans or runs. Start at
//! [`create`] and [`Backup`]; the format is told in `docs/backups.md`.

mod acl;
mod aside;
mod attributes;
mod backup;
mod closed;
mod compare;
mod copy;
mod create;
mod descent;
mod digest;
mod dress;
mod durable;
mod error;
mod escaped;
mod exchange;
mod extents;
mod flags;
mod foreign;
mod inode;
mod leave;
mod limits;
mod manifest;
mod means;
mod mounts;
mod names;
mod pack;
mod place;
mod provable;
mod recorder;
mod remove;
mod restore;
mod retention;
mod settle;
mod spot;
mod staging;
mod stream;
mod timestamp;
mod tree;
mod unpack;
mod whole;

pub use aside::set_aside;
pub use attributes::carry_over;
pub use backup::{Backup, Verified};
pub use closed::{Closed, Removed, Replaced};
pub use compare::{Change, Difference, TreeDigest, digest_tree};
pub use copy::{Copied, copy_tree};
pub use create::{Created, Options, check_paths, create};
pub use digest::Digest;
pub use dress::Model;
pub use error::Error;
pub use foreign::{Packed, extract_archive, list_archive};
pub use limits::{Limit, LimitKind, limits};
pub use manifest::{
    Archive, Attributes, Entry, EntryKind, FORMAT, MANIFEST, Manifest, Root, Seen, SkipReason, Skipped,
};
pub use mounts::Ground;
pub use names::keep_name;
pub use provable::provable;
pub use remove::{remove_tree, set_directory_mode};
pub use restore::Restored;
pub use retention::{Retention, prunable};
pub use settle::{Settled, settle};
pub use spot::{Spot, leads_to};
pub use staging::{Staging, finish_interrupted, unfinished};
pub use timestamp::Timestamp;
pub use whole::whole;

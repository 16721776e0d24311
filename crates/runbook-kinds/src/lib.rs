//! Kinds of files, commands, gates, backups, artifacts, ports and caches, one file each; and the table of all kinds that are
//! built in.
//!
//! Each says what it proves, what it captures for undo and what it refuses. What a kind is says `runbook-step`.

mod artifact_deploy;
mod backup_create;
mod catalogue;
mod command_capture;
mod command_run;
mod file_copy;
mod file_directory;
mod file_link;
mod file_remove;
mod file_template;
mod file_write;
mod gate_approve;
mod gate_window;
mod in_the_way;
mod jiti_cache_clear;
mod json_edit;
mod port_orphan_kill;
mod wait_soak;

pub use catalogue::{BUILT_IN, catalogue};

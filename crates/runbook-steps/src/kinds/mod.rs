//! One file a kind. Each says what it proves, what it captures for undo and what it refuses.

pub(crate) mod artifact_deploy;
pub(crate) mod backup_create;
pub(crate) mod command_capture;
pub(crate) mod command_run;
pub(crate) mod file_copy;
pub(crate) mod file_directory;
pub(crate) mod file_link;
pub(crate) mod file_remove;
pub(crate) mod file_template;
pub(crate) mod file_write;
pub(crate) mod gate_approve;
pub(crate) mod gate_window;
mod in_the_way;
pub(crate) mod jiti_cache_clear;
pub(crate) mod json_edit;
pub(crate) mod npm;
pub(crate) mod port_orphan_kill;
pub(crate) mod service_inspect;
pub(crate) mod verify_signals;
pub(crate) mod wait_soak;

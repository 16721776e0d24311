//! Kinds of files, commands, gates, backups, artifacts, ports and caches, one file each; and the table of all kinds that are
//! built in.
//!
//! Each says what it proves, what it captures for undo and what it refuses. What a kind is says `runbook-step`.

mod in_the_way;

use runbook_step::Catalogue;

runbook_step::kinds! {
    artifact_deploy::ArtifactDeploy,
    artifact_pack::ArtifactPack,
    backup_create::BackupCreate,
    command_capture::CommandCapture,
    command_run::CommandRun,
    file_copy::FileCopy,
    file_directory::FileDirectory,
    file_link::FileLink,
    file_remove::FileRemove,
    file_template::FileTemplate,
    file_write::FileWrite,
    gate_approve::GateApprove,
    gate_window::GateWindow,
    jiti_cache_clear::JitiCacheClear,
    json_edit::JsonEdit,
    port_orphan_kill::PortOrphanKill,
    wait_soak::WaitSoak,
}

/// The built-in kinds, and external ones on `PATH`.
pub fn catalogue() -> Catalogue {
    Catalogue::of(&[KINDS, runbook_services::KINDS, runbook_launch::KINDS, runbook_npm::KINDS, runbook_signals::KINDS])
}

//! The explicit table of kinds.

use crate::{
    artifact_deploy, backup_create, command_capture, command_run, file_copy, file_directory, file_link, file_remove,
    file_template, file_write, gate_approve, gate_window, jiti_cache_clear, json_edit, port_orphan_kill, wait_soak,
};
use runbook_services::{launchd, process, systemd};
use runbook_step::{Catalogue, Kind};

/// Every built-in kind. Adding one is a file of its own and a line here.
pub const BUILT_IN: &[&dyn Kind] = &[
    &artifact_deploy::ArtifactDeploy,
    &backup_create::BackupCreate,
    &command_capture::CommandCapture,
    &command_run::CommandRun,
    &file_copy::FileCopy,
    &file_directory::FileDirectory,
    &file_link::FileLink,
    &file_remove::FileRemove,
    &file_template::FileTemplate,
    &file_write::FileWrite,
    &gate_approve::GateApprove,
    &gate_window::GateWindow,
    &jiti_cache_clear::JitiCacheClear,
    &json_edit::JsonEdit,
    &launchd::kinds::BOOTOUT,
    &launchd::kinds::BOOTSTRAP,
    &launchd::kinds::Overrides::DISABLE,
    &launchd::kinds::Overrides::ENABLE,
    &launchd::kinds::KICKSTART,
    &launchd::kinds::PropertyList,
    &runbook_npm::NpmChangelog,
    &runbook_npm::NpmCi,
    &runbook_npm::NpmInstall,
    &runbook_npm::NpmView,
    &port_orphan_kill::PortOrphanKill,
    &process::kinds::RESTART,
    &process::kinds::START,
    &process::kinds::STOP,
    &runbook_launch::ServiceInspect,
    &systemd::kinds::DaemonReload,
    &systemd::kinds::Boot::DISABLE,
    &systemd::kinds::DropIn,
    &systemd::kinds::Boot::ENABLE,
    &systemd::kinds::Reload,
    &systemd::kinds::RESTART,
    &systemd::kinds::START,
    &systemd::kinds::STOP,
    &systemd::kinds::UnitFile,
    &runbook_signals::VerifySignals,
    &wait_soak::WaitSoak,
];

/// The built-in kinds, and external ones on `PATH`.
pub fn catalogue() -> Catalogue {
    Catalogue::of(BUILT_IN)
}

//! The explicit table of kinds.

use crate::kinds;
use runbook_services::{launchd, process, systemd};
use runbook_step::{Catalogue, Kind};

/// Every built-in kind. Adding one is a file under `kinds/` and a line here.
pub const BUILT_IN: &[&dyn Kind] = &[
    &kinds::artifact_deploy::ArtifactDeploy,
    &kinds::backup_create::BackupCreate,
    &kinds::command_capture::CommandCapture,
    &kinds::command_run::CommandRun,
    &kinds::file_copy::FileCopy,
    &kinds::file_directory::FileDirectory,
    &kinds::file_link::FileLink,
    &kinds::file_remove::FileRemove,
    &kinds::file_template::FileTemplate,
    &kinds::file_write::FileWrite,
    &kinds::gate_approve::GateApprove,
    &kinds::gate_window::GateWindow,
    &kinds::jiti_cache_clear::JitiCacheClear,
    &kinds::json_edit::JsonEdit,
    &launchd::kinds::Bootout,
    &launchd::kinds::Bootstrap,
    &launchd::kinds::Overrides::DISABLE,
    &launchd::kinds::Overrides::ENABLE,
    &launchd::kinds::Kickstart,
    &launchd::kinds::PropertyList,
    &kinds::npm::NpmChangelog,
    &kinds::npm::NpmCi,
    &kinds::npm::NpmInstall,
    &kinds::npm::NpmView,
    &kinds::port_orphan_kill::PortOrphanKill,
    &process::kinds::ProcessRestart,
    &process::kinds::ProcessStart,
    &process::kinds::ProcessStop,
    &kinds::service_inspect::ServiceInspect,
    &systemd::kinds::DaemonReload,
    &systemd::kinds::Boot::DISABLE,
    &systemd::kinds::DropIn,
    &systemd::kinds::Boot::ENABLE,
    &systemd::kinds::Reload,
    &systemd::kinds::Restart,
    &systemd::kinds::Start,
    &systemd::kinds::Stop,
    &systemd::kinds::UnitFile,
    &kinds::verify_signals::VerifySignals,
    &kinds::wait_soak::WaitSoak,
];

/// The built-in kinds, and external ones on `PATH`.
pub fn catalogue() -> Catalogue {
    Catalogue::of(BUILT_IN)
}

//! The explicit table of kinds.

use crate::kinds;
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
    &kinds::launchd::Bootout,
    &kinds::launchd::Bootstrap,
    &kinds::launchd::Overrides::DISABLE,
    &kinds::launchd::Overrides::ENABLE,
    &kinds::launchd::Kickstart,
    &kinds::launchd::PropertyList,
    &kinds::npm::NpmChangelog,
    &kinds::npm::NpmCi,
    &kinds::npm::NpmInstall,
    &kinds::npm::NpmView,
    &kinds::port_orphan_kill::PortOrphanKill,
    &kinds::process::ProcessRestart,
    &kinds::process::ProcessStart,
    &kinds::process::ProcessStop,
    &kinds::service_inspect::ServiceInspect,
    &kinds::systemd::DaemonReload,
    &kinds::systemd::Boot::DISABLE,
    &kinds::systemd::DropIn,
    &kinds::systemd::Boot::ENABLE,
    &kinds::systemd::Reload,
    &kinds::systemd::Restart,
    &kinds::systemd::Start,
    &kinds::systemd::Stop,
    &kinds::systemd::UnitFile,
    &kinds::verify_signals::VerifySignals,
    &kinds::wait_soak::WaitSoak,
];

/// The built-in kinds, and external ones on `PATH`.
pub fn catalogue() -> Catalogue {
    Catalogue::of(BUILT_IN)
}

//! The explicit table of kinds, and the look-up that also finds external ones.

use crate::external::{External, NotFound};
use crate::{Kind, kinds};
use runbook_host::Reader;
use runbook_model::{Diagnostic, Span};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

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

/// Where kinds are found by name. Every external kind is asked once for its capabilities and then kept.
pub struct Catalogue {
    search: String,
    external: Mutex<BTreeMap<String, Result<&'static External, NotFound>>>,
}

impl Default for Catalogue {
    /// Looks for external kinds on `PATH`.
    fn default() -> Self {
        Self::searching(Reader::new("/", "/").search_path())
    }
}

impl Catalogue {
    /// Looks for external kinds along `search`, which is written like `PATH`.
    pub fn searching(search: impl Into<String>) -> Self {
        Self { search: search.into(), external: Mutex::default() }
    }

    /// The built-in kinds in the order of the table.
    pub fn built_in(&self) -> impl Iterator<Item = &'static dyn Kind> {
        BUILT_IN.iter().copied()
    }

    /// The kind called `name`: a built-in one, else the program `runbook-step-NAME` on PATH. `None` also if that program
    /// does not answer as it should; [`look_up`](Self::look_up) says why.
    pub fn get(&self, name: &str) -> Option<&dyn Kind> {
        self.find(name).ok()
    }

    /// Like [`get`](Self::get), with the fault for the author of a plan that uses `name` at `span`.
    pub fn look_up(&self, name: &str, span: Span) -> Result<&dyn Kind, Diagnostic> {
        let known = || BUILT_IN.iter().map(|kind| &*kind.doc().name);
        self.find(name).map_err(|why| why.diagnostic(name, span, known()))
    }

    fn find(&self, name: &str) -> Result<&'static dyn Kind, NotFound> {
        if let Some(kind) = self.built_in().find(|kind| kind.doc().name == name) {
            return Ok(kind);
        }
        // A poisoned cache is still a cache: each of its entries was complete when it was put in.
        let mut known = self.external.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known
            .entry(name.to_owned())
            // Leaked, because a kind lives as long as the process, like the built-in ones.
            .or_insert_with(|| External::find(name, &self.search).map(|found| &*Box::leak(Box::new(found))));
        entry.clone().map(|kind| kind as &dyn Kind)
    }
}

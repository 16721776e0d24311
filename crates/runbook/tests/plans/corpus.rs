//! Where the plans are, and `runbook` with the same surroundings on every machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `tests/NAME`, without links.
pub(crate) fn directory(name: &str) -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(name)).unwrap()
}

/// The plans in `directory`, by name; an inventory beside them is none.
pub(crate) fn plans(directory: &Path) -> Vec<PathBuf> {
    let mut plans: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    plans.retain(|path| {
        path.extension().is_some_and(|extension| extension == "yaml") && !path.ends_with("inventory.yaml")
    });
    plans.sort();
    plans
}

/// `runbook` in `directory`.
pub(crate) fn runbook(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
    command
        .current_dir(directory)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", directory.join("bin").display()))
        .env("HOME", "/home/operator")
        .env("RUNBOOK_STATE_DIR", "/var/lib/runbook");
    command
}

/// `runbook` with `arguments` about `plan`, called by its short name, with the arguments that it asks for.
pub(crate) fn about(plan: &Path, arguments: &[&str]) -> Output {
    let text = fs::read(plan).unwrap();
    let first = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
    let own = first.strip_prefix("# args: ").unwrap_or_default();
    runbook(plan.parent().unwrap())
        .args(arguments)
        .arg(plan.file_name().unwrap())
        .args(own.split_whitespace())
        .output()
        .unwrap()
}

/// Snapshots beside the plans in `directory`.
pub(crate) fn snapshots(directory: &Path) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(directory.join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// What was told, without this machine's directories.
pub(crate) fn told(directory: &Path, text: &[u8]) -> String {
    String::from_utf8(text.to_vec()).unwrap().replace(&*directory.to_string_lossy(), "<corpus>")
}

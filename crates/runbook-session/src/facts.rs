//! Facts of this host, and where `runbook` keeps its files on it.

use runbook_host::Reader;
use runbook_journal::StateDir;
use runbook_model::HostFacts;
use std::env;
use std::path::{Path, PathBuf};

/// What this host is.
pub fn host_facts() -> HostFacts {
    let (user, home) = user_and_home();
    HostFacts {
        os: if cfg!(target_os = "macos") { "macos" } else { env::consts::OS }.to_owned(),
        arch: env::consts::ARCH.to_owned(),
        libc: libc().to_owned(),
        init: init().to_owned(),
        name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        user,
        home,
    }
}

/// The C library of the host, not of this binary, which may be static.
fn libc() -> &'static str {
    if cfg!(target_os = "macos") {
        return "system";
    }
    let musl = format!("/lib/ld-musl-{}.so.1", env::consts::ARCH);
    if Path::new(&musl).exists() { "musl" } else { "gnu" }
}

fn init() -> &'static str {
    if cfg!(target_os = "macos") {
        "launchd"
    } else if Path::new("/run/systemd/system").is_dir() {
        "systemd"
    } else {
        "none"
    }
}

/// By the user that runs `runbook`, as the host knows it; `HOME` wins for the home directory.
fn user_and_home() -> (String, String) {
    let host = Reader::new("/", "/");
    // A directory service that does not answer is no reason to know nothing of the host.
    let account = host.own_account().ok().flatten();
    let home = env::var("HOME").ok().filter(|home| home.starts_with('/'));
    let known = account.as_ref().and_then(|account| account.home.as_ref()).map(|home| home.display().to_string());
    let user = account.map(|account| account.name).or_else(|| env::var("USER").ok());
    let user = user.unwrap_or_else(|| host.own_uid().to_string());
    (user, home.or(known).unwrap_or_else(|| "/".to_owned()))
}

/// The state directory of root.
pub const SYSTEM_STATE: &str = "/var/lib/runbook";

/// The state directory that is given, else `/var/lib/runbook` for root and the XDG state directory
/// for others. Absolute, for the supervisor and resumed runs start elsewhere.
pub fn state_dir(given: Option<&Path>) -> StateDir {
    let chosen = given.map_or_else(unnamed_state_dir, Path::to_path_buf);
    StateDir::at(std::path::absolute(&chosen).unwrap_or(chosen))
}

/// Where a call of this user keeps its files that names no directory, by flag or variable.
pub fn unnamed_state_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from(SYSTEM_STATE);
    }
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    state.unwrap_or_else(|| PathBuf::from(user_and_home().1).join(".local/state")).join("runbook")
}

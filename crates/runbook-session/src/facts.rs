//! Facts of this host, and where `runbook` keeps its files on it.

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

/// By the user that runs `runbook`, as the password file tells; `HOME` wins for the home directory.
fn user_and_home() -> (String, String) {
    let uid = rustix::process::geteuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2).and_then(|field| field.parse::<u32>().ok()) == Some(uid));
    let field = |at: usize| entry.as_ref().and_then(|fields| fields.get(at)).map(|text| (*text).to_owned());
    let user = field(0).or_else(|| env::var("USER").ok()).unwrap_or_else(|| uid.to_string());
    let home = env::var("HOME").ok().filter(|home| home.starts_with('/')).or_else(|| field(5));
    (user, home.unwrap_or_else(|| "/".to_owned()))
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

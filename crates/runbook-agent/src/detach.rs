//! Starting the agent so that it outlives the link, the login and sshd.

use crate::place::Place;
use rustix::process::geteuid;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What an agent takes over from the login that starts it. The rest of an environment may hold secrets, and what a unit is
/// given there can be read by everybody.
const PASSED_ON: [&str; 9] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "XDG_RUNTIME_DIR", "RUNBOOK_LOG"];

/// How an agent is kept from ending with its login.
enum Keeper {
    /// A transient unit of the host's systemd.
    System,
    /// A transient unit of the user's, whose manager stays without a login.
    User,
    /// A session of its own.
    Session,
}

/// Starts an agent, the `nth` of this process. That it listens is not waited for. That another one is there already is no error.
///
/// # Errors
/// It cannot be started, in words.
pub(crate) fn start(place: &Place, program: &Path, nth: u32) -> Result<(), String> {
    match keeper() {
        Keeper::System => unit(place, program, nth, &[]),
        Keeper::User => unit(place, program, nth, &["--user"]),
        Keeper::Session => own_session(place, program),
    }
}

fn keeper() -> Keeper {
    if !Path::new("/run/systemd/system").is_dir() {
        return Keeper::Session;
    }
    if geteuid().is_root() {
        return Keeper::System;
    }
    // Without lingering the user's manager ends with the last login, and all of its units with it.
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.join("bus").exists());
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let lingers = !user.is_empty() && Path::new("/var/lib/systemd/linger").join(user).exists();
    if runtime.is_some() && lingers { Keeper::User } else { Keeper::Session }
}

/// A transient unit.
fn unit(place: &Place, program: &Path, nth: u32, manager: &[&str]) -> Result<(), String> {
    let mut command = Command::new("systemd-run");
    command.args(manager).args(["--quiet", "--collect", "--property=Type=exec"]);
    // What a run started goes on when the agent ends.
    command.args(["--property=KillMode=process", "--property=SendSIGHUP=no"]);
    command.arg(format!("--unit={}", place.unit(nth))).arg("--description=runbook, for a controller elsewhere");
    for name in PASSED_ON {
        if let Ok(value) = std::env::var(name) {
            command.arg(format!("--setenv={name}={value}"));
        }
    }
    command.arg("--").arg(program).args(serve(place)).stdin(Stdio::null());
    let done = command.output().map_err(|error| format!("systemd-run cannot be started: {error}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    if done.status.success() { Ok(()) } else { Err(said.trim().to_owned()) }
}

/// A process of its own, which leaves the session of the login as its first act.
fn own_session(place: &Place, program: &Path) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(serve(place)).arg("--own-session");
    let passed_on = PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    command.env_clear().envs(passed_on).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = command.spawn().map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
    // It is nobody's to wait for: this process ends before it.
    drop(started);
    Ok(())
}

fn serve(place: &Place) -> [std::ffi::OsString; 4] {
    ["--state-dir".into(), place.state_dir().into(), "agent".into(), "serve".into()]
}

//! The search path, and where this user may write.

use crate::{Command, Reader, io_failure};
use runbook_model::Failure;
use rustix::fs::{Access, AtFlags, CWD};
use std::collections::BTreeMap;
use std::env;
use std::io;
use std::path::{Path, PathBuf};

/// The permission bits that files of what `runbook` starts never have, whatever umask its caller has: a service
/// has to be able to read what a command installs. `runbook`'s own files have modes of their own.
pub const UMASK: u32 = 0o022;

/// The variables that a service inherits from the process that starts it; all others come from its own `env`.
const INHERITED: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];

impl Reader {
    /// Whether this user may make and replace names in the directory `path`.
    pub fn may_write(&self, path: &Path) -> Result<bool, Failure> {
        self.denial(path).map(|denial| denial.is_none())
    }

    /// What the system says to this user who would make or replace names in the directory `path`; `None` if it may.
    pub fn denial(&self, path: &Path) -> Result<Option<io::Error>, Failure> {
        match rustix::fs::accessat(CWD, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
            Ok(()) => Ok(None),
            Err(error @ (rustix::io::Errno::ACCESS | rustix::io::Errno::PERM | rustix::io::Errno::ROFS)) => {
                Ok(Some(error.into()))
            }
            Err(error) => Err(io_failure("look at", path, &error.into())),
        }
    }

    /// Whether this user may execute the file `path`.
    pub fn may_execute(&self, path: &Path) -> bool {
        rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_ok()
    }

    /// Whether `command`, which takes a change back, can be run as it is: its program is there and may be executed by
    /// this user, and the directory in which it runs is there.
    pub fn can_run(&self, command: &Command) -> Result<(), Failure> {
        let name = command.argv.first().map_or("", String::as_str);
        let cwd = command.cwd.clone().unwrap_or_else(|| PathBuf::from("/"));
        let refused = |why: String| {
            Failure::refused(format!("there would be no way back: `{}` cannot be run: {why}", command.line()))
        };
        if !cwd.is_dir() {
            return Err(refused(format!("the directory {} is not there", cwd.display()))
                .hint("make it before this step, or name another `cwd`"));
        }
        let search = command.env.get("PATH").cloned().unwrap_or_else(|| self.search_path());
        match which::which_in(command.words().next().unwrap_or_default(), Some(search), &cwd) {
            Ok(_) => Ok(()),
            Err(_) => Err(refused(format!("`{name}` is not there, or is no program that this user may execute"))
                .hint("put it there in an earlier step, give its full path, or correct its mode")),
        }
    }

    /// The directories of `PATH` as they are written there.
    pub fn search_path(&self) -> String {
        env::var("PATH").unwrap_or_default()
    }

    /// The program `name` in the first directory of `search` that has it; `search` is written like `PATH`.
    pub fn program_along(&self, name: &str, search: &str) -> Option<PathBuf> {
        which::which_in(name, Some(search), "/").ok()
    }

    /// Where the program `name` may be: in each directory of `search`, which is written like `PATH`.
    pub fn places_along(&self, name: &str, search: &str) -> Vec<PathBuf> {
        env::split_paths(search).map(|dir| dir.join(name)).collect()
    }

    /// The same reader, whose programs inherit those variables alone whose names are `kept`.
    #[must_use]
    pub fn withholding_all_but(self, kept: &dyn Fn(&str) -> bool) -> Self {
        let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        self.withholding(names.filter(|name| !kept(name)))
    }

    /// `PATH` with the directory `first` before all others, for programs that look for their own companions.
    pub fn search_path_with(&self, first: &Path) -> String {
        let path = env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(PathBuf::from(first)).chain(env::split_paths(&path));
        env::join_paths(all).unwrap_or(path).to_string_lossy().into_owned()
    }

    /// Who became this user with `sudo`, if that is how it was.
    pub fn called_by(&self) -> Option<String> {
        env::var("SUDO_USER").ok().filter(|user| !user.is_empty() && user != "root")
    }

    /// The directory with the sockets of this user's session, of the bus and of systemd among them: what the
    /// environment says, else the usual place, for a session of `su` or cron knows nothing of it. `None` if this user
    /// has none.
    pub fn runtime_dir(&self) -> Option<PathBuf> {
        let usual = || PathBuf::from(format!("/run/user/{}", self.own_uid()));
        let dir = env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()).map_or_else(usual, PathBuf::from);
        dir.is_dir().then_some(dir)
    }
}

/// The part of the environment of this process that services and external kinds inherit.
pub fn base_environment() -> BTreeMap<String, String> {
    INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?))).collect()
}

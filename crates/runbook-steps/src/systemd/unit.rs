//! Which unit of which manager.

use crate::host::{Command, Reader};
use runbook_model::{Failure, Resource};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Suffixes of unit names (systemd.unit(5)).
const SUFFIXES: &[&str] = &[
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
    ".scope",
];

/// How long `systemctl` may take for what needs no job. systemd answers nobody while it reads its files again.
const LIMIT: Duration = Duration::from_secs(90);

/// A unit of the system's manager or of the manager of the user that runs `runbook`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Its whole name, with the suffix.
    pub(crate) name: String,
    /// Whether it is a unit of the user's manager.
    pub(crate) user: bool,
}

impl Unit {
    /// The unit called `name`; a name without a suffix is a service, as for `systemctl`.
    pub(crate) fn named(name: &str, user: bool) -> Self {
        let complete = SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
        Self { name: if complete { name.to_owned() } else { format!("{name}.service") }, user }
    }

    /// Whether `name` can be the name of a unit: systemd's characters, no path, not empty.
    pub(crate) fn is_name(name: &str) -> bool {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let allowed = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        !stem.is_empty() && name.len() < 256 && name.chars().all(allowed) && !name.starts_with('-')
    }

    /// The thing that steps conflict about.
    pub(crate) fn resource(&self) -> Resource {
        Resource::Unit(self.title())
    }

    /// Its name, by which units of a user are told apart from those of the system.
    pub(crate) fn title(&self) -> String {
        if self.user { format!("{} (user)", self.name) } else { self.name.clone() }
    }

    /// Whether it is a template (`a@.service`): files of it can be written, but it cannot run.
    pub(crate) fn is_template(&self) -> bool {
        self.name.rsplit_once('.').is_some_and(|(stem, _)| stem.ends_with('@'))
    }

    /// Where an administrator's files of units are. `home` is the user's home directory.
    pub(crate) fn config_dir(&self, home: &Path) -> PathBuf {
        if self.user { home.join(".config/systemd/user") } else { "/etc/systemd/system".into() }
    }

    /// `systemctl VERB -- NAME…` in the words of no language but systemd's own.
    pub(crate) fn systemctl_for(&self, host: &Reader, verb: &[&str], names: &[&str]) -> Command {
        let mut argv = self.systemctl();
        argv.extend(verb.iter().map(|word| (*word).to_owned()));
        if !names.is_empty() {
            argv.push("--".to_owned());
        }
        argv.extend(names.iter().map(|name| (*name).to_owned()));
        Command { env: self.environment(host), limit: Some(LIMIT), ..Command::new(argv) }
    }

    /// What a program needs in its environment to reach the manager.
    pub(crate) fn environment(&self, host: &Reader) -> std::collections::BTreeMap<String, String> {
        let runtime_dir = if self.user { host.runtime_dir() } else { None };
        let runtime_dir = runtime_dir.map(|dir| ("XDG_RUNTIME_DIR".to_owned(), dir.to_string_lossy().into_owned()));
        runtime_dir.into_iter().chain([("LC_ALL".to_owned(), "C".to_owned())]).collect()
    }

    /// Fails, with the next action, where there is no such manager.
    pub(crate) fn needs_systemd(&self, host: &Reader) -> Result<(), Failure> {
        // sd_booted(3): this directory is there exactly while systemd is the init system.
        if host.stat(Path::new("/run/systemd/system"))?.is_none() {
            return Err(Failure::missing(format!(
                "{self} cannot be reached: this host does not run systemd, /run/systemd/system is not there"
            ))
            .hint("use the `process.*` kinds on a host without an init system"));
        }
        if self.user && host.runtime_dir().is_none() {
            return Err(Failure::missing(format!(
                "{self} cannot be reached: user {} has no session, and so no systemd of its own",
                host.own_uid()
            ))
            .hint("let the user's systemd run without a session: `loginctl enable-linger USER`"));
        }
        Ok(())
    }

    /// The unit whose [`resource`](Self::resource) has this name.
    pub(crate) fn of_resource(name: &str) -> Self {
        let of_user = name.strip_suffix(" (user)");
        Self::named(of_user.unwrap_or(name), of_user.is_some())
    }

    /// `systemctl` with the manager chosen and nothing that waits for a person.
    pub(crate) fn systemctl(&self) -> Vec<String> {
        let scope = if self.user { "--user" } else { "--system" };
        ["systemctl", scope, "--no-pager", "--no-ask-password"].map(str::to_owned).to_vec()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

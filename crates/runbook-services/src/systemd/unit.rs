//! Which unit of which manager.

use runbook_host::{Command, Host, Reader};
use runbook_model::{Failure, Resource};
use runbook_step::Names;
use std::fmt;
use std::os::unix::fs::MetadataExt;
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
pub struct Unit {
    /// Its whole name, with the suffix.
    pub name: String,
    /// Whether it is a unit of the user's manager.
    pub user: bool,
}

impl Unit {
    /// The unit called `name`; a name without a suffix is a service, as for `systemctl`.
    pub fn named(name: &str, user: bool) -> Self {
        let complete = SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
        Self { name: if complete { name.to_owned() } else { format!("{name}.service") }, user }
    }

    /// What its name has to be.
    pub const NAME: Names = Names {
        wanted: "the name of a unit: letters, digits, `:`, `-`, `_`, `.`, `\\` and `@`, not a path",
        fit: Self::is_name,
    };

    /// Whether `name` can be the name of a unit: systemd's characters, no path, not empty.
    pub fn is_name(name: &str) -> bool {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let allowed = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        !stem.is_empty() && name.len() < 256 && name.chars().all(allowed) && !name.starts_with('-')
    }

    /// Its name, by which units of a user are told apart from those of the system.
    pub fn title(&self) -> String {
        if self.user { format!("{} (user)", self.name) } else { self.name.clone() }
    }

    /// Whether it is a template (`a@.service`): files of it can be written, but it cannot run.
    pub fn is_template(&self) -> bool {
        self.name.rsplit_once('.').is_some_and(|(stem, _)| stem.ends_with('@'))
    }

    /// Where an administrator's files of units are. `home` is the user's home directory.
    pub fn config_dir(&self, home: &Path) -> PathBuf {
        if self.user { home.join(".config/systemd/user") } else { "/etc/systemd/system".into() }
    }

    /// Where systemd finds what the unit is, as far as files say it.
    pub fn definitions(&self, home: &Path) -> Vec<Resource> {
        let dirs: &[&str] = match self.user {
            true => &["/etc/systemd/user", "/run/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"],
            false => &[
                "/run/systemd/system",
                "/usr/local/lib/systemd/system",
                "/usr/lib/systemd/system",
                "/lib/systemd/system",
            ],
        };
        let own = self.config_dir(home);
        let dirs = dirs.iter().map(PathBuf::from).chain([own, home.join(".local/share/systemd/user")]);
        let template = self.name.split_once('@').zip(self.name.rsplit_once('.'));
        let template = template.map(|((stem, _), (_, suffix))| format!("{stem}@.{suffix}"));
        let names = || std::iter::once(self.name.as_str()).chain(template.as_deref());
        dirs.flat_map(|dir| names().map(|name| Resource::Path(dir.join(name))).collect::<Vec<_>>()).collect()
    }

    /// `systemctl VERB -- NAME…` in the words of no language but systemd's own.
    pub fn systemctl_for(&self, host: &Reader, verb: &[&str], names: &[&str]) -> Command {
        let mut argv = self.systemctl();
        argv.extend(verb.iter().map(|word| (*word).to_owned()));
        if !names.is_empty() {
            argv.push("--".to_owned());
        }
        argv.extend(names.iter().map(|name| (*name).to_owned()));
        Command { env: self.environment(host), limit: Some(LIMIT), ..Command::new(argv) }
    }

    /// What a program needs in its environment to reach the manager.
    pub fn environment(&self, host: &Reader) -> std::collections::BTreeMap<String, String> {
        let runtime_dir = if self.user { host.runtime_dir() } else { None };
        let runtime_dir = runtime_dir.map(|dir| ("XDG_RUNTIME_DIR".to_owned(), dir.to_string_lossy().into_owned()));
        runtime_dir.into_iter().chain([("LC_ALL".to_owned(), "C".to_owned())]).collect()
    }

    /// Fails, with the next action, where there is no such manager.
    pub fn needs_systemd(&self, host: &Reader) -> Result<(), Failure> {
        // sd_booted(3): this directory is there exactly while systemd is the init system.
        if host.stat(Path::new("/run/systemd/system"))?.is_none() {
            return Err(Failure::missing(format!(
                "{self} cannot be reached: this host does not run systemd, /run/systemd/system is not there"
            ))
            .hint("use the `process.*` kinds on a host without an init system"));
        }
        if self.user {
            let dir = host.runtime_dir();
            let owner = dir.as_deref().map(|dir| host.stat(dir)).transpose()?.flatten().map(|found| found.uid());
            if owner != Some(host.own_uid()) {
                return Err(no_manager(self, host.own_uid(), dir.as_deref().zip(owner), host.called_by().as_deref()));
            }
        }
        Ok(())
    }

    /// The unit whose [`resource`](Self::resource) has this name.
    pub fn of_resource(name: &str) -> Self {
        let of_user = name.strip_suffix(" (user)");
        Self::named(of_user.unwrap_or(name), of_user.is_some())
    }

    /// Where `runbook` keeps something about it.
    pub(super) fn own_path(&self, host: &Reader, ending: &str) -> PathBuf {
        let of = if self.user { ".user" } else { "" };
        host.state_dir().join("units").join(format!("{}{of}.{ending}", self.name))
    }

    /// The same, in a directory that is there.
    pub(super) fn own_file(&self, host: &Host, ending: &str) -> Result<PathBuf, Failure> {
        host.own_dir(&host.state_dir().join("units"))?;
        Ok(self.own_path(host, ending))
    }

    /// `systemctl` with the manager chosen and nothing that waits for a person.
    pub fn systemctl(&self) -> Vec<String> {
        let scope = if self.user { "--user" } else { "--system" };
        ["systemctl", scope, "--no-pager", "--no-ask-password"].map(str::to_owned).to_vec()
    }
}

/// Why a unit of this user cannot be reached: `dir` is the runtime directory with its owner, if there is one, and `caller`
/// is who became this user with `sudo`.
fn no_manager(unit: &Unit, uid: u32, dir: Option<(&Path, u32)>, caller: Option<&str>) -> Failure {
    let why = match dir {
        Some((dir, owner)) => format!("{} belongs to user {owner}, and this is user {uid}", dir.display()),
        None if uid == 0 => {
            "with `user: true` it is a unit of the user that runs `runbook`, and that is root, which has no session here"
                .to_owned()
        }
        None => format!("user {uid} has no session, and so no systemd of its own"),
    };
    let hint = match (caller, uid) {
        (Some(caller), _) => format!("run it as {caller}, without `sudo`; or, for a unit of the system, leave out `user: true`"),
        (None, 0) => "run it as the user whose unit it is: `sudo -u USER XDG_RUNTIME_DIR=/run/user/UID runbook …`; or, for a unit of the system, leave out `user: true`".to_owned(),
        (None, _) if dir.is_some() => format!("run it with XDG_RUNTIME_DIR=/run/user/{uid}, or log in as this user"),
        (None, _) => "let the user's systemd run without a session: `loginctl enable-linger USER`".to_owned(),
    };
    Failure::missing(format!("{unit} cannot be reached: {why}")).hint(hint)
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Unit, no_manager};
    use std::path::Path;

    #[test]
    fn who_runs_it_as_another_user_is_told_so() {
        let unit = Unit::named("gateway.service", true);
        let hint = |uid, dir: Option<(&str, u32)>, caller| {
            no_manager(&unit, uid, dir.map(|(dir, owner)| (Path::new(dir), owner)), caller).hint.unwrap_or_default()
        };
        assert!(hint(0, None, Some("ana")).contains("run it as ana, without `sudo`"));
        assert!(hint(0, Some(("/run/user/1000", 1000)), Some("ana")).contains("without `sudo`"));
        assert!(hint(0, None, None).contains("sudo -u USER"));
        assert!(hint(1001, Some(("/run/user/1000", 1000)), None).contains("/run/user/1001"));
        assert!(hint(1001, None, None).contains("enable-linger"));
        for uid in [0, 1001] {
            assert!(!hint(uid, None, Some("ana")).contains("linger"));
        }
    }
}

//! Which unit of which manager.

use runbook_model::Resource;
use std::fmt;

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

    /// The thing that steps conflict about. Units of a user are told apart from those of the system.
    pub(crate) fn resource(&self) -> Resource {
        Resource::Unit(if self.user { format!("{} (user)", self.name) } else { self.name.clone() })
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

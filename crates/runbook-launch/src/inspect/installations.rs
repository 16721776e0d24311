//! Every installation of a package in the places where package managers and people put them. The disk is not searched.

use runbook_host::Reader;
use runbook_model::Failure;
use runbook_services::package::{package_name, package_version};
use std::path::{Path, PathBuf};

/// How many entries of one directory are looked at, and how many homes.
const MOST: usize = 256;
/// Prefixes of npm for everybody: its own, Debian's, Homebrew's on both kinds of Mac, Linuxbrew's.
const PREFIXES: &[&str] = &["usr/local", "usr", "opt/homebrew", "home/linuxbrew/.linuxbrew"];
/// Prefixes below a home directory; `*` stands for every entry of a directory.
const IN_HOMES: &[&str] = &[
    ".nvm/versions/node/*",
    ".npm-global",
    ".npm-packages",
    ".local",
    ".n",
    ".volta/tools/image/packages/{package}",
    ".volta/tools/image/node/*",
    ".local/share/fnm/node-versions/*/installation",
    ".fnm/node-versions/*/installation",
    ".asdf/installs/nodejs/*",
    ".local/share/mise/installs/node/*",
];
/// Other prefixes.
const ELSEWHERE: &[&str] = &[
    "usr/local/nvm/versions/node/*",
    "opt/nvm/versions/node/*",
    "usr/local/n/versions/node/*",
    "opt/*",
    "opt/homebrew/Cellar/{package}/*/libexec",
    "usr/local/Cellar/{package}/*/libexec",
    "home/linuxbrew/.linuxbrew/Cellar/{package}/*/libexec",
];
/// Directories that are themselves installations if they hold the package.
const ROOTS: &[&str] = &["opt/*", "opt/*/app", "opt/*/current"];

/// One installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installation {
    /// Its directory, links followed.
    pub(super) root: PathBuf,
    /// What it says is its version.
    pub(super) version: Option<String>,
}

/// What was found, and where nobody could look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) installations: Vec<Installation>,
    pub(super) unread: Vec<PathBuf>,
}

/// The installations of `package` on the host whose files are below `top`, by path.
pub(super) fn find(host: &Reader, top: &Path, package: &str, homes: &[PathBuf]) -> Result<Found, Failure> {
    let mut found = Found::default();
    let mut roots = Vec::new();
    let in_prefix = |prefix: PathBuf| prefix.join("lib/node_modules").join(package);
    let filled = |pattern: &str| pattern.replace("{package}", package);
    for pattern in PREFIXES.iter().chain(ELSEWHERE) {
        roots.extend(places(host, top, &filled(pattern), &mut found).into_iter().map(in_prefix));
    }
    for home in homes.iter().take(MOST) {
        // One look tells whether this user may go in at all.
        if host.lstat(&home.join(".nvm")).is_err() {
            found.unread.push(home.clone());
            continue;
        }
        for pattern in IN_HOMES {
            roots.extend(places(host, home, &filled(pattern), &mut found).into_iter().map(in_prefix));
        }
    }
    for pattern in ROOTS {
        roots.extend(places(host, top, pattern, &mut found));
    }
    for root in roots {
        let Ok(root) = host.canonical(&root) else { continue };
        let Some(root) = root.filter(|root| !found.installations.iter().any(|known| known.root == *root)) else {
            continue;
        };
        if package_name(host, &root).ok().flatten().as_deref() == Some(package) {
            found.installations.push(Installation { version: package_version(host, &root)?, root });
        }
    }
    found.installations.sort_by(|one, other| one.root.cmp(&other.root));
    found.unread.sort_unstable();
    found.unread.dedup();
    Ok(found)
}

/// The directories that `pattern` means below `base`.
fn places(host: &Reader, base: &Path, pattern: &str, found: &mut Found) -> Vec<PathBuf> {
    let mut places = vec![base.to_owned()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for place in places {
            if part != "*" {
                next.push(place.join(part));
                continue;
            }
            match host.list(&place) {
                Ok(names) => next.extend(names.unwrap_or_default().iter().take(MOST).map(|name| place.join(name))),
                Err(_) => found.unread.push(place),
            }
        }
        places = next;
    }
    places
}

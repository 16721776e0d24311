//! The shared tree: a minimal Debian that every host sees below its own changes. Built once, under the lock.

use crate::command::{command, run, tool};
use crate::error::{Result, WithPath};
use crate::site::Site;
use std::path::{Path, PathBuf};

/// The release of Debian where this machine is not Debian itself.
const SUITE: &str = "bookworm";

/// What a host has beside the minimal system.
const PACKAGES: &[&str] = &[
    "systemd",
    "systemd-sysv",
    "libpam-systemd",
    "dbus",
    "dbus-user-session",
    "openssh-server",
    "iproute2",
    "iputils-ping",
    "procps",
    "util-linux",
    "ca-certificates",
    "acl",
    "xz-utils",
    "sudo",
    "zsh",
    "fish",
    "tcsh",
];

/// Builds in namespaces that end with this process: debootstrap mounts file systems into the tree, and half a tree is removed
/// by the next one who builds.
const ALONE: &[&str] = &[
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
];

/// What is changed in the tree after it is unpacked; part of the stamp, so a new line here builds a new tree.
///
/// A host makes its own identity at its first boot. There is no server for names, and asking must fail at once. File systems
/// of the machine's kernel are not for hosts.
const SETTLE: &str = r#"
set -eu
cd "$1"
: > etc/machine-id
: > etc/resolv.conf
rm -f etc/ssh/ssh_host_* var/cache/apt/archives/*.deb
rm -rf var/lib/apt/lists/*
mkdir -p var/log/journal
for unit in sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount sys-fs-fuse-connections.mount; do
    ln -s /dev/null "etc/systemd/system/$unit"
done
"#;

/// The tree that fits this program, built if it is not there. The caller holds the lock.
pub(crate) fn ready(site: &Site) -> Result<PathBuf> {
    let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let suite = suite(&os_release);
    let tree = site.trees().join(stamp(suite));
    if !tree.exists() {
        build(suite, &tree)?;
    }
    if !site.key().exists() {
        let key = site.key();
        tool(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test-hosts", "-f", &key.to_string_lossy()])?;
    }
    Ok(tree)
}

/// Removes all trees. The caller holds the lock, and no host runs over them.
pub(crate) fn remove(site: &Site) -> Result<()> {
    std::fs::remove_dir_all(site.trees()).with_path(site.trees())
}

/// A short name for everything that the tree is made of.
fn stamp(suite: &str) -> String {
    let digest = blake3::hash(format!("{suite} {PACKAGES:?} {SETTLE}").as_bytes());
    format!("{suite}-{}", &digest.to_hex()[..12])
}

/// The release of this machine where it is Debian: what is built here must find its libraries there.
fn suite(os_release: &str) -> &str {
    let field = |name: &str| os_release.lines().find_map(|line| line.strip_prefix(name));
    match (field("ID="), field("VERSION_CODENAME=")) {
        (Some("debian"), Some(codename)) => codename,
        _ => SUITE,
    }
}

/// Builds beside the name and renames: a tree that has its name is whole.
fn build(suite: &str, tree: &Path) -> Result<()> {
    let half = tree.with_extension("half");
    if half.exists() {
        std::fs::remove_dir_all(&half).with_path(&half)?;
    }
    let at = half.to_string_lossy();
    let include = format!("--include={}", PACKAGES.join(","));
    let mut words = ALONE.to_vec();
    words.extend(["debootstrap", "--variant=minbase", &include, suite, at.as_ref()]);
    let mirror = std::env::var("RUNBOOK_LAB_MIRROR").ok();
    words.extend(mirror.as_deref());
    run(command(&words), b"")?.last_lines(5).ok()?;
    tool(&["sh", "-c", SETTLE, "sh", &at])?;
    std::fs::rename(&half, tree).with_path(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_the_machines_own_if_it_is_debian() {
        assert_eq!(suite("NAME=\"Debian\"\nVERSION_CODENAME=trixie\nID=debian\n"), "trixie");
        assert_eq!(suite("VERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n"), SUITE);
        assert_eq!(suite("ID=debian\n"), SUITE);
    }

    #[test]
    fn another_release_is_another_tree() {
        assert_ne!(stamp("trixie"), stamp("bookworm"));
    }
}

//! Whether hosts can run on this machine, found out by trying the very things that a host needs.

use crate::cgroup::Cgroup;
use crate::command::{command, run};
use crate::error::Error;
use crate::site::Site;
use std::fmt::Display;
use std::path::Path;

/// The namespaces of a host, as options of `unshare`.
pub(crate) const NAMESPACES: &[&str] =
    &["--mount", "--propagation", "private", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"];

/// A program that the lab runs, and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("debootstrap", "debootstrap"),
    ("ip", "iproute2"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("pivot_root", "util-linux"),
    ("mount", "mount"),
];

/// Why hosts cannot run here.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The process is not root.
    #[error("hosts need root: they are namespaces, mounts and network interfaces")]
    NotRoot,
    /// A program is not installed.
    #[error("`{program}` is not on this machine; on Debian it is in the package `{package}`")]
    Program {
        /// The program.
        program: &'static str,
        /// The package.
        package: &'static str,
    },
    /// The hierarchy of control groups cannot be used.
    #[error("{0}")]
    Cgroup(String),
    /// Namespaces or overlay mounts are refused, as they are in most containers.
    #[error("the kernel refuses what a host is made of (namespaces, an overlay mount): {0}")]
    Kernel(String),
    /// The shared tree could not be built.
    #[error("the shared tree of Debian could not be built: {0}")]
    Tree(Error),
    /// The lab's directory cannot be used, or what a dead lab left cannot be removed.
    #[error("the lab's directory cannot be used: {0}")]
    Site(Error),
}

/// Looks for what a host needs, writing nothing.
pub(crate) fn check() -> Result<(), Unavailable> {
    let me = run(command(&["id", "-u"]), b"").map_err(Unavailable::Site)?;
    if me.stdout.trim() != "0" {
        return Err(Unavailable::NotRoot);
    }
    for (program, package) in PROGRAMS {
        if !on_path(program) {
            return Err(Unavailable::Program { program, package });
        }
    }
    Cgroup::root().map(drop).map_err(Unavailable::Cgroup)
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Makes the namespaces and an overlay mount on the lab's file system; both are gone when the command ends.
pub(crate) fn try_kernel(site: &Site) -> Result<(), Unavailable> {
    let scratch = site.root().join("rooms").join(format!(".try-{}", std::process::id()));
    let made = ["lower", "upper", "work", "root"].map(|name| std::fs::create_dir_all(scratch.join(name)));
    let tried = made.into_iter().collect::<std::io::Result<()>>().map_err(|error| error.to_string()).and_then(|()| {
        let mut words = vec!["unshare"];
        words.extend(NAMESPACES);
        let script = "cd \"$1\" && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root";
        let at = scratch.to_string_lossy();
        words.extend(["sh", "-c", script, "sh", at.as_ref()]);
        run(command(&words), b"").and_then(|output| output.ok()).map_err(|error| error.to_string())
    });
    remove(&scratch);
    tried.map(drop).map_err(Unavailable::Kernel)
}

/// What was got for a test; none where it was not, and then the test is [skipped](test_rules::skip).
///
/// # Panics
///
/// Where it was not, although `CI` is set.
pub(crate) fn or_skip<T, E: Display>(got: Result<T, E>) -> Option<T> {
    got.map_err(test_rules::skip).ok()
}

/// What is left is found by the next cleaning: the name has the form of a room without a holder.
fn remove(scratch: &Path) {
    let _ = std::fs::remove_dir_all(scratch);
}

//! Node, npm, verdaccio and jiti from npm, installed once into the lab's directory: what hosts with Node services need. Nothing of
//! it comes onto this machine's own PATH. `registry.rs` runs the registry.

use crate::available::or_skip;
use crate::boot::make_dir;
use crate::command::{command, run, run_with};
use crate::error::{Error, Result, WithPath};
use crate::host::Host;
use crate::site::Site;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// What is installed; part of the stamp, so another version here is another directory. The newest verdaccio needs Node 22 itself.
/// It asks for node-fetch by a tag, which not every mirror of the npm registry has.
const MANIFEST: &str = r#"{
  "private": true,
  "dependencies": { "node": "22.23.3", "npm": "10.9.9", "verdaccio": "6.10.4", "jiti": "2.6.1" },
  "overrides": { "node-fetch": "2.7.0" }
}
"#;

/// Node and npm for hosts, the programs of a registry, and packages that tests put on hosts.
#[derive(Clone, Debug)]
pub struct Node {
    dir: PathBuf,
}

impl Node {
    /// What is there, installed first if it is not: a minute, npm and the npm registry.
    ///
    /// # Errors
    ///
    /// Says why it could not be installed.
    pub fn open() -> Result<Self> {
        let site = Site::here();
        let _lock = site.lock()?;
        let digest = blake3::hash(MANIFEST.as_bytes());
        let dir = site.trees().join(format!("node-{}", &digest.to_hex()[..12]));
        if !dir.exists() {
            install(&dir)?;
        }
        Ok(Self { dir })
    }

    /// The same for a test; none, and a line that says `SKIPPED` and why, where it cannot be installed.
    ///
    /// # Panics
    ///
    /// Where it cannot be installed although `CI` is set.
    #[must_use]
    pub fn for_test() -> Option<Self> {
        or_skip(Self::open().map_err(|why| format!("Node for the hosts could not be installed from npm: {why}")))
    }

    /// Puts Node and npm under `prefix` of the host, as root's: where the installer of Node puts them, if that is `/usr/local`.
    pub fn put_on(&self, host: &Host, prefix: &str) -> Result<()> {
        host.copy_in(self.program(), &format!("{prefix}/bin/node"), 0o755)?;
        host.copy_tree(self.module("npm"), &format!("{prefix}/lib/node_modules/npm"))?;
        // A shell on the host does it, because links in the host lead to files of the host.
        let links = "set -eu; cd \"$0/bin\"; for name in npm npx; do ln -sf ../lib/node_modules/npm/bin/$name-cli.js $name; done";
        host.run(["sh", "-c", links, prefix])?.ok().map(drop)
    }

    /// The program `node`.
    pub(crate) fn program(&self) -> PathBuf {
        self.module("node").join("bin/node")
    }

    /// The directory of a package that the manifest names, for [`Host::copy_tree`]. What that package depends on is beside it.
    #[must_use]
    pub fn module(&self, name: &str) -> PathBuf {
        self.dir.join("node_modules").join(name)
    }
}

/// Installs beside the name and renames: a directory that has its name is whole.
fn install(dir: &Path) -> Result<()> {
    let half = dir.with_extension("half");
    if half.exists() {
        std::fs::remove_dir_all(&half).with_path(&half)?;
    }
    make_dir(&half, 0o755)?;
    let manifest = half.join("package.json");
    std::fs::write(&manifest, MANIFEST).with_path(manifest)?;
    let quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--no-package-lock", "--loglevel=error"];
    let mut npm = command(&["npm", "install"]);
    npm.args(quiet).current_dir(&half);
    run_with(npm, Stdio::null())?.last_lines(5).ok()?;
    // The package `node` fetches the program by a script, and does not always say so when that fails.
    let node = Node { dir: half.clone() };
    let mut ask = command(&[node.program().to_string_lossy().as_ref()]);
    ask.arg("--version");
    let version = run(ask, b"")?.ok()?;
    if !version.starts_with("v22.") {
        return Err(Error::Refused(format!("npm installed node {version}, not the one that was asked for")));
    }
    std::fs::rename(&half, dir).with_path(dir)
}

//! Node and npm for the host, from npm packages: the machine's own may be too old for the package, and no host reaches a distribution.

use super::Result;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use test_hosts::Lab;

/// The versions that the host gets. The package asks for 22.14 at least.
const PACKAGES: [&str; 2] = ["node@22.23.3", "npm@11.6.2"];

/// `node_modules` with both, in `cache`; npm of this machine puts them there the first time, from `registry`.
pub(super) fn ready(cache: &Path, lab: &Lab, registry: &str) -> Result<PathBuf> {
    let place = cache.join(PACKAGES.join("+"));
    if !place.exists() {
        let draft = cache.join("node.part");
        let _ = std::fs::remove_dir_all(&draft);
        std::fs::create_dir_all(&draft)?;
        let mut npm = lab.command(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]);
        npm.arg(&draft).arg("--cache").arg(draft.join(".npm")).arg("--registry").arg(registry).args(PACKAGES);
        let status = npm.stdin(Stdio::null()).stdout(Stdio::null()).status();
        if !status.map_err(|error| format!("npm cannot be started on this machine: {error}"))?.success() {
            return Err("npm could not install node for the host; its own words are above".into());
        }
        let _ = std::fs::remove_dir_all(draft.join(".npm"));
        std::fs::rename(&draft, &place)?;
    }
    Ok(place.join("node_modules"))
}

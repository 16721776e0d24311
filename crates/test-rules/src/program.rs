//! Programs of this workspace that a test runs, and that are not of its own package.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program `name` of `package`, where cargo puts the programs of this build. It is built if it is not there; one that is there is
/// taken as it is.
///
/// # Panics
///
/// Where it cannot be built.
pub fn program(package: &str, name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    // Programs lie beside the directory of those of tests.
    let built = own.parent().and_then(Path::parent).unwrap_or(&own).join(name);
    if !built.exists() {
        let done = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", package]).status();
        assert!(done.is_ok_and(|status| status.success()), "`{package}` cannot be built");
        assert!(built.exists(), "`cargo build --package {package}` makes no {}", built.display());
    }
    built
}

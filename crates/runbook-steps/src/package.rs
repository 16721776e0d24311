//! Which package a program belongs to.

use crate::host::Reader;
use runbook_model::Failure;
use std::path::{Path, PathBuf};

/// The nearest directory above `program` (symlinks followed) that holds `marker`; without one, `package.json` or
/// `VERSION`.
pub(crate) fn package_root(host: &Reader, program: &Path, marker: Option<&str>) -> Result<Option<PathBuf>, Failure> {
    let Some(program) = host.canonical(program)? else { return Ok(None) };
    let markers: &[&str] = marker.as_ref().map_or(&["package.json", "VERSION"], std::slice::from_ref);
    for dir in program.ancestors().skip(1) {
        for marker in markers {
            if host.stat(&dir.join(marker))?.is_some_and(|found| found.is_file()) {
                return Ok(Some(dir.to_owned()));
            }
        }
    }
    Ok(None)
}

/// The version that the package at `root` says it has.
pub(crate) fn package_version(host: &Reader, root: &Path) -> Result<Option<String>, Failure> {
    if let Some(bytes) = host.read(&root.join("package.json"))? {
        let json: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
        let version = json.as_ref().and_then(|json| json.get("version")).and_then(serde_json::Value::as_str);
        if let Some(version) = version {
            return Ok(Some(version.to_owned()));
        }
    }
    let text = host.read(&root.join("VERSION"))?.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok(text.filter(|text| !text.is_empty() && !text.contains('\n')))
}

/// The npm prefix that the package at `root` is installed in: what is before `lib/node_modules`.
pub(crate) fn npm_prefix(root: &Path) -> Option<PathBuf> {
    root.ancestors()
        .filter(|dir| dir.ends_with("lib/node_modules"))
        .find_map(|dir| dir.parent().and_then(Path::parent).map(Path::to_owned))
}

//! Which package a program belongs to.

use runbook_host::Reader;
use runbook_model::Failure;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// The nearest directory above `program` (symlinks followed) that holds `marker`; without one, a `package.json` that
/// names itself or its version (one that does neither only says how files are read), or `VERSION`. With `name`, the
/// `package.json` has to have that name. What is above a `node_modules` is another package.
pub fn package_root(
    host: &Reader,
    program: &Path,
    marker: Option<&str>,
    name: Option<&str>,
) -> Result<Option<PathBuf>, Failure> {
    let Some(program) = host.canonical(program)? else { return Ok(None) };
    for dir in program.ancestors().skip(1) {
        let is_root = match marker {
            Some(marker) => host.stat(&dir.join(marker))?.is_some_and(|found| found.is_file()),
            None => is_package(host, dir, name)?,
        };
        if is_root {
            return Ok(Some(dir.to_owned()));
        }
        if name.is_none() && dir.file_name().is_some_and(|name| name == "node_modules") {
            return Ok(None);
        }
    }
    Ok(None)
}

fn is_package(host: &Reader, dir: &Path, name: Option<&str>) -> Result<bool, Failure> {
    if let Some(name) = name {
        return Ok(package_name(host, dir)?.as_deref() == Some(name));
    }
    let names_itself = manifest(host, dir)?.is_some_and(|json| json.get("name").or(json.get("version")).is_some());
    Ok(names_itself || host.stat(&dir.join("VERSION"))?.is_some_and(|found| found.is_file()))
}

/// The name that the package at `root` has in its `package.json`.
pub fn package_name(host: &Reader, root: &Path) -> Result<Option<String>, Failure> {
    let json = manifest(host, root)?;
    Ok(json.as_ref().and_then(|json| json.get("name")?.as_str()).map(str::to_owned))
}

/// The version that the package at `root` says it has.
pub fn package_version(host: &Reader, root: &Path) -> Result<Option<String>, Failure> {
    if let Some(version) = manifest(host, root)?.as_ref().and_then(|json| json.get("version")?.as_str()) {
        return Ok(Some(version.to_owned()));
    }
    let text = host.read(&root.join("VERSION"))?.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok(text.filter(|text| !text.is_empty() && !text.contains('\n')))
}

/// The npm prefix that the package at `root` is installed in: what is before `lib/node_modules`.
pub fn npm_prefix(root: &Path) -> Option<PathBuf> {
    root.ancestors()
        .filter(|dir| dir.ends_with("lib/node_modules"))
        .find_map(|dir| dir.parent().and_then(Path::parent).map(Path::to_owned))
}

/// The `package.json` of a directory; `None` if there is none, or if it is not JSON.
fn manifest(host: &Reader, dir: &Path) -> Result<Option<Json>, Failure> {
    let path = dir.join("package.json");
    if !host.stat(&path)?.is_some_and(|found| found.is_file()) {
        return Ok(None);
    }
    Ok(host.read(&path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

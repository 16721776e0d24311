//! package-lock.json against what is installed: npm keeps its own account in `node_modules/.package-lock.json`.

use runbook_host::Reader;
use runbook_model::Failure;
use serde_json::{Map, Value as Json};
use std::path::Path;

/// What in `dir` differs from its lock file, in one sentence; `None` if nothing does. `omit` are the kinds of
/// dependencies that are not wanted: `dev`, `optional`, `peer`.
pub(super) fn difference(host: &Reader, dir: &Path, omit: &[String]) -> Result<Option<String>, Failure> {
    let lock = packages(host, &dir.join("package-lock.json"))?.unwrap_or_default();
    let locked = lock.iter().filter(|(path, _)| !path.is_empty());
    let Some(hidden) = packages(host, &dir.join("node_modules/.package-lock.json"))? else {
        let nothing_needed =
            locked.filter(|(_, entry)| !is_left_out(entry, omit) && !may_be_absent(entry)).count() == 0;
        return Ok((!nothing_needed).then(|| "node_modules is not there, or no npm finished it".to_owned()));
    };
    for (path, wanted) in locked {
        if is_left_out(wanted, omit) {
            if hidden.contains_key(path) {
                return Ok(Some(format!("{path} is installed and left out by `omit`")));
            }
            continue;
        }
        let Some(found) = hidden.get(path) else {
            if may_be_absent(wanted) {
                continue;
            }
            return Ok(Some(format!("{path} is missing")));
        };
        if let Some(what) = entry_difference(host, dir, path, wanted, found)? {
            return Ok(Some(what));
        }
    }
    Ok(hidden.keys().find(|path| !lock.contains_key(*path)).map(|path| format!("{path} is not in package-lock.json")))
}

/// The names of the packages in `dir` that have install scripts, by npm's own account of what it installed.
pub(super) fn with_scripts(host: &Reader, dir: &Path) -> Result<Vec<String>, Failure> {
    let hidden = packages(host, &dir.join("node_modules/.package-lock.json"))?.unwrap_or_default();
    let scripted = hidden.iter().filter(|(_, entry)| flag(entry, "hasInstallScript"));
    let mut names: Vec<String> =
        scripted.filter_map(|(path, _)| Some(path.rsplit_once("node_modules/")?.1.to_owned())).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn entry_difference(
    host: &Reader,
    dir: &Path,
    path: &str,
    wanted: &Json,
    found: &Json,
) -> Result<Option<String>, Failure> {
    let field = |entry: &Json, key: &str| entry.get(key).and_then(Json::as_str).map(str::to_owned);
    let version = field(wanted, "version");
    if version != field(found, "version") || field(wanted, "integrity") != field(found, "integrity") {
        let show = |version: Option<String>| version.unwrap_or_else(|| "no version".to_owned());
        return Ok(Some(format!("{path} is {}, not {}", show(field(found, "version")), show(version))));
    }
    if wanted.get("link").and_then(Json::as_bool) == Some(true) {
        return Ok(None);
    }
    let manifest = dir.join(path).join("package.json");
    let Some(text) = host.read(&manifest)? else { return Ok(Some(format!("{} is missing", manifest.display()))) };
    let on_disk = serde_json::from_slice::<Json>(&text).ok().and_then(|json| field(&json, "version"));
    Ok((version.is_some() && on_disk != version).then(|| format!("{} is not what was locked", manifest.display())))
}

/// The `packages` of a lock file of version 2 or 3; `None` if there is no file.
fn packages(host: &Reader, path: &Path) -> Result<Option<Map<String, Json>>, Failure> {
    let Some(bytes) = host.read(path)? else { return Ok(None) };
    let json: Json = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::failed(format!("{} is not JSON: {error}", path.display())))?;
    match json.get("packages").and_then(Json::as_object) {
        Some(packages) => Ok(Some(packages.clone())),
        None => Err(Failure::refused(format!("{} is of an older format, without `packages`", path.display()))
            .hint("run `npm install --package-lock-only` with npm 7 or later where the plugin is developed")),
    }
}

fn flag(entry: &Json, key: &str) -> bool {
    entry.get(key).and_then(Json::as_bool).unwrap_or(false)
}

fn is_left_out(entry: &Json, omit: &[String]) -> bool {
    let omitted = |what: &str| omit.iter().any(|word| word == what);
    let either = flag(entry, "devOptional");
    (omitted("dev") && flag(entry, "dev"))
        || (omitted("optional") && flag(entry, "optional"))
        || (omitted("peer") && flag(entry, "peer"))
        || (omitted("dev") && omitted("optional") && either)
}

/// Optional ones may not be made for this platform.
fn may_be_absent(entry: &Json) -> bool {
    flag(entry, "optional") || flag(entry, "devOptional") || flag(entry, "extraneous")
}

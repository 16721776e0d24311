//! What a package.json says about what an installed package consists of.

use super::engines::satisfies;
use runbook_host::Reader;
use runbook_model::{Failure, Outputs, outputs};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The parts of a package.json that an installation depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: String,
    /// Command names with their file below the package.
    pub(super) bins: BTreeMap<String, PathBuf>,
    /// Man pages below the package.
    pub(super) mans: Vec<PathBuf>,
    /// Names that must be there for the package to work.
    pub(super) dependencies: Vec<String>,
    /// The range of node versions that it asks for.
    pub(super) node: Option<String>,
}

impl Manifest {
    /// From the text of a package.json, or from what the registry tells about a version.
    pub(super) fn parse(json: &Json) -> Self {
        let text = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let name = text("name");
        let optional = json.get("optionalDependencies");
        let is_optional = |name: &String| optional.is_some_and(|optional| optional.get(name).is_some());
        let keys = |key: &str| {
            let map = json.get(key).and_then(Json::as_object);
            map.into_iter().flat_map(|map| map.keys().cloned()).collect::<Vec<String>>()
        };
        Self {
            bins: bins(&name, json.get("bin")),
            mans: strings(json.get("man")).into_iter().map(|man| below(&man)).collect(),
            dependencies: keys("dependencies").into_iter().filter(|name| !is_optional(name)).collect(),
            node: json.pointer("/engines/node").and_then(Json::as_str).map(str::to_owned),
            version: text("version"),
            name,
        }
    }

    /// The manifest of the package in the directory `dir`; `None` if there is no package.json, a failure if it cannot be
    /// read as JSON.
    pub(super) fn read(host: &Reader, dir: &Path) -> Result<Option<Self>, Failure> {
        let path = dir.join("package.json");
        let Some(bytes) = host.read(&path)? else { return Ok(None) };
        let json: Json = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::failed(format!("{} is not JSON: {error}", path.display())))?;
        let mut manifest = Self::parse(&json);
        // `directories` is the older way to name whole directories of commands and man pages.
        for (key, take_all) in [("/directories/bin", true), ("/directories/man", false)] {
            let Some(folder) = json.pointer(key).and_then(Json::as_str).map(below) else { continue };
            for name in host.list(&dir.join(&folder))?.unwrap_or_default() {
                let file = folder.join(&name);
                if take_all && json.get("bin").is_none() {
                    manifest.bins.insert(name.to_string_lossy().into_owned(), file);
                } else if !take_all {
                    manifest.mans.push(file);
                }
            }
        }
        Ok(Some(manifest))
    }

    /// A refusal if `node` is not in the range that the package asks for.
    pub(super) fn check_node(&self, node: &semver::Version, program: &Path) -> Result<(), Failure> {
        let Some(range) = self.node.as_deref().filter(|range| satisfies(range, node) == Some(false)) else {
            return Ok(());
        };
        Err(Failure::refused(format!(
            "{} {} asks for node {range}, and {} is {node}",
            self.name,
            self.version,
            program.display()
        ))
        .hint("install that node first, or name the right one in `node` and `npm`; nothing was changed"))
    }

    /// The outputs that every npm kind has in common.
    pub(super) fn outputs(&self, dir: &Path) -> Outputs {
        outputs([
            ("version", json!(self.version)),
            ("package_root", json!(dir.to_string_lossy())),
            ("bins", json!(self.bins.keys().collect::<Vec<_>>())),
        ])
    }
}

/// npm's rule: one text is the command called like the package without its scope; names lose their directories.
fn bins(package: &str, bin: Option<&Json>) -> BTreeMap<String, PathBuf> {
    let base = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    match bin {
        Some(Json::String(path)) => BTreeMap::from([(base(package), below(path))]),
        Some(Json::Object(map)) => map
            .iter()
            .filter_map(|(name, path)| Some((base(name), below(path.as_str()?))))
            .filter(|(name, _)| !name.is_empty() && name != "." && name != "..")
            .collect(),
        _ => BTreeMap::new(),
    }
}

fn strings(json: Option<&Json>) -> Vec<String> {
    match json {
        Some(Json::String(one)) => vec![one.clone()],
        Some(Json::Array(many)) => many.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A path of a package.json as one below the package: `..` and a leading `/` cannot lead out of it.
fn below(path: &str) -> PathBuf {
    let clean = runbook_step::normalise(&Path::new("/").join(path));
    clean.strip_prefix("/").map(Path::to_path_buf).unwrap_or_default()
}

/// Whether `name` can be the name of a package: npm's own rules, as far as safety of paths and arguments goes.
pub(super) fn is_package_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '_', '-'])
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
    };
    match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| part(scope) && part(name)),
        None => part(name) && name != "node_modules",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_prefix_or_become_flags_are_no_names() {
        for good in ["demo", "@scope/demo", "json-server", "JSONStream", "a.b_c~d"] {
            assert!(is_package_name(good), "{good}");
        }
        for bad in
            ["", "..", "../x", "-g", ".x", "a/b", "@a", "@a/", "@a/../b", "@../b", "a b", "a@1", "node_modules", "/x"]
        {
            assert!(!is_package_name(bad), "{bad}");
        }
    }

    #[test]
    fn paths_in_a_manifest_stay_below_the_package() {
        let manifest = Manifest::parse(&json!({
            "name": "@s/demo", "version": "1.0.0", "bin": "./cli.js", "man": ["../../etc/x.1"],
            "dependencies": { "a": "1", "b": "1" }, "optionalDependencies": { "b": "1" },
        }));
        assert_eq!(manifest.bins, BTreeMap::from([("demo".to_owned(), PathBuf::from("cli.js"))]));
        assert_eq!(manifest.mans, [PathBuf::from("etc/x.1")]);
        assert_eq!(manifest.dependencies, ["a"]);
        let many = Manifest::parse(&json!({ "name": "d", "bin": { "../x/run": "/bin/run.js", "..": "y" } }));
        assert_eq!(many.bins, BTreeMap::from([("run".to_owned(), PathBuf::from("bin/run.js"))]));
    }
}

//! Where a package comes from: a registry, or a tarball or folder on this host.

use super::failures::{explain, is_not_cached};
use super::manifest::Manifest;
use super::program::Program;
use super::site::Site;
use runbook_host::{Command, Reader};
use runbook_model::{Failure, Version};
use runbook_step::Work;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the package comes from.
pub(super) enum Source {
    /// A version, or with an exception from `exact-version` a tag or a range.
    Registry(String),
    /// A tarball or a folder, and the version that it must hold, if the plan says which.
    Local(PathBuf, Option<String>),
}

impl Source {
    /// The version that will be installed, if that is known without asking.
    pub(super) fn exact(&self) -> Option<&str> {
        match self {
            Self::Registry(version) => Version::parse(version).is_ok().then_some(version),
            Self::Local(_, version) => version.as_deref(),
        }
    }

    /// `1.2.3`, `/srv/demo-1.2.3.tgz`
    pub(super) fn name(&self) -> String {
        match self {
            Self::Registry(version) => version.clone(),
            Self::Local(path, _) => path.display().to_string(),
        }
    }

    /// The tarball or folder.
    pub(super) fn local(&self) -> Option<&Path> {
        match self {
            Self::Registry(_) => None,
            Self::Local(path, _) => Some(path),
        }
    }

    /// A digest of what would be installed: for a file its content, for a folder its tree without `node_modules` and `.git`.
    pub(super) fn digest(&self, host: &Reader) -> Result<String, Failure> {
        let Self::Local(path, _) = self else { return Ok(self.name()) };
        let missing = || {
            Failure::missing(format!("there is no package at {}", path.display()))
                .hint("bring the tarball or folder to this host first, or correct `from`")
        };
        let found = host.stat(path)?.ok_or_else(missing)?;
        let digest = if found.is_dir() {
            let skip = |below: &Path| below == Path::new("node_modules") || below == Path::new(".git");
            host.tree_digest(path, &skip)?
        } else {
            host.digest(path)?
        };
        digest.ok_or_else(missing)
    }

    /// What would be installed, asked before anything is changed, so that a name or version that does not exist, a
    /// broken tarball and a registry out of reach leave the host as it is.
    pub(super) fn manifest(&self, site: &Site, work: &Work<'_>, npm: &Program) -> Result<Manifest, Failure> {
        match self {
            Self::Registry(version) => {
                let spec = format!("{}@{version}", site.package);
                let found = ask_registry(&spec, &["engines", "bin", "man"], None, work, npm)?;
                match (found, self.exact()) {
                    (Some(found), _) => Ok(Manifest::parse(found.last().unwrap_or(&Json::Null))),
                    // The cache of an install holds less than what `npm view` asks for, and is enough to install from.
                    (None, Some(version)) => {
                        Ok(Manifest { name: site.package.clone(), version: version.to_owned(), ..Manifest::default() })
                    }
                    (None, None) => Err(Failure::missing(format!(
                        "npm is told to stay offline, and its cache does not know what {spec} is"
                    ))
                    .hint("name one exact version, or let npm reach the registry")),
                }
            }
            Self::Local(path, version) => {
                let manifest = read_local(path, work)?;
                let wanted = version.as_deref().unwrap_or(&manifest.version);
                if manifest.name == site.package && manifest.version == wanted && !wanted.is_empty() {
                    return Ok(manifest);
                }
                Err(Failure::refused(format!(
                    "{} holds {} {}, not {} {wanted}",
                    path.display(),
                    manifest.name,
                    manifest.version,
                    site.package
                ))
                .hint("correct `package`, `version` or `from`; nothing was changed"))
            }
        }
    }
}

/// What the registry tells in `fields` about every version that `spec` matches, in ascending order. Always names the
/// fields: a whole entry can be larger than the output that is kept of a command. `None` if npm is told to stay offline
/// and its cache does not know.
pub(super) fn ask_registry(
    spec: &str,
    fields: &[&str],
    limit: Option<Duration>,
    work: &Work<'_>,
    npm: &Program,
) -> Result<Option<Vec<Json>>, Failure> {
    let words = ["view", "--json", "--", spec, "name", "version"].into_iter().chain(fields.iter().copied());
    let command = Command { limit, ..npm.command(work.dir, words) };
    let output = work.host.run(&command)?;
    if !output.status.success() {
        return if is_not_cached(&output) { Ok(None) } else { Err(explain(&format!("find {spec}"), &output)) };
    }
    let found: Json = if output.stdout.trim_ascii().is_empty() {
        Json::Null
    } else {
        serde_json::from_slice(&output.stdout).map_err(|error| {
            Failure::failed(format!("npm's answer about {spec} is not JSON: {error}")).detail(output.tail())
        })?
    };
    let mut versions = match found {
        Json::Array(versions) => versions,
        Json::Null => Vec::new(),
        one => vec![one],
    };
    versions.sort_by_cached_key(|version| {
        let text = version.get("version").and_then(Json::as_str).unwrap_or_default();
        semver::Version::parse(text).ok()
    });
    if versions.is_empty() {
        return Err(Failure::failed(format!("the registry has no version that matches {spec}"))
            .hint("`npm view PACKAGE versions` lists what it has"));
    }
    Ok(Some(versions))
}

fn read_local(path: &Path, work: &Work<'_>) -> Result<Manifest, Failure> {
    let nothing = || {
        Failure::refused(format!("{} holds no package.json", path.display()))
            .hint("name a folder with a package.json, or a tarball made with `npm pack`")
    };
    if work.host.stat(path)?.is_some_and(|found| found.is_dir()) {
        return Manifest::read(work.host, path)?.ok_or_else(nothing);
    }
    let argv = ["tar", "-xOf", &path.to_string_lossy(), "package/package.json"];
    let output = work.host.run(&Command::new(argv))?;
    if !output.status.success() {
        return Err(explain(&format!("read {}", path.display()), &output)
            .hint("the tarball is broken or is none; make it with `npm pack` and bring it again"));
    }
    let json: Json = serde_json::from_slice(&output.stdout).map_err(|_| nothing())?;
    Ok(Manifest::parse(&json))
}

//! How nvm chooses a version of Node: aliases and the versions that are installed, read from its directory.
//!
//! nvm is a set of shell functions of several thousand lines. Its files have been what is read here for many years
//! (nvm's README, "Usage", ".nvmrc", "Default"), so its own text is never interpreted.

use super::{Unclear, unclear};
use runbook_host::Reader;
use std::path::{Path, PathBuf};

/// How many aliases may lead to one another.
const DEEPEST: usize = 8;

/// The directory of nvm.
pub(super) struct Nvm<'a> {
    pub(super) host: &'a Reader,
    pub(super) dir: PathBuf,
}

impl Nvm<'_> {
    /// The directory with `node` of the version that `wanted` means, and the files that said so. `None` for the Node
    /// of the system.
    pub(super) fn bin(&self, wanted: &str) -> Result<(Option<PathBuf>, Vec<PathBuf>), Unclear> {
        let mut read = Vec::new();
        let mut name = wanted.trim().to_owned();
        for _ in 0..DEEPEST {
            if name == "system" {
                return Ok((None, read));
            }
            let alias = self.dir.join("alias").join(&name);
            let inside = !name.is_empty() && !name.starts_with('/') && !name.split('/').any(|part| part == "..");
            let is_alias = inside && self.host.stat(&alias)?.is_some_and(|found| found.is_file());
            if !is_alias {
                break;
            }
            let text = self.host.read(&alias)?.unwrap_or_default();
            name = String::from_utf8_lossy(&text).trim().to_owned();
            read.push(alias);
        }
        let Some(version) = self.newest(&name)? else {
            return unclear(format!("nvm in {} has no version of Node for `{wanted}`", self.dir.display()));
        };
        Ok((Some(self.dir.join("versions/node").join(version).join("bin")), read))
    }

    /// What nvm uses when nothing is named: `.nvmrc` in `cwd` or above.
    pub(super) fn wanted_in(&self, cwd: &Path) -> Result<Option<(String, PathBuf)>, Unclear> {
        for dir in cwd.ancestors() {
            let file = dir.join(".nvmrc");
            if let Some(text) = self.host.read(&file)? {
                let text = String::from_utf8_lossy(&text).into_owned();
                let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
                return Ok(line.map(|line| (line.to_owned(), file)));
            }
        }
        Ok(None)
    }

    /// Whether there is an alias `default`.
    pub(super) fn has_default(&self) -> Result<bool, Unclear> {
        Ok(self.host.stat(&self.dir.join("alias/default"))?.is_some())
    }

    /// The newest installed version that `name` means: `node`, `stable`, `22`, `v22.14`, `v22.14.0`.
    fn newest(&self, name: &str) -> Result<Option<String>, Unclear> {
        let installed = self.host.list(&self.dir.join("versions/node"))?.unwrap_or_default();
        let parts: Option<Vec<u64>> = match name {
            "node" | "stable" => Some(Vec::new()),
            _ => numbers(name),
        };
        let Some(parts) = parts else { return Ok(None) };
        let fits = installed.iter().filter_map(|entry| {
            let text = entry.to_str()?;
            let version = numbers(text)?;
            version.starts_with(&parts).then_some((version, text.to_owned()))
        });
        Ok(fits.max().map(|(_, text)| text))
    }
}

/// `v22.14.0`, `22`.
fn numbers(text: &str) -> Option<Vec<u64>> {
    text.strip_prefix('v').unwrap_or(text).trim_end_matches('.').split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_the_newest_version_that_they_mean() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for version in ["v18.20.4", "v22.9.0", "v22.14.0", "v4.0.0"] {
            put(&format!("versions/node/{version}/bin/node"), "");
        }
        put("alias/default", "lts/*\n");
        put("alias/lts/*", "lts/jod\n");
        put("alias/lts/jod", "v22.14.0\n");
        put("alias/round", "trip\n");
        put("alias/trip", "round\n");
        put("project/.nvmrc", "# the LTS\nv18\n");
        let reader = Reader::new("/nowhere", "/nowhere");
        let nvm = Nvm { host: &reader, dir: dir.path().to_owned() };
        for (name, wanted) in [
            ("default", "v22.14.0"),
            ("lts/*", "v22.14.0"),
            ("22", "v22.14.0"),
            ("v22.9", "v22.9.0"),
            ("node", "v22.14.0"),
            ("18", "v18.20.4"),
            ("4", "v4.0.0"),
        ] {
            let bin = nvm.bin(name).unwrap().0.unwrap();
            assert_eq!(bin, dir.path().join("versions/node").join(wanted).join("bin"), "{name}");
        }
        assert_eq!(nvm.bin("default").unwrap().1.len(), 3);
        assert_eq!(nvm.bin("system").unwrap().0, None);
        for name in ["20", "iojs", "", "round", "../../etc/passwd", "/etc/passwd"] {
            assert!(nvm.bin(name).is_err(), "{name}");
        }
        assert_eq!(nvm.wanted_in(&dir.path().join("project/deep")).unwrap().unwrap().0, "v18");
    }
}

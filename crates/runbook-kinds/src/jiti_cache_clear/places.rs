//! Where jiti keeps its cache for a service: its own rules (those of jiti 2.6.1), seen from the service's surroundings.
//!
//! `node_modules/.cache/jiti` beside the module that uses jiti, if that has `node_modules` beside it and tells jiti its path
//! (as CommonJS does; of a `file:` URL jiti finds no directory); else `jiti` in the directory for temporary files. Which
//! of the two a program does cannot be seen from outside, so both places count.

use runbook_host::Reader;
use runbook_model::Failure;
use runbook_services::TargetService;
use runbook_services::package::package_root;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Environment = BTreeMap<String, String>;

/// Where the caches can be.
pub(super) struct Places {
    /// Directories on this host, whether there or not.
    pub(super) dirs: Vec<PathBuf>,
    /// Why there are none; for predictions.
    pub(super) none: String,
}

impl Places {
    /// Exactly this directory.
    pub(super) fn only(dir: PathBuf) -> Self {
        Self { none: format!("no cache is at {}", dir.display()), dirs: vec![dir] }
    }

    /// Those of a service, with what it would be started with now.
    pub(super) fn of(host: &Reader, service: &dyn TargetService) -> Result<Self, Failure> {
        let name = service.full_name();
        let Some(surroundings) = service.surroundings(host)? else {
            return Ok(Self { dirs: Vec::new(), none: format!("there is no {name}, so it has no cache") });
        };
        let (environment, cwd) = (&surroundings.environment, surroundings.cwd.as_path());
        if !keeps_cache(environment) {
            return Ok(Self::off(&name));
        }
        let temp = temp_dir(environment, cwd);
        let mut dirs = service.temp_dirs(host, &temp.join("jiti"))?;
        let has_own_tmp = dirs.is_empty();
        for argv in &surroundings.commands {
            dirs.extend(beside_the_program(host, argv, cwd)?);
        }
        let mut none = nothing_at(&dirs);
        if has_own_tmp {
            let own = format!("the {} of {name} is its own (PrivateTmp=) and went when it stopped", temp.display());
            none = if dirs.is_empty() { own } else { format!("{own}; {none}") };
        }
        Ok(Self { dirs, none })
    }

    fn off(name: &str) -> Self {
        Self { dirs: Vec::new(), none: format!("jiti keeps no cache for {name}: JITI_FS_CACHE says so") }
    }
}

fn nothing_at(dirs: &[PathBuf]) -> String {
    let names: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    format!("no cache is at {}", names.join(" or "))
}

/// Whether jiti keeps files at all: both variables are read as JSON, and what is none counts as not given.
fn keeps_cache(environment: &Environment) -> bool {
    let flag = |name: &str| {
        let value: serde_json::Value = serde_json::from_slice(environment.get(name)?.as_bytes()).ok()?;
        Some(match value {
            serde_json::Value::Null => false,
            serde_json::Value::Bool(value) => value,
            serde_json::Value::Number(value) => value.as_f64() != Some(0.0),
            serde_json::Value::String(value) => !value.is_empty(),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => true,
        })
    };
    flag("JITI_FS_CACHE").or_else(|| flag("JITI_CACHE")).unwrap_or(true)
}

/// What Node calls the directory for temporary files. jiti does not believe a `TMPDIR` that is the working directory.
fn temp_dir(environment: &Environment, cwd: &Path) -> PathBuf {
    let first = |names: &[&str]| {
        let value = names.iter().filter_map(|name| environment.get(*name)).find(|value| !value.is_empty());
        PathBuf::from(value.map_or("/tmp", |value| if value == "/" { "/" } else { value.trim_end_matches('/') }))
    };
    let found = first(&["TMPDIR", "TMP", "TEMP"]);
    let is_cwd = environment.contains_key("TMPDIR") && found == cwd;
    let respected = environment.get("JITI_RESPECT_TMPDIR_ENV").is_some_and(|value| !value.is_empty());
    if is_cwd && !respected { first(&["TMP", "TEMP"]) } else { found }
}

/// The caches beside modules of the package whose program this is: in the directory of the program and those above it, up
/// to the root of the package.
fn beside_the_program(host: &Reader, argv: &[String], cwd: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    // The program itself, or the script that an interpreter is given.
    let script = argv.iter().skip(1).find(|argument| !argument.starts_with('-'));
    for file in argv.first().into_iter().chain(script).map(|file| cwd.join(file)) {
        let Some(root) = package_root(host, &file, Some("package.json"), None)? else { continue };
        let Some(file) = host.canonical(&file)? else { continue };
        for dir in file.ancestors().skip(1).take_while(|dir| dir.starts_with(&root)) {
            let cache = dir.join("node_modules/.cache/jiti");
            if host.lstat(&cache)?.is_some() && !found.contains(&cache) {
                found.push(cache);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(list: &[(&str, &str)]) -> Environment {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_directory_is_the_one_that_jiti_would_take() {
        for (list, dir) in [
            (&[][..], "/tmp"),
            (&[("TMPDIR", "/srv/tmp/")], "/srv/tmp"),
            (&[("TMPDIR", ""), ("TEMP", "/c"), ("TMP", "/b")], "/b"),
            (&[("TMPDIR", "/work"), ("TMP", "/b")], "/b"),
            (&[("TMPDIR", "/work")], "/tmp"),
            (&[("TMPDIR", "/work"), ("JITI_RESPECT_TMPDIR_ENV", "1")], "/work"),
            (&[("TMP", "/work")], "/work"),
        ] {
            assert_eq!(temp_dir(&environment(list), Path::new("/work")), Path::new(dir), "{list:?}");
        }
    }

    #[test]
    fn a_cache_that_is_switched_off_is_none() {
        for (list, keeps) in [
            (&[][..], true),
            (&[("JITI_FS_CACHE", "false")], false),
            (&[("JITI_FS_CACHE", "0")], false),
            (&[("JITI_FS_CACHE", "/somewhere")], true),
            (&[("JITI_FS_CACHE", "")], true),
            (&[("JITI_CACHE", "false")], false),
            (&[("JITI_FS_CACHE", "true"), ("JITI_CACHE", "false")], true),
        ] {
            assert_eq!(keeps_cache(&environment(list)), keeps, "{list:?}");
        }
    }
}

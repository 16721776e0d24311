//! Which units that run say that they use a path: one that a service has not open right now, as a database between two
//! saves.

use super::Unit;
use super::show::blocks;
use runbook_host::Reader;
use runbook_model::{Failure, FailureKind};
use std::path::{Path, PathBuf};

/// Properties with names of directories, and where these are for units of the system (systemd.exec(5)).
const DIRECTORIES: &[(&str, &str)] = &[
    ("StateDirectory", "/var/lib"),
    ("CacheDirectory", "/var/cache"),
    ("LogsDirectory", "/var/log"),
    ("ConfigurationDirectory", "/etc"),
    ("RuntimeDirectory", "/run"),
];
/// Properties with paths, and with command lines that may hold some.
const PATHS: &[&str] = &["WorkingDirectory", "ExecStart", "EnvironmentFiles"];

impl Unit {
    /// The running services of a manager that name one of `trees`, with what they say of it. None where there is no such
    /// manager.
    pub fn that_use(host: &Reader, of_user: bool, trees: &[PathBuf]) -> Result<Vec<(Self, String)>, Failure> {
        let any = Self::named("any", of_user);
        if any.needs_systemd(host).is_err() {
            return Ok(Vec::new());
        }
        let names = DIRECTORIES.iter().map(|(name, _)| *name).chain(PATHS.iter().copied());
        let names: Vec<&str> = ["Id", "ActiveState", "MainPID"].into_iter().chain(names).collect();
        let text = match any.show(host, &names, &["*.service"], "which units run") {
            // The manager of a user who is not logged in. One that does not answer is another matter.
            Err(failure) if of_user && failure.kind == FailureKind::Failed => return Ok(Vec::new()),
            text => text?,
        };
        let uses = blocks(&text).filter_map(|values| user(&values, of_user, trees));
        Ok(uses.map(|(name, how)| (any.beside(&name), how)).collect())
    }
}

/// The unit of one block of `systemctl show` and what it says, if it runs and names one of `trees`.
fn user(values: &[(&str, &str)], of_user: bool, trees: &[PathBuf]) -> Option<(String, String)> {
    let get = |name: &str| values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
    if matches!(get("ActiveState"), "inactive" | "failed") || matches!(get("MainPID"), "" | "0") {
        return None;
    }
    let (name, value) = values.iter().find(|(name, value)| names(name, value, of_user, trees))?;
    Some((get("Id").to_owned(), format!("pid {}, its {name}= is {value}", get("MainPID"))))
}

fn names(name: &str, value: &str, of_user: bool, trees: &[PathBuf]) -> bool {
    if let Some((_, base)) = DIRECTORIES.iter().find(|(known, _)| *known == name) {
        // Those of a user's units are elsewhere, and are found by what is open.
        return !of_user
            && value.split_whitespace().any(|dir| {
                let places = [Path::new(base).join(dir), Path::new(base).join("private").join(dir)];
                trees.iter().any(|tree| places.iter().any(|place| tree.starts_with(place) || place.starts_with(tree)))
            });
    }
    if !PATHS.contains(&name) {
        return false;
    }
    let word = |word: &str| PathBuf::from(word.trim_start_matches(['-', '!', '@', '+', ':', '"', '\'']));
    let mut paths = value.split([' ', '=', ';', ',']).map(word).filter(|path| path.is_absolute());
    // What lies above much says nothing of what the unit uses.
    let is_narrow = |path: &Path| name == "WorkingDirectory" && path.components().count() > 3;
    paths.any(|path| trees.iter().any(|tree| path.starts_with(tree) || (is_narrow(&path) && tree.starts_with(&path))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_runs_and_names_the_path_uses_it() {
        let block = "ExecStart={ path=/usr/bin/redis-server ; argv[]=/usr/bin/redis-server /etc/redis/redis.conf ; ignore_errors=no }\n\
                     StateDirectory=redis\nWorkingDirectory=/\nId=redis.service\nActiveState=active\nMainPID=12";
        let uses = |block: &str, tree: &str| {
            user(&blocks(block).next().unwrap(), false, &[PathBuf::from(tree)]).map(|(name, _)| name)
        };
        for tree in ["/var/lib/redis", "/var/lib/redis/dump.rdb", "/var/lib", "/etc/redis", "/usr/bin/redis-server"] {
            assert_eq!(uses(block, tree).as_deref(), Some("redis.service"), "{tree}");
        }
        for tree in ["/var/lib/redis2", "/srv", "/etc/redis/other", "/var/cache/redis"] {
            assert_eq!(uses(block, tree), None, "{tree}");
        }
        for down in ["ActiveState=inactive\nMainPID=0", "ActiveState=active\nMainPID=0"] {
            assert_eq!(uses(&block.replace("ActiveState=active\nMainPID=12", down), "/var/lib/redis"), None);
        }
    }
}

//! The links that make units start at boot or on demand: what `systemctl enable` and `disable` change.
//!
//! Undo puts back the links themselves. Enabling what was disabled halfway would make more links than there were.

use super::Unit;
use runbook_host::{Host, Reader};
use runbook_model::Failure;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The links of one unit, and of those that its `Also=` names, with what each points to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links(BTreeMap<PathBuf, PathBuf>);

impl Links {
    /// The links that are there now.
    pub fn of(unit: &Unit, host: &Reader) -> Result<Self, Failure> {
        let names = names_with_also(unit, host)?;
        let top = unit.config_dir(host.home());
        let mut links = BTreeMap::new();
        for entry in host.list(&top)?.unwrap_or_default() {
            let path = top.join(&entry);
            if host.lstat(&path)?.is_some_and(|found| found.is_dir()) {
                for name in host.list(&path)?.unwrap_or_default() {
                    keep_link(host, &path.join(name), &names, &mut links)?;
                }
            } else {
                keep_link(host, &path, &names, &mut links)?;
            }
        }
        Ok(Self(links))
    }

    /// Makes the links be these again. Says how many were removed and made.
    pub fn restore(&self, unit: &Unit, host: &Host) -> Result<(usize, usize), Failure> {
        let now = Self::of(unit, host)?;
        let (mut removed, mut made) = (0, 0);
        for path in now.0.keys().filter(|path| !self.0.contains_key(*path)) {
            host.remove(path)?;
            self.remove_empty(host, path, &unit.config_dir(host.home()))?;
            removed += 1;
        }
        for (path, target) in self.0.iter().filter(|(path, target)| now.0.get(*path) != Some(*target)) {
            if let Some(dir) = path.parent()
                && host.lstat(dir)?.is_none()
            {
                host.create_dir(dir, 0o755)?;
            }
            host.replace_link(path, target)?;
            made += 1;
        }
        Ok((removed, made))
    }

    /// Removes the directory of a link that was just removed, as `systemctl` does, if nothing else is in it.
    fn remove_empty(&self, host: &Host, link: &Path, top: &Path) -> Result<(), Failure> {
        let Some(dir) = link.parent().filter(|dir| *dir != top) else { return Ok(()) };
        let is_used = self.0.keys().any(|path| path.parent() == Some(dir));
        if !is_used {
            host.remove_if_empty(dir)?;
        }
        Ok(())
    }
}

/// Keeps what is at `path` if it is a link that has one of these names, or leads to one.
fn keep_link(
    host: &Reader,
    path: &Path,
    names: &BTreeSet<String>,
    links: &mut BTreeMap<PathBuf, PathBuf>,
) -> Result<(), Failure> {
    let Some(target) = host.read_link(path)? else { return Ok(()) };
    let is_named = |name: Option<&OsStr>| name.and_then(OsStr::to_str).is_some_and(|name| names.contains(name));
    if is_named(path.file_name()) || is_named(target.file_name()) {
        links.insert(path.to_owned(), target);
    }
    Ok(())
}

/// The unit, its template, and the units that are enabled along with it.
fn names_with_also(unit: &Unit, host: &Reader) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    let mut left = vec![unit.name.clone()];
    while let Some(name) = left.pop() {
        if !names.insert(name.clone()) {
            continue;
        }
        left.extend(template_of(&name));
        let unit = Unit { name, user: unit.user };
        if unit.is_template() {
            continue;
        }
        let state = unit.state(host)?;
        for file in state.fragment.iter().chain(&state.drop_ins) {
            let text = host.read(file)?.unwrap_or_default();
            left.extend(also(&String::from_utf8_lossy(&text)));
        }
    }
    Ok(names)
}

/// `a@.service` of `a@1.service`.
fn template_of(name: &str) -> Option<String> {
    let (stem, suffix) = name.rsplit_once('.')?;
    let (template, instance) = stem.split_once('@')?;
    (!instance.is_empty()).then(|| format!("{template}@.{suffix}"))
}

/// The units that `Also=` in `[Install]` names (systemd.unit(5)).
fn also(text: &str) -> Vec<String> {
    let mut in_install = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_install = line == "[Install]";
        } else if let Some((key, value)) = line.split_once('=')
            && in_install
            && key.trim() == "Also"
        {
            found.extend(value.split_whitespace().map(str::to_owned));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn also_counts_in_its_section_alone() {
        let text = "[Unit]\nAlso=x.service\n[Install]\nWantedBy=multi-user.target\nAlso = a.socket b.timer\n#Also=c.service\nAlso=d.service\n";
        assert_eq!(also(text), ["a.socket", "b.timer", "d.service"]);
    }

    #[test]
    fn an_instance_has_a_template() {
        assert_eq!(template_of("a@1.service").unwrap(), "a@.service");
        assert_eq!(template_of("a@.service"), None);
        assert_eq!(template_of("a.service"), None);
    }
}

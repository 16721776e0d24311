//! The host's files before and after: every entry with type, mode, owner, size, times, target and digest.

use super::Result;
use std::collections::BTreeMap;
use test_hosts::Host;

/// What has to be as before: the package with its links, node, npm, and the units. The directories that hold the package and its
/// links have another time of change, because names in them were exchanged; everything else counts.
const LOOK: &str = r#"
set -e
cd /
find usr/local etc -xdev \( -type d -printf '%p\t%y %m %U:%G\n' -o -printf '%p\t%y %m %U:%G %s %T@ %l\n' \)
find usr/local etc -xdev -type f -print0 | xargs -0 sha256sum | sed 's/^\([0-9a-f]*\)  \(.*\)$/\2\t\1/'
"#;

/// Every path with what is known of it.
pub(super) struct Trees {
    entries: BTreeMap<String, String>,
}

impl Trees {
    /// Reads the host.
    pub(super) fn of(host: &Host) -> Result<Self> {
        let mut entries = BTreeMap::new();
        for line in host.sh(LOOK)?.ok()?.lines() {
            let (path, about) = line.split_once('\t').ok_or("a path with a tab or a line end cannot be compared")?;
            entries.entry(path.to_owned()).or_insert_with(String::new).push_str(&format!("{about} "));
        }
        Ok(Self { entries })
    }

    /// How many paths there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The paths that differ, each with both sides.
    pub(super) fn differences(&self, after: &Self) -> Vec<String> {
        let paths: std::collections::BTreeSet<&String> = self.entries.keys().chain(after.entries.keys()).collect();
        let side = |trees: &Self, path: &str| trees.entries.get(path).map_or("absent".to_owned(), Clone::clone);
        let differs = |path: &&String| self.entries.get(*path) != after.entries.get(*path);
        paths
            .into_iter()
            .filter(differs)
            .map(|path| format!("{path}: {}-> {}", side(self, path), side(after, path)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let trees = |entries: &[(&str, &str)]| Trees {
            entries: entries.iter().map(|(path, about)| ((*path).to_owned(), (*about).to_owned())).collect(),
        };
        let before = trees(&[("a", "f 644 "), ("b", "f 644 "), ("c", "d 755 ")]);
        let after = trees(&[("a", "f 600 "), ("c", "d 755 "), ("d", "f 644 ")]);
        assert_eq!(before.differences(&after), ["a: f 644 -> f 600 ", "b: f 644 -> absent", "d: absent-> f 644 "]);
        assert!(before.differences(&before).is_empty());
    }
}

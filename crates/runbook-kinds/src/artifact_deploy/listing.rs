//! What an archive or a directory holds, so that the two can be compared without unpacking anything.

use runbook_backup::Packed;
use runbook_host::Reader;
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// How many differences are shown.
const SHOWN: usize = 40;

/// Relative paths with what is there.
pub(super) type Listing = BTreeMap<PathBuf, Member>;

/// One entry, as far as it matters for the question whether an artifact is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// The digest of its content.
        digest: blake3::Hash,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symlink with what it says.
    Link(PathBuf),
    /// A pipe, a socket or a device.
    Special,
}

/// What the directory `top` holds.
pub(super) fn of_directory(host: &Reader, top: &Path) -> Result<Listing, Failure> {
    let mut listing = Listing::new();
    let mut left = vec![PathBuf::new()];
    while let Some(here) = left.pop() {
        for name in host.list(&top.join(&here))?.unwrap_or_default() {
            let relative = here.join(name);
            let path = top.join(&relative);
            let Some(found) = host.lstat(&path)? else { continue };
            let member = if found.is_dir() {
                left.push(relative.clone());
                Member::Directory
            } else if found.is_symlink() {
                Member::Link(host.read_link(&path)?.unwrap_or_default())
            } else if found.is_file() {
                let Some(mut file) = host.open(&path)? else { continue };
                let digest = digest(&mut file).map_err(|error| runbook_host::io_failure("read", &path, &error))?;
                Member::File { digest, executable: found.permissions().mode() & 0o100 != 0 }
            } else {
                Member::Special
            };
            listing.insert(relative, member);
        }
    }
    Ok(listing)
}

/// What the archive at `path` holds. What may not be unpacked of it is refused here already.
pub(super) fn of_archive(host: &Reader, path: &Path) -> Result<Listing, Failure> {
    let input =
        host.open(path)?.ok_or_else(|| Failure::missing(format!("the archive {} is not there", path.display())))?;
    let packed = runbook_backup::list_archive(input, path).map_err(|error| {
        let hint = match &error {
            runbook_backup::Error::Refused { .. } => "pack it again without that; `tar -tvf` lists what it holds",
            _ => "archives are .tar, .tar.zst, .tar.gz or .tgz; if it is one, bring it to this host again",
        };
        Failure::refused(error.to_string()).hint(hint)
    })?;
    let member = |packed| match packed {
        Packed::Directory => Member::Directory,
        Packed::File { digest, executable } => Member::File { digest, executable },
        Packed::Symlink(target) => Member::Link(target),
    };
    Ok(packed.into_iter().map(|(path, packed)| (path, member(packed))).collect())
}

fn digest(input: &mut dyn Read) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    io::copy(input, &mut hasher)?;
    Ok(hasher.finalize())
}

/// `listing` without its `levels` topmost directories, of which each must be the only entry of its level; else the
/// number of the level where it is not.
pub(super) fn stripped(mut listing: Listing, levels: usize) -> Result<Listing, usize> {
    for level in 1..=levels {
        let tops: Vec<&PathBuf> = listing.keys().filter(|path| path.components().count() == 1).collect();
        let [top] = tops.as_slice() else { return Err(level) };
        let top = (*top).clone();
        if listing.remove(&top) != Some(Member::Directory) {
            return Err(level);
        }
        let below = |(path, member): (PathBuf, Member)| Some((path.strip_prefix(&top).ok()?.to_path_buf(), member));
        listing = listing.into_iter().filter_map(below).collect();
    }
    Ok(listing)
}

/// One line for each path at which the two differ.
pub(super) fn differences(old: &Listing, new: &Listing) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, member) in old {
        match new.get(path) {
            None => lines.push(format!("- {}", path.display())),
            Some(other) if other != member => lines.push(format!("~ {}", path.display())),
            Some(_) => {}
        }
    }
    lines.extend(new.keys().filter(|path| !old.contains_key(*path)).map(|path| format!("+ {}", path.display())));
    lines
}

/// The first of them as text.
pub(super) fn shown(differences: &[String]) -> String {
    let mut text: String = differences.iter().take(SHOWN).map(|line| format!("{line}\n")).collect();
    if let more @ 1.. = differences.len().saturating_sub(SHOWN) {
        text.push_str(&format!("… and {more} more\n"));
    }
    text
}

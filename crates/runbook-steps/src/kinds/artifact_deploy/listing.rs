//! What an archive or a directory holds, so that the two can be compared without unpacking anything.

use crate::host::Reader;
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

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
                let digest = digest(&mut file).map_err(|error| crate::host::io_failure("read", &path, &error))?;
                Member::File { digest, executable: found.permissions().mode() & 0o100 != 0 }
            } else {
                Member::Special
            };
            listing.insert(relative, member);
        }
    }
    Ok(listing)
}

/// What the archive at `path` holds. What may be unpacked of it is judged when it is.
pub(super) fn of_archive(host: &Reader, path: &Path) -> Result<Listing, Failure> {
    let unread = |error: io::Error| {
        Failure::refused(format!("the archive {} cannot be read: {error}", path.display()))
            .hint("archives are .tar, .tar.zst, .tar.gz or .tgz")
    };
    let mut magic = Vec::new();
    let open = || {
        let file = host.open(path)?;
        file.ok_or_else(|| Failure::missing(format!("the archive {} is not there", path.display())))
    };
    open()?.take(4).read_to_end(&mut magic).map_err(unread)?;
    let input: Box<dyn Read> = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(open()?)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(open()?).map_err(unread)?),
        _ => Box::new(open()?),
    };
    let mut listing = Listing::new();
    let mut archive = tar::Archive::new(io::BufReader::with_capacity(1 << 17, input));
    for entry in archive.entries().map_err(unread)? {
        let mut entry = entry.map_err(unread)?;
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let name = plain(&entry.path().map_err(unread)?);
        let link = entry.link_name().map_err(unread)?.map(|link| link.into_owned()).unwrap_or_default();
        let member = match kind {
            tar::EntryType::Directory => Member::Directory,
            tar::EntryType::Symlink => Member::Link(link),
            tar::EntryType::Link => listing.get(&plain(&link)).cloned().unwrap_or(Member::Special),
            kind if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() => {
                let executable = entry.header().mode().map_err(unread)? & 0o100 != 0;
                Member::File { digest: digest(&mut entry).map_err(unread)?, executable }
            }
            _ => Member::Special,
        };
        for above in name.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            listing.entry(above.to_path_buf()).or_insert(Member::Directory);
        }
        if !name.as_os_str().is_empty() {
            listing.insert(name, member);
        }
    }
    Ok(listing)
}

/// `name` without `.` and a leading `/`.
fn plain(name: &Path) -> PathBuf {
    name.components().filter(|part| !matches!(part, Component::CurDir | Component::RootDir)).collect()
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

//! Proves that a path could be put back as it is, by this process and now: before a step changes it, not when it is
//! too late. Reading tells most of it (`means.rs`); what only a try can tell is rehearsed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::attributes;
use crate::backup::Backup;
use crate::error::Error;
use crate::inode::Inode;
use crate::manifest::{Attributes, Entry, EntryKind, SkipReason};
use crate::means::{Means, Power, Thing};
use crate::mounts::Mounts;
use crate::place::{Metadata, finish, set_mtime};
use crate::spot::Spot;
use crate::staging::{Staging, unfinished};
use crate::timestamp::Timestamp;
use crate::tree::{Found, Visit, walk};

/// What the file system takes for an entry besides its content, at most.
const ENTRY: u64 = 4096;

/// Whether `path` could be captured now and be put back as it is: nothing is written, so this is for a dry run. Where
/// nothing is, only its directory is looked at.
///
/// An error names what stands in the way, who owns it and what to do.
pub fn provable(path: &Path) -> Result<(), Error> {
    let Some(spot) = Spot::find(path)? else { return Ok(()) };
    Mounts::refuse_below(&spot)?;
    let means = Means::own();
    means.reach(&spot)?;
    let mut survey = Survey { root: path, inherited: inherited(&spot), means: &means, needs: Needs::default() };
    walk(&spot, &Mounts::read()?, &mut survey)?;
    survey.needs.fits(&spot)
}

impl Backup {
    /// Whether this process could put `name` back now, as [`restore`](Self::restore) would: `name` is what
    /// [`way_back`](Self::way_back) returned. Tries beside `name` what cannot be read: a file there is given to each
    /// foreign owner, each device is made, and all of it is removed again.
    pub fn provable(&self, name: &Path) -> Result<(), Error> {
        let means = Means::own();
        // Where a directory above is gone, the restore makes it.
        let Some(spot) = Spot::find(name)? else { return Ok(()) };
        means.reach(&spot)?;
        let inherited = inherited(&spot);
        let mut needs = Needs::default();
        for entry in self.manifest().subtree(name) {
            let thing = Thing::from(entry);
            means.obstacle(&entry.path, &thing, inherited)?;
            needs.add(content_of(entry));
        }
        needs.fits(&spot)?;
        rehearse(&spot, self.manifest().subtree(name), &means)
    }
}

impl<'a> From<&'a Entry> for Thing<'a> {
    fn from(entry: &'a Entry) -> Self {
        let kind = match entry.kind {
            EntryKind::File { .. } => FileType::RegularFile,
            EntryKind::Directory => FileType::Directory,
            EntryKind::Symlink { .. } => FileType::Symlink,
            EntryKind::Fifo => FileType::Fifo,
            EntryKind::CharDevice { .. } => FileType::CharacterDevice,
            EntryKind::BlockDevice { .. } => FileType::BlockDevice,
        };
        Self { kind, owner: (entry.uid, entry.gid), xattrs: Some(&entry.xattrs) }
    }
}

fn content_of(entry: &Entry) -> u64 {
    match (&entry.kind, &entry.hard_link_to) {
        (EntryKind::File { size, .. }, None) => *size,
        _ => 0,
    }
}

/// The group that the directory hands on, if it does.
fn inherited(spot: &Spot) -> Option<u32> {
    let around = rustix::fs::fstat(spot.fd()).ok().map(|stat| Inode::new(&stat))?;
    (around.mode & 0o2000 != 0).then_some(around.gid)
}

/// What a second copy of a tree takes.
#[derive(Default)]
struct Needs {
    bytes: u64,
    entries: u64,
}

impl Needs {
    fn add(&mut self, content: u64) {
        self.bytes += content + ENTRY;
        self.entries += 1;
    }

    /// Whether the file system of the place has room for it.
    fn fits(&self, spot: &Spot) -> Result<(), Error> {
        let Ok(found) = rustix::fs::fstatvfs(spot.fd()) else { return Ok(()) };
        let (needed, free) = (self.bytes, found.f_bavail.saturating_mul(found.f_frsize));
        if self.entries > 0 && needed > free {
            return Err(Error::NoSpace { path: spot.parent().to_path_buf(), needed, free });
        }
        // Some file systems do not count them.
        if self.entries > 0 && found.f_files > 0 && found.f_favail <= self.entries {
            let why = format!(
                "{} entries are needed in the file system of {} and {} are free",
                self.entries,
                spot.parent().display(),
                found.f_favail
            );
            let help = "remove files that nobody needs there".to_owned();
            return Err(Error::NoWayBack { path: spot.path().to_path_buf(), why, help });
        }
        Ok(())
    }
}

struct Survey<'a> {
    root: &'a Path,
    inherited: Option<u32>,
    means: &'a Means,
    needs: Needs,
}

impl Visit for Survey<'_> {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error> {
        let inode = &found.inode;
        self.needs.add(if inode.kind == FileType::RegularFile { inode.size.min(inode.allocated) } else { 0 });
        let xattrs = if self.means.has(Power::SetCapabilities) && self.means.has(Power::Administer) {
            None
        } else {
            // What cannot be read now is told by the backup, which has to read it.
            attributes_of(found)
        };
        let thing = Thing { kind: inode.kind, owner: (inode.uid, inode.gid), xattrs: xattrs.as_ref() };
        self.means.obstacle(found.path, &thing, self.inherited)
    }

    fn skipped(&mut self, path: &Path, why: SkipReason) -> Result<(), Error> {
        match why {
            SkipReason::Socket if path == self.root => Err(a_socket(path)),
            _ => Ok(()),
        }
    }
}

fn a_socket(path: &Path) -> Error {
    let why = "it is a socket, which belongs to the process that listens on it".to_owned();
    Error::NoWayBack {
        path: path.to_path_buf(),
        why,
        help: "stop that process, which removes it, or choose another path".to_owned(),
    }
}

fn attributes_of(found: &Found<'_>) -> Option<Attributes> {
    match found.directory {
        Some(directory) => attributes::read(directory).ok(),
        None => attributes::read_at(found.parent, found.name).ok(),
    }
}

/// What has to be tried, each only once.
struct Trials<'a> {
    owners: BTreeSet<(u32, u32)>,
    devices: BTreeMap<(u32, u32, bool), &'a Entry>,
    attributes: BTreeMap<&'a [u8], &'a Entry>,
}

impl<'a> Trials<'a> {
    fn of(entries: &'a [Entry], means: &Means) -> Self {
        let mut trials = Self { owners: BTreeSet::new(), devices: BTreeMap::new(), attributes: BTreeMap::new() };
        for entry in entries {
            if (entry.uid, entry.gid) != (means.uid, means.gid) {
                trials.owners.insert((entry.uid, entry.gid));
            }
            match entry.kind {
                EntryKind::CharDevice { major, minor } => trials.devices.insert((major, minor, true), entry),
                EntryKind::BlockDevice { major, minor } => trials.devices.insert((major, minor, false), entry),
                // Others than files have none that can be set on a file in their stead.
                EntryKind::File { .. } => {
                    let guarded = |name: &&Vec<u8>| name.starts_with(b"security.") || name.starts_with(b"trusted.");
                    for name in entry.xattrs.0.keys().filter(guarded) {
                        trials.attributes.entry(name).or_insert(entry);
                    }
                    None
                }
                _ => None,
            };
        }
        trials
    }

    fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.devices.is_empty() && self.attributes.is_empty()
    }
}

/// Tries beside `path` what restoring these entries will do: user namespaces, network file systems and containers refuse
/// what capabilities promise. The directory keeps its time.
fn rehearse(spot: &Spot, entries: &[Entry], means: &Means) -> Result<(), Error> {
    let trials = Trials::of(entries, means);
    if trials.is_empty() {
        return Ok(());
    }
    let before = rustix::fs::fstat(spot.fd()).map(|stat| Inode::new(&stat).mtime).ok();
    clear_earlier(spot.path())?;
    let mut staging = Staging::beside(spot.path())?;
    let tried = perform(&mut staging, spot.path(), &trials);
    staging.discard()?;
    if let Some(before) = before {
        // A directory of another user: its time tells that something was tried.
        let _ = set_mtime(spot.fd(), before);
    }
    tried
}

fn perform(staging: &mut Staging, path: &Path, trials: &Trials<'_>) -> Result<(), Error> {
    const FILE: &str = "tried";
    let none = Attributes::default();
    let now = Timestamp::now();
    let failed = |what: String, error: Error| Error::NoWayBack {
        path: path.to_path_buf(),
        why: format!("{what}, which was tried beside it: {}", reason(&error)),
        help: "run `runbook` where that is allowed, or leave it out of what the step changes".to_owned(),
    };
    let file = staging.place.file(FILE.as_ref())?;
    for entry in trials.attributes.values() {
        let metadata = Metadata { mode: 0o600, owner: None, mtime: now, xattrs: &entry.xattrs };
        finish(file.as_fd(), &entry.path, &metadata)
            .map_err(|error| failed(format!("the attributes of {} cannot be set", entry.path.display()), error))?;
    }
    for (uid, gid) in &trials.owners {
        let metadata = Metadata { mode: 0o600, owner: Some((*uid, *gid)), mtime: now, xattrs: &none };
        finish(file.as_fd(), path, &metadata)
            .map_err(|error| failed(format!("nothing can be given to user {uid} and group {gid}"), error))?;
    }
    for (number, entry) in trials.devices.values().enumerate() {
        let name = PathBuf::from(format!("device-{number}"));
        let made = staging.place.other(&name, &entry.kind, &Metadata::from(*entry));
        made.map_err(|error| failed(format!("the device {} cannot be made", entry.path.display()), error))?;
    }
    Ok(())
}

fn reason(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// A rehearsal that was cut short left its directory; what holds an original or a replacement is none.
fn clear_earlier(path: &Path) -> Result<(), Error> {
    for dir in unfinished(path)? {
        let mut held = false;
        for name in ["new", "old"] {
            held |= Spot::find(&dir.join(name))?.map(|spot| spot.stat()).transpose()?.flatten().is_some();
        }
        if !held {
            crate::remove::remove_tree(&dir)?;
        }
    }
    Ok(())
}

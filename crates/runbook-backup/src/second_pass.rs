//! The second pass over a live tree: what changed since the first one goes into a further archive.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::attributes;
use crate::backup::on_its_ground;
use crate::create::{Options, explain_no_space, pass};
use crate::descent::Id;
use crate::error::Error;
use crate::flags;
use crate::inode::{Inode, Seen};
use crate::leave::Leave;
use crate::manifest::{Archive, Entry, EntryKind, Manifest, Root, SkipReason, Skipped};
use crate::mounts::Mounts;
use crate::recorder::{describe, digest_of};
use crate::spot::Spot;
use crate::timestamp::Timestamp;
use crate::tree::{Found, Visit, walk};

/// A file that changed less than this before it was read may have changed again within the clock's grain.
const GRAIN_SECONDS: i64 = 2;

/// What the second pass found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecondPass {
    /// Entries that differ from the first pass and were read again.
    pub changed: u64,
    /// Entries that the first pass did not see.
    pub added: u64,
    /// Entries that are gone.
    pub removed: u64,
    /// Entries that are as they were.
    pub unchanged: u64,
    /// Bytes of content that were read into the new archive.
    pub bytes: u64,
    /// The size of the new archive; 0 when nothing differed and none was written.
    pub archive_bytes: u64,
    /// Files that changed again while they were read.
    pub changed_while_read: Vec<PathBuf>,
    /// What was left as the first pass found it, with everything below.
    pub left_out: Vec<PathBuf>,
}

/// Brings the backup in `dir` up to the state of its paths now, reading only what changed.
///
/// Do this when the service that writes there has stopped. Until it returns `Ok`, the backup is the one of the first
/// pass, whole and usable; then it is the settled one. It may be called again.
///
/// `changed` tells the paths that were changed on purpose since the first pass: they stay as that found them, with
/// everything below and the directories above. It is asked again at the end, and if more was changed meanwhile the pass
/// is made anew, so a path must be added before it is changed.
pub fn second_pass(
    dir: &Path,
    changed: &dyn Fn() -> Vec<PathBuf>,
    cancel: &dyn Fn() -> bool,
    options: &Options<'_>,
) -> Result<SecondPass, Error> {
    loop {
        let known = changed();
        if let Some(second) = attempt(dir, &known, &|| changed() == known, cancel, options)? {
            return Ok(second);
        }
    }
}

/// One attempt; `None` when it came to nothing because `sound` did not hold at its end.
fn attempt(
    dir: &Path,
    changed: &[PathBuf],
    sound: &dyn Fn() -> bool,
    cancel: &dyn Fn() -> bool,
    options: &Options<'_>,
) -> Result<Option<SecondPass>, Error> {
    let old = Manifest::read(dir)?;
    let leave = Leave::new(&old, changed)?;
    let mounts = Mounts::read()?;
    let roots: Vec<PathBuf> = old.roots.iter().map(|root| root.path.clone()).collect();
    let started = Timestamp::now();
    let mut survey = Survey::new(&old, &leave, cancel);
    let mut found_roots = Vec::with_capacity(roots.len());
    for root in &old.roots {
        let present = match at_root(root, dir)? {
            Some(spot) => walk(&spot, &mounts, &mut survey)?,
            None => false,
        };
        let present = if leave.keeps(&root.path) { root.present } else { present };
        found_roots.push(Root { present, ..root.clone() });
    }
    survey.regroup();
    let removed = survey.removed();
    let wanted = survey.wanted();
    let mut skipped: Vec<Skipped> = old.skipped.iter().filter(|one| leave.has(&one.path)).cloned().collect();
    skipped.append(&mut survey.skipped);
    let mut new = Manifest { started, roots: found_roots, skipped, ..old.clone() };
    let mut second = SecondPass {
        changed: 0,
        added: 0,
        removed: removed.len() as u64,
        unchanged: survey.unchanged.len() as u64,
        bytes: 0,
        archive_bytes: 0,
        changed_while_read: Vec::new(),
        left_out: Vec::new(),
    };
    let kept = old.entries.iter().filter(|entry| !wanted.contains(&entry.path)).filter_map(|entry| {
        let seen = survey.unchanged.get(&entry.path)?;
        Some(Entry { seen: *seen, ..entry.clone() })
    });
    new.entries = kept.collect();
    new.changed_while_read.retain(|path| leave.has(path));
    if !wanted.is_empty() || !removed.is_empty() {
        let number = u32::try_from(old.archives.len()).unwrap_or(u32::MAX);
        let written = pass(dir, number, &roots, &mounts, Some(&wanted), cancel, options);
        let (pass, mut archive) = written.map_err(|error| abandon(error, dir, number, &roots, &mounts))?;
        second.added = pass.entries.iter().filter(|entry| old.entry(&entry.path).is_none()).count() as u64;
        second.changed = pass.entries.len() as u64 - second.added;
        second.bytes = pass.bytes;
        second.archive_bytes = archive.bytes;
        second.changed_while_read.clone_from(&pass.changed_while_read);
        archive.removed_before = removed;
        new.archives.push(archive);
        new.entries.extend(pass.entries);
        new.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        new.changed_while_read.extend(pass.changed_while_read);
    }
    let known = std::mem::take(&mut new.limits);
    new.find_limits(&survey.links);
    new.limits.retain(|limit| !leave.has(&limit.path));
    new.limits.extend(known.into_iter().filter(|limit| leave.has(&limit.path)));
    if !sound() {
        forget(dir, &new.archives, old.archives.len());
        return Ok(None);
    }
    new.write(dir)?;
    second.left_out = leave.into_paths();
    Ok(Some(second))
}

/// The place of a root, where it was at the first pass.
fn at_root(root: &Root, dir: &Path) -> Result<Option<Spot>, Error> {
    let Some(spot) = Spot::find(&root.path)? else { return Ok(None) };
    on_its_ground(root, &spot)?;
    if spot.real() == root.real {
        return Ok(Some(spot));
    }
    let why = format!("it led to {} then and leads to {} now", root.real.display(), spot.real().display());
    Err(Error::NotCovered { path: root.path.clone(), dir: dir.to_path_buf(), why })
}

/// Removes archives that no manifest names: they are only in the way.
fn forget(dir: &Path, archives: &[Archive], from: usize) {
    for archive in archives.iter().skip(from) {
        let _ = std::fs::remove_file(dir.join(&archive.file));
    }
}

/// Leaves the first pass as it was.
fn abandon(error: Error, dir: &Path, number: u32, roots: &[PathBuf], mounts: &Mounts) -> Error {
    // No manifest names it, so it is only in the way; the first error is the one to report.
    let _ = std::fs::remove_file(dir.join(format!("archive.{}.tar.zst", number + 1)));
    explain_no_space(error, dir, roots, mounts)
}

/// Looks at everything and sorts it into what is as it was and what is to be read again.
struct Survey<'a> {
    old: &'a Manifest,
    leave: &'a Leave,
    cancel: &'a dyn Fn() -> bool,
    suspect_from: Timestamp,
    doubtful: HashSet<&'a Path>,
    unchanged: HashMap<PathBuf, Seen>,
    differs: HashSet<PathBuf>,
    /// The names of files with several, in the order in which they are found.
    groups: HashMap<Id, Vec<PathBuf>>,
    /// How many names those have.
    links: HashMap<Id, u64>,
    skipped: Vec<Skipped>,
    retyped: Vec<PathBuf>,
    buffer: Vec<u8>,
}

impl<'a> Survey<'a> {
    fn new(old: &'a Manifest, leave: &'a Leave, cancel: &'a dyn Fn() -> bool) -> Self {
        let kept = old.entries.iter().filter(|entry| leave.keeps(&entry.path));
        Self {
            old,
            leave,
            cancel,
            suspect_from: old.started.minus_seconds(GRAIN_SECONDS),
            doubtful: old.changed_while_read.iter().map(PathBuf::as_path).collect(),
            unchanged: kept.map(|entry| (entry.path.clone(), entry.seen)).collect(),
            differs: HashSet::new(),
            groups: HashMap::new(),
            links: HashMap::new(),
            skipped: Vec::new(),
            retyped: Vec::new(),
            buffer: vec![0; 1 << 18],
        }
    }

    fn is_unchanged(&mut self, entry: &Entry, found: &Found<'_>) -> Result<bool, Error> {
        let inode = &found.inode;
        if self.doubtful.contains(found.path) {
            return Ok(false);
        }
        if inode.seen == entry.seen && inode.mtime == entry.mtime && inode.seen.ctime < self.suspect_from {
            return Ok(size_is(entry, inode));
        }
        let same = (inode.mode, inode.uid, inode.gid, inode.mtime) == (entry.mode, entry.uid, entry.gid, entry.mtime);
        if !same || !size_is(entry, inode) {
            return Ok(false);
        }
        self.same_content(entry, found).or_else(|error| match Errno::from_io_error(&error) {
            // Gone or replaced meanwhile: the pass that follows looks again.
            Some(Errno::NOENT | Errno::LOOP | Errno::NXIO) => Ok(false),
            _ => Err(Error::io("read", found.path, error)),
        })
    }

    fn same_content(&mut self, entry: &Entry, found: &Found<'_>) -> std::io::Result<bool> {
        if let EntryKind::File { blake3, .. } = &entry.kind {
            if found.inode.kind != FileType::RegularFile {
                return Ok(false);
            }
            let (digest, fd) = digest_of(found.parent, found.name, &mut self.buffer)?;
            let after = Inode::new(&rustix::fs::fstat(&fd)?);
            let xattrs = attributes::read(std::os::fd::AsFd::as_fd(&fd))?;
            let same = xattrs == entry.xattrs && flags::read(&fd) == entry.flags;
            return Ok(digest == *blake3 && same && after.untouched_since(&found.inode));
        }
        let same_flags = found.directory.map_or(0, flags::read) == entry.flags;
        Ok(same_flags && describe(found)?.is_some_and(|(kind, xattrs)| kind == entry.kind && xattrs == entry.xattrs))
    }

    /// A file with several names is read again under all of them when one is new, changed or gone: an unpacked
    /// replacement would not be linked to the others.
    fn regroup(&mut self) {
        for names in self.groups.values() {
            let first = names.first();
            let as_before = names.iter().all(|name| {
                let linked = first.filter(|first| *first != name);
                self.unchanged.contains_key(name)
                    && self.old.entry(name).is_some_and(|entry| entry.hard_link_to.as_ref() == linked)
            });
            if !as_before {
                self.differs.extend(names.iter().cloned());
            }
        }
        self.unchanged.retain(|path, _| !self.differs.contains(path));
    }

    /// What earlier archives have and the tree has not, and what is of another type now.
    fn removed(&self) -> Vec<PathBuf> {
        let there = |path: &Path| self.unchanged.contains_key(path) || self.differs.contains(path);
        let gone = self.old.entries.iter().map(|entry| &entry.path).filter(|path| !there(path));
        let mut removed: Vec<PathBuf> = gone.chain(&self.retyped).cloned().collect();
        removed.sort_unstable();
        removed
    }

    /// With the directories that unpacking the rest would touch.
    fn wanted(&self) -> HashSet<PathBuf> {
        let mut wanted = self.differs.clone();
        for path in &self.differs {
            let parent =
                path.parent().filter(|parent| self.unchanged.contains_key(*parent) && !self.leave.keeps(parent));
            if let Some(parent) = parent {
                wanted.insert(parent.to_path_buf());
            }
        }
        wanted
    }
}

fn size_is(entry: &Entry, inode: &Inode) -> bool {
    match entry.kind {
        EntryKind::File { size, .. } => inode.kind == FileType::RegularFile && size == inode.size,
        _ => true,
    }
}

impl Visit for Survey<'_> {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error> {
        if (self.cancel)() {
            return Err(Error::Cancelled);
        }
        if self.leave.keeps(found.path) {
            return Ok(());
        }
        let inode = &found.inode;
        let alone = inode.links < 2 || inode.kind == FileType::Directory;
        if !alone {
            self.links.insert((inode.seen.dev, inode.seen.ino), inode.links);
            self.groups.entry((inode.seen.dev, inode.seen.ino)).or_default().push(found.path.to_path_buf());
        }
        let entry = self.old.entry(found.path);
        let unchanged = match entry {
            Some(entry) => !(alone && entry.hard_link_to.is_some()) && self.is_unchanged(entry, found)?,
            None => false,
        };
        if unchanged {
            self.unchanged.insert(found.path.to_path_buf(), inode.seen);
            return Ok(());
        }
        if entry.is_some_and(|entry| (entry.kind == EntryKind::Directory) != (inode.kind == FileType::Directory)) {
            self.retyped.push(found.path.to_path_buf());
        }
        self.differs.insert(found.path.to_path_buf());
        Ok(())
    }

    fn skipped(&mut self, path: &Path, why: SkipReason) -> Result<(), Error> {
        if !self.leave.has(path) {
            self.skipped.push(Skipped { path: path.to_path_buf(), why });
        }
        Ok(())
    }
}

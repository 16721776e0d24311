//! Compares a tree as it is now with what a manifest says, and digests a tree into one number.

use std::collections::HashMap;
use std::fmt;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::attributes;
use crate::digest::Digest;
use crate::error::Error;
use crate::escaped::bytes_of;
use crate::flags::{self, letters};
use crate::manifest::{Attributes, Entry, EntryKind};
use crate::mounts::Mounts;
use crate::recorder::{describe, digest_of};
use crate::spot::Spot;
use crate::timestamp::Timestamp;
use crate::tree::{Found, Visit, walk};

/// One way in which a path is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path.
    pub path: PathBuf,
    /// What differs.
    pub what: Change,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// Something before and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turned<T> {
    /// Before.
    pub was: T,
    /// Now.
    pub is: T,
}

/// What can differ. Times of access and of inode changes do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It was there and is not.
    Missing,
    /// It is there and was not. What is below it is not listed.
    Added,
    /// It is of another type.
    Type(Turned<&'static str>),
    /// The bytes differ.
    Content,
    /// The mode differs.
    Mode(Turned<u32>),
    /// The owner or group differs: user and group.
    Owner(Turned<(u32, u32)>),
    /// The time of the last change of content differs.
    Mtime(Turned<Timestamp>),
    /// Extended attributes or ACLs differ.
    Attributes,
    /// A link points elsewhere, or a device has another number.
    Target,
    /// It shares its inode with other names than before.
    HardLinks,
    /// What `chattr` set differs, in the kernel's bits.
    Flags(Turned<u32>),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Added => f.write_str("added"),
            Self::Type(Turned { was, is }) => write!(f, "type: was {was}, is {is}"),
            Self::Content => f.write_str("content"),
            Self::Mode(Turned { was, is }) => write!(f, "mode: was {was:04o}, is {is:04o}"),
            Self::Owner(Turned { was, is }) => write!(f, "owner: was {}:{}, is {}:{}", was.0, was.1, is.0, is.1),
            Self::Mtime(Turned { was, is }) => write!(f, "mtime: was {was}, is {is}"),
            Self::Attributes => f.write_str("extended attributes"),
            Self::Target => f.write_str("target"),
            Self::HardLinks => f.write_str("hard links"),
            Self::Flags(Turned { was, is }) => write!(f, "flags: was {}, is {}", letters(*was), letters(*is)),
        }
    }
}

/// How far a tree is that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is where it belongs.
    InPlace,
    /// It is to be moved there yet, and has none of the flags that would refuse that.
    Unflagged,
}

/// Compares the tree at `at` with the entries, which were recorded below `recorded_at`.
pub(crate) fn differences(
    entries: &[Entry],
    recorded_at: &Path,
    at: &Spot,
    stage: Stage,
    cancel: &dyn Fn() -> bool,
) -> Result<Vec<Difference>, Error> {
    let mut comparison = Comparison {
        entries,
        next: 0,
        recorded_at,
        at: at.path(),
        stage,
        cancel,
        expected: first_names(entries),
        actual: HashMap::new(),
        added: None,
        found: Vec::new(),
        buffer: vec![0; 1 << 17],
    };
    walk(at, &Mounts::read()?, &mut comparison)?;
    comparison.missing_before(None);
    Ok(comparison.found)
}

/// The first name among these entries of every file that has more than one.
pub(crate) fn first_names(entries: &[Entry]) -> HashMap<&Path, &Path> {
    let mut first = HashMap::new();
    for entry in entries {
        if let Some(file) = &entry.hard_link_to {
            first.entry(file.as_path()).or_insert(entry.path.as_path());
        }
    }
    for entry in entries {
        if let Some(name) = first.get_mut(entry.path.as_path()) {
            *name = &entry.path;
        }
    }
    first
}

struct Comparison<'a> {
    entries: &'a [Entry],
    next: usize,
    recorded_at: &'a Path,
    at: &'a Path,
    stage: Stage,
    cancel: &'a dyn Fn() -> bool,
    expected: HashMap<&'a Path, &'a Path>,
    actual: HashMap<(u64, u64), PathBuf>,
    /// The last path that was not there before: what is below it goes without saying.
    added: Option<PathBuf>,
    found: Vec<Difference>,
    buffer: Vec<u8>,
}

impl<'a> Comparison<'a> {
    fn recorded_path(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(self.at) {
            Ok(rest) if !rest.as_os_str().is_empty() => self.recorded_at.join(rest),
            _ => self.recorded_at.to_path_buf(),
        }
    }

    /// Both sides come in the order of their paths: what was passed over is missing.
    fn missing_before(&mut self, path: Option<&Path>) {
        while let Some(entry) =
            self.entries.get(self.next).filter(|entry| path.is_none_or(|path| entry.path.as_path() < path))
        {
            self.found.push(Difference { path: entry.path.clone(), what: Change::Missing });
            self.next += 1;
        }
    }

    fn one(&mut self, entry: &'a Entry, found: &Found<'_>) -> Result<(), Error> {
        let failed = |error: std::io::Error| Error::io("read", found.path, error);
        let mut note = |what| self.found.push(Difference { path: entry.path.clone(), what });
        let inode = &found.inode;
        let is = type_name(inode.kind);
        if is != entry.kind.name() {
            note(Change::Type(Turned { was: entry.kind.name(), is }));
            return Ok(());
        }
        if inode.mode != entry.mode && inode.kind != FileType::Symlink {
            note(Change::Mode(Turned { was: entry.mode, is: inode.mode }));
        }
        if (inode.uid, inode.gid) != (entry.uid, entry.gid) {
            note(Change::Owner(Turned { was: (entry.uid, entry.gid), is: (inode.uid, inode.gid) }));
        }
        if inode.mtime != entry.mtime {
            note(Change::Mtime(Turned { was: entry.mtime, is: inode.mtime }));
        }
        let (flags, xattrs) = if let EntryKind::File { size, blake3, .. } = &entry.kind {
            let same_size = *size == inode.size;
            let (digest, flags, xattrs) = match read_file(found, if same_size { &mut self.buffer } else { &mut [] }) {
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    note(Change::Missing);
                    return Ok(());
                }
                Err(error) => return Err(failed(error)),
            };
            if digest != Some(*blake3) {
                note(Change::Content);
            }
            (flags, xattrs)
        } else {
            let Some((kind, xattrs)) = describe(found).map_err(failed)? else {
                note(Change::Missing);
                return Ok(());
            };
            if kind != entry.kind {
                note(Change::Target);
            }
            (found.directory.map_or(0, flags::read), xattrs)
        };
        if flags != entry.flags && self.stage == Stage::InPlace {
            note(Change::Flags(Turned { was: entry.flags, is: flags }));
        }
        if xattrs != entry.xattrs {
            note(Change::Attributes);
        }
        let group = entry.hard_link_to.as_deref().unwrap_or(&entry.path);
        let expected = self.expected.get(group).copied().unwrap_or(&entry.path);
        let actual = match inode.kind {
            kind if kind == FileType::Directory || inode.links < 2 => &entry.path,
            _ => self.actual.entry((inode.seen.dev, inode.seen.ino)).or_insert_with(|| entry.path.clone()),
        };
        if actual != expected {
            self.found.push(Difference { path: entry.path.clone(), what: Change::HardLinks });
        }
        Ok(())
    }
}

/// A file's digest, flags and attributes. Without a buffer the content is not read.
fn read_file(found: &Found<'_>, buffer: &mut [u8]) -> std::io::Result<(Option<Digest>, u32, Attributes)> {
    if buffer.is_empty() {
        let fd = crate::openat::open_file(found.parent, found.name)?;
        return Ok((None, flags::read(&fd), attributes::read(fd.as_fd())?));
    }
    let (digest, fd) = digest_of(found.parent, found.name, buffer)?;
    Ok((Some(digest), flags::read(&fd), attributes::read(fd.as_fd())?))
}

fn type_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symlink",
        FileType::Fifo => "fifo",
        FileType::CharacterDevice => "char-device",
        FileType::BlockDevice => "block-device",
        _ => "unknown",
    }
}

impl Visit for Comparison<'_> {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error> {
        if (self.cancel)() {
            return Err(Error::Cancelled);
        }
        let path = self.recorded_path(found.path);
        self.missing_before(Some(&path));
        let entries = self.entries;
        if let Some(entry) = entries.get(self.next).filter(|entry| entry.path == path) {
            self.next += 1;
            return self.one(entry, found);
        }
        if !self.added.as_ref().is_some_and(|added| path.starts_with(added)) {
            self.found.push(Difference { path: path.clone(), what: Change::Added });
            self.added = Some(path);
        }
        Ok(())
    }
}

/// A whole tree in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeDigest {
    /// Over names, types, modes, owners, attributes, link targets, contents, and times of all but directories.
    pub digest: Digest,
    /// Regular files, each name counted.
    pub files: u64,
    /// Everything.
    pub entries: u64,
    /// Bytes of content.
    pub bytes: u64,
}

/// Digests a tree as it is. Two trees with the same digest are the same, wherever they are; a path where nothing is
/// has a digest of its own. Times of directories are left out: moving something away and back changes them.
pub fn digest_tree(path: &Path) -> Result<TreeDigest, Error> {
    match Spot::find(path)? {
        Some(spot) => digest_at(&spot),
        None => Ok(TreeDigest { digest: Digest::of(b""), files: 0, entries: 0, bytes: 0 }),
    }
}

pub(crate) fn digest_at(spot: &Spot) -> Result<TreeDigest, Error> {
    let mut sum = Sum {
        top: spot.path(),
        hasher: blake3::Hasher::new(),
        first: HashMap::new(),
        files: 0,
        entries: 0,
        bytes: 0,
        buffer: vec![0; 1 << 17],
    };
    walk(spot, &Mounts::read()?, &mut sum)?;
    let Sum { hasher, files, entries, bytes, .. } = sum;
    Ok(TreeDigest { digest: Digest::from_hasher(&hasher), files, entries, bytes })
}

struct Sum<'a> {
    top: &'a Path,
    hasher: blake3::Hasher,
    first: HashMap<(u64, u64), u64>,
    files: u64,
    entries: u64,
    bytes: u64,
    buffer: Vec<u8>,
}

impl Sum<'_> {
    /// With its length, so that no two lists of parts read the same.
    fn part(&mut self, bytes: &[u8]) {
        self.hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    }
}

impl Visit for Sum<'_> {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error> {
        let failed = |error: std::io::Error| Error::io("read", found.path, error);
        let inode = &found.inode;
        self.part(bytes_of(found.path.strip_prefix(self.top).unwrap_or(found.path)));
        let mode = if inode.kind == FileType::Symlink { 0 } else { inode.mode };
        self.part(format!("{} {mode:o} {} {}", type_name(inode.kind), inode.uid, inode.gid).as_bytes());
        if inode.kind != FileType::Directory {
            self.part(inode.mtime.to_string().as_bytes());
            let first = *self.first.entry((inode.seen.dev, inode.seen.ino)).or_insert(self.entries);
            self.part(&first.to_le_bytes());
        }
        self.entries += 1;
        let (content, xattrs) = if inode.kind == FileType::RegularFile {
            self.files += 1;
            self.bytes += inode.size;
            let (digest, _, xattrs) = read_file(found, &mut self.buffer).map_err(failed)?;
            (digest.map(|digest| digest.to_string().into_bytes()).unwrap_or_default(), xattrs)
        } else {
            let (kind, xattrs) = describe(found).map_err(failed)?.ok_or_else(|| failed(Errno::NOENT.into()))?;
            let content = match kind {
                EntryKind::Symlink { target } => bytes_of(&target).to_vec(),
                _ => format!("{:?}", inode.device).into_bytes(),
            };
            (content, xattrs)
        };
        self.part(&content);
        for (name, value) in &xattrs.0 {
            self.part(name);
            self.part(value);
        }
        Ok(())
    }
}

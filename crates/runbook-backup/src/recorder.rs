//! Reads what a walk finds into an archive, and notices files that change while they are read.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::attributes;
use crate::descent::Id;
use crate::digest::{Digest, update_zeros};
use crate::error::Error;
use crate::escaped::to_path;
use crate::extents::{self, Extent};
use crate::flags;
use crate::inode::Inode;
use crate::manifest::{Attributes, Entry, EntryKind, SkipReason, Skipped};
use crate::openat::open_file;
use crate::pack::Packer;
use crate::tree::{Found, Visit};

pub(crate) const INSIDE: &str =
    "the state directory of runbook is inside of it, and a way back would take that back too; name what is beside it";

/// Files up to this size are read whole before their header is written, so a changed one is simply read again.
const WHOLE: u64 = 1 << 20;
const CHUNK: usize = 1 << 18;
const ATTEMPTS_WHOLE: u32 = 4;
/// A larger file goes to the archive as it is read; a second copy of it follows when it changed meanwhile.
const ATTEMPTS_STREAMED: u32 = 2;

/// A visitor that records what it is shown, or of that only what is `wanted`.
pub(crate) struct Recorder<'a, W> {
    pub(crate) packer: Packer<'a, W>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) changed_while_read: Vec<PathBuf>,
    /// Bytes of content that were read, holes not counted.
    pub(crate) bytes: u64,
    archive: u32,
    archive_path: &'a Path,
    wanted: Option<&'a HashSet<PathBuf>>,
    /// Directories that may not be in it, by whatever name.
    pub(crate) refused: Vec<Id>,
    first_names: HashMap<Id, usize>,
    /// How many names files have, where it is more than one.
    pub(crate) links: HashMap<Id, u64>,
    cancel: &'a dyn Fn() -> bool,
    buffer: Vec<u8>,
}

impl<'a, W: Write> Recorder<'a, W> {
    pub(crate) fn new(
        packer: Packer<'a, W>,
        archive: (u32, &'a Path),
        wanted: Option<&'a HashSet<PathBuf>>,
        cancel: &'a dyn Fn() -> bool,
    ) -> Self {
        Self {
            packer,
            entries: Vec::new(),
            skipped: Vec::new(),
            changed_while_read: Vec::new(),
            bytes: 0,
            archive: archive.0,
            archive_path: archive.1,
            wanted,
            refused: Vec::new(),
            first_names: HashMap::new(),
            links: HashMap::new(),
            cancel,
            buffer: vec![0; WHOLE as usize],
        }
    }

    fn check_cancel(&self) -> Result<(), Error> {
        if (self.cancel)() { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn entry(&self, found: &Found<'_>, inode: &Inode, kind: EntryKind, (flags, xattrs): (u32, Attributes)) -> Entry {
        Entry {
            path: found.path.to_path_buf(),
            kind,
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            mtime: inode.mtime,
            flags,
            xattrs,
            hard_link_to: None,
            archive: self.archive,
            member: 0,
            seen: inode.seen,
        }
    }

    fn begin(&mut self, entry: &mut Entry, sparse: Option<&[Extent]>) -> Result<(), Error> {
        entry.member = self.packer.begin(entry, sparse).map_err(|error| self.unwritten(error))?;
        Ok(())
    }

    fn data(&mut self, from: usize, length: usize) -> Result<(), Error> {
        let bytes = self.buffer.get(from..from + length).unwrap_or_default();
        self.bytes += length as u64;
        self.packer.data(bytes).map_err(|error| Error::io("write", self.archive_path, error))
    }

    fn end(&mut self) -> Result<(), Error> {
        self.packer.end().map_err(|error| self.unwritten(error))
    }

    fn unwritten(&self, error: io::Error) -> Error {
        Error::io("write", self.archive_path, error)
    }

    fn keep(&mut self, entry: Entry, inode: &Inode) {
        if inode.links > 1 && entry.kind != EntryKind::Directory && entry.hard_link_to.is_none() {
            let id = (inode.seen.dev, inode.seen.ino);
            self.first_names.insert(id, self.entries.len());
            self.links.insert(id, inode.links);
        }
        self.entries.push(entry);
    }

    /// A further name of a file that is in the archive already.
    fn further_name(&mut self, found: &Found<'_>, inode: &Inode) -> Result<bool, Error> {
        let first = self.first_names.get(&(inode.seen.dev, inode.seen.ino)).and_then(|at| self.entries.get(*at));
        let Some(first) = first.filter(|_| inode.links > 1) else { return Ok(false) };
        let mut entry =
            Entry { path: found.path.to_path_buf(), hard_link_to: Some(first.path.clone()), ..first.clone() };
        entry.archive = self.archive;
        self.begin(&mut entry, None)?;
        self.entries.push(entry);
        Ok(true)
    }

    fn file(&mut self, found: &Found<'_>) -> Result<(), Error> {
        if self.further_name(found, &found.inode)? {
            return Ok(());
        }
        let file = match open_file(found.parent, found.name) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return self.skipped(found.path, SkipReason::Vanished),
            Err(error) => return Err(Error::io("read", found.path, error)),
        };
        let failed = |error: io::Error| Error::io("read", found.path, error);
        let mut inode = found.inode;
        let mut attempt = 1;
        loop {
            let whole = inode.size <= WHOLE && !inode.has_holes();
            let (entry, after) = if whole {
                self.whole(found, &file, &inode).map_err(failed)?
            } else {
                self.streamed(found, &file, &inode)?
            };
            if after.kind != FileType::RegularFile {
                return self.skipped(found.path, SkipReason::Vanished);
            }
            let stable = after.untouched_since(&inode) && entry_size(&entry) == inode.size;
            let attempts = if whole { ATTEMPTS_WHOLE } else { ATTEMPTS_STREAMED };
            if stable || attempt >= attempts {
                return self.file_was_read(found, entry, &inode, whole, stable);
            }
            self.check_cancel()?;
            attempt += 1;
            inode = after;
        }
    }

    fn file_was_read(
        &mut self,
        found: &Found<'_>,
        mut entry: Entry,
        inode: &Inode,
        whole: bool,
        stable: bool,
    ) -> Result<(), Error> {
        if !stable {
            self.changed_while_read.push(found.path.to_path_buf());
        }
        if whole {
            self.begin(&mut entry, None)?;
            self.data(0, usize::try_from(entry_size(&entry)).unwrap_or(0))?;
            self.end()?;
        }
        self.keep(entry, inode);
        Ok(())
    }

    /// Reads a file into the buffer. Nothing is written yet.
    fn whole(&mut self, found: &Found<'_>, file: &File, inode: &Inode) -> io::Result<(Entry, Inode)> {
        let xattrs = attributes::read(file.as_fd())?;
        let wanted = self.buffer.get_mut(..usize::try_from(inode.size).unwrap_or(0)).unwrap_or_default();
        let length = read_up_to(file, wanted, 0)?;
        let bytes = wanted.get(..length).unwrap_or_default();
        let kind = EntryKind::File { size: length as u64, blake3: Digest::of(bytes), sparse: false };
        let after = Inode::new(&rustix::fs::fstat(file)?);
        Ok((self.entry(found, inode, kind, (flags::read(file), xattrs)), after))
    }

    /// Writes a file to the archive while reading it: exactly as many bytes as the header announces, whatever happens.
    fn streamed(&mut self, found: &Found<'_>, file: &File, inode: &Inode) -> Result<(Entry, Inode), Error> {
        let failed = |error: io::Error| Error::io("read", found.path, error);
        let xattrs = attributes::read(file.as_fd()).map_err(failed)?;
        let runs = if inode.has_holes() {
            extents::of(file.as_fd(), inode.size).map_err(|error| failed(error.into()))?
        } else {
            vec![Extent { start: 0, length: inode.size }]
        };
        let sparse = inode.has_holes();
        let kind = EntryKind::File { size: inode.size, blake3: Digest::of(b""), sparse };
        let mut entry = self.entry(found, inode, kind, (flags::read(file), xattrs));
        self.begin(&mut entry, sparse.then_some(&runs))?;
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        for run in &runs {
            update_zeros(&mut hasher, run.start - at);
            at = run.start;
            while at < run.start + run.length {
                self.check_cancel()?;
                let now = CHUNK.min(usize::try_from(run.start + run.length - at).unwrap_or(CHUNK));
                let chunk = self.buffer.get_mut(..now).unwrap_or_default();
                let read = read_up_to(file, chunk, at).map_err(failed)?;
                // It shrank: the rest is zeros, and the change is noticed below.
                chunk.get_mut(read..).unwrap_or_default().fill(0);
                hasher.update(chunk);
                self.data(0, now)?;
                at += now as u64;
            }
        }
        update_zeros(&mut hasher, inode.size - at);
        self.end()?;
        if let EntryKind::File { blake3, .. } = &mut entry.kind {
            *blake3 = Digest::from_hasher(&hasher);
        }
        let after = Inode::new(&rustix::fs::fstat(file).map_err(|error| failed(error.into()))?);
        Ok((entry, after))
    }

    fn other(&mut self, found: &Found<'_>) -> Result<(), Error> {
        let Some(described) = describe(found).map_err(|error| Error::io("read", found.path, error))? else {
            return self.skipped(found.path, SkipReason::Vanished);
        };
        if self.further_name(found, &found.inode)? {
            return Ok(());
        }
        let flags = found.directory.map_or(0, flags::read);
        let mut entry = self.entry(found, &found.inode, described.0, (flags, described.1));
        self.begin(&mut entry, None)?;
        self.keep(entry, &found.inode);
        Ok(())
    }
}

/// The kind and the attributes of anything but a regular file. None when it is gone.
pub(crate) fn describe(found: &Found<'_>) -> io::Result<Option<(EntryKind, Attributes)>> {
    let (major, minor) = found.inode.device;
    let kind = match found.inode.kind {
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => match rustix::fs::readlinkat(found.parent, found.name, Vec::new()) {
            Ok(target) => EntryKind::Symlink { target: to_path(target.into_bytes()) },
            Err(Errno::NOENT | Errno::INVAL) => return Ok(None),
            Err(error) => return Err(error.into()),
        },
        FileType::Fifo => EntryKind::Fifo,
        FileType::CharacterDevice => EntryKind::CharDevice { major, minor },
        FileType::BlockDevice => EntryKind::BlockDevice { major, minor },
        _ => return Ok(None),
    };
    let xattrs = match found.directory {
        Some(fd) => attributes::read(fd)?,
        None => attributes::read_at(found.parent, found.name)?,
    };
    Ok(Some((kind, xattrs)))
}

/// The digest of a whole file, read in pieces.
pub(crate) fn digest_of(
    parent: BorrowedFd<'_>,
    name: &std::ffi::OsStr,
    buffer: &mut [u8],
) -> io::Result<(Digest, OwnedFd)> {
    let file = File::from(open_file(parent, name)?);
    let mut hasher = blake3::Hasher::new();
    let mut at = 0;
    loop {
        let read = read_up_to(&file, buffer, at)?;
        hasher.update(buffer.get(..read).unwrap_or_default());
        at += read as u64;
        if read < buffer.len() {
            return Ok((Digest::from_hasher(&hasher), file.into()));
        }
    }
}

fn read_up_to(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, from + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn entry_size(entry: &Entry) -> u64 {
    match entry.kind {
        EntryKind::File { size, .. } => size,
        _ => 0,
    }
}

impl<W: Write> Visit for Recorder<'_, W> {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error> {
        self.check_cancel()?;
        let seen = &found.inode.seen;
        if found.directory.is_some() && self.refused.contains(&(seen.dev, seen.ino)) {
            return Err(Error::BadPath { path: found.path.to_path_buf(), why: INSIDE });
        }
        if self.wanted.is_some_and(|wanted| !wanted.contains(found.path)) {
            return Ok(());
        }
        match found.inode.kind {
            FileType::RegularFile => self.file(found),
            _ => self.other(found),
        }
    }

    fn skipped(&mut self, path: &Path, why: SkipReason) -> Result<(), Error> {
        self.skipped.push(Skipped { path: path.to_path_buf(), why });
        Ok(())
    }
}

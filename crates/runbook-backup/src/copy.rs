//! Faithful copies of trees.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::attributes;
use crate::durable;
use crate::error::Error;
use crate::extents::{self, Extent};
use crate::inode::Inode;
use crate::manifest::{Attributes, EntryKind};
use crate::mounts::Mounts;
use crate::openat::open_file;
use crate::place::{Metadata, Place, finish};
use crate::recorder::describe;
use crate::spot::Spot;
use crate::tree::{Found, Visit, walk};

/// What was copied or unpacked, or what a sound backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counted {
    /// Regular files, each name counted.
    pub files: u64,
    /// Everything.
    pub entries: u64,
    /// Bytes of content that were read or written.
    pub bytes: u64,
}

/// To whom what is copied belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Givers {
    /// Each entry to whom it belongs where it is copied from, with its ACLs.
    Source,
    /// All to this user and group, or to the caller, with the ACLs that it inherits.
    One(Option<(u32, u32)>),
}

impl Givers {
    /// The owner and the mode of a copy. Who may run a program with the rights of its owner is not for another owner.
    fn of(self, inode: &Inode) -> (Option<(u32, u32)>, u32) {
        const SPECIAL: u32 = 0o6000;
        match self {
            Self::Source => (Some((inode.uid, inode.gid)), inode.mode),
            Self::One(owner) if owner == Some((inode.uid, inode.gid)) => (owner, inode.mode),
            Self::One(owner) => (owner, inode.mode & !SPECIAL),
        }
    }
}

/// Copies a file, link or directory with its modes, owners, times, links, holes and attributes to `to`, which must not
/// exist yet and whose parent must. Durable when it returns; when it fails, what is at `to` is removed.
///
/// Sockets and other file systems inside are left out.
pub fn copy_tree(from: &Path, to: &Path) -> Result<Counted, Error> {
    let (to, from) = (new_place(to)?, Spot::known(from)?);
    if to.real().starts_with(from.real()) {
        return Err(Error::BadPath { path: to.path().to_path_buf(), why: "it is inside what is copied" });
    }
    let mut place = Place::around(&to)?;
    copy_into(&mut place, &from, to.name(), Givers::Source).map_err(|error| undo(error, &to))
}

/// The same, to a new name in an open directory. What was copied before a failure is left there.
pub(crate) fn copy_into(place: &mut Place, from: &Spot, name: &OsStr, givers: Givers) -> Result<Counted, Error> {
    let mut copy = Copy {
        place,
        from: from.path(),
        name,
        givers,
        links: HashMap::new(),
        directories: Vec::new(),
        copied: Counted::default(),
        buffer: vec![0; 1 << 18],
    };
    if !walk(from, &Mounts::read()?, &mut copy)? {
        return Err(Error::io("read", from.path(), Errno::NOENT));
    }
    copy.finish()?;
    Ok(copy.copied)
}

/// The place of a new thing, where nothing is yet.
pub(crate) fn new_place(to: &Path) -> Result<Spot, Error> {
    let spot = Spot::known(to)?;
    match spot.stat()? {
        Some(_) => Err(Error::Exists { path: to.to_path_buf() }),
        None => Ok(spot),
    }
}

pub(crate) fn undo(error: Error, to: &Spot) -> Error {
    // It was not there before. The first error is the one to report.
    let _ = to.remove_own();
    error
}

struct Copy<'a> {
    place: &'a mut Place,
    from: &'a Path,
    name: &'a OsStr,
    givers: Givers,
    links: HashMap<(u64, u64), PathBuf>,
    directories: Vec<(PathBuf, Inode, Attributes)>,
    copied: Counted,
    buffer: Vec<u8>,
}

impl Copy<'_> {
    fn relative(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(self.from) {
            Ok(rest) if !rest.as_os_str().is_empty() => Path::new(self.name).join(rest),
            _ => PathBuf::from(self.name),
        }
    }

    fn file(&mut self, found: &Found<'_>, relative: &Path) -> Result<(), Error> {
        let failed = |error: std::io::Error| Error::io("read", found.path, error);
        let from = File::from(open_file(found.parent, found.name).map_err(|error| failed(error.into()))?);
        let xattrs = attributes::read(from.as_fd()).map_err(failed)?;
        let to = self.place.file(relative)?;
        let path = self.place.path_of(relative);
        let unwritten = |error: std::io::Error| Error::io("write", &path, error);
        let size = found.inode.size;
        let whole = || vec![Extent { start: 0, length: size }];
        let runs = if found.inode.has_holes() { extents::of(from.as_fd(), size) } else { Ok(whole()) };
        for run in runs.map_err(|error| failed(error.into()))? {
            let mut at = run.start;
            while at < run.start + run.length {
                let now = self.buffer.len().min(usize::try_from(run.start + run.length - at).unwrap_or(usize::MAX));
                let chunk = self.buffer.get_mut(..now).unwrap_or_default();
                from.read_exact_at(chunk, at).map_err(failed)?;
                to.write_all_at(chunk, at).map_err(unwritten)?;
                at += now as u64;
            }
        }
        to.set_len(size).map_err(unwritten)?;
        self.copied.files += 1;
        self.copied.bytes += size;
        self.finish_one(to.as_fd(), &path, &found.inode, &xattrs)
    }

    /// Gives a file or a directory its metadata.
    fn finish_one(&self, to: BorrowedFd<'_>, path: &Path, inode: &Inode, xattrs: &Attributes) -> Result<(), Error> {
        let (owner, mode) = self.givers.of(inode);
        let none = Attributes::default();
        let exact = if self.givers == Givers::Source { xattrs } else { &none };
        finish(to, path, &Metadata { mode, owner, mtime: inode.mtime, xattrs: exact })?;
        match self.givers {
            Givers::Source => Ok(()),
            Givers::One(_) => {
                attributes::add_to(to, xattrs).map_err(|error| Error::io("set the attributes of", path, error))
            }
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        for (relative, inode, xattrs) in std::mem::take(&mut self.directories).iter().rev() {
            let fd = self.place.open_directory(relative)?;
            self.finish_one(fd.as_fd(), &self.place.path_of(relative), inode, xattrs)?;
        }
        durable::sync_tree(self.place.fd(), &self.place.path_of(self.name.as_ref()))
    }
}

impl Visit for Copy<'_> {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error> {
        let inode = &found.inode;
        let relative = self.relative(found.path);
        self.copied.entries += 1;
        if inode.links > 1 && inode.kind != FileType::Directory {
            if let Some(first) = self.links.get(&(inode.seen.dev, inode.seen.ino)) {
                return self.place.hard_link(&first.clone(), &relative);
            }
            self.links.insert((inode.seen.dev, inode.seen.ino), relative.clone());
        }
        if inode.kind == FileType::RegularFile {
            return self.file(found, &relative);
        }
        let described = describe(found).map_err(|error| Error::io("read", found.path, error))?;
        let (kind, xattrs) = described.ok_or_else(|| Error::io("read", found.path, Errno::NOENT))?;
        if kind == EntryKind::Directory {
            self.place.directory(&relative)?;
            self.directories.push((relative, *inode, xattrs));
            return Ok(());
        }
        let (owner, mode) = self.givers.of(inode);
        let metadata = Metadata { mode, owner, mtime: inode.mtime, xattrs: &xattrs };
        self.place.other(&relative, &kind, &metadata)
    }
}

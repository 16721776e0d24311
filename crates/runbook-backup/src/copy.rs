//! Faithful copies of trees, and unpacking of archives that others made.
//!
//! An archive from elsewhere is not trusted: no name, link or mode in it reaches anything outside of where it is unpacked.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Gid, Uid};
use rustix::io::Errno;
use tar::EntryType;

use crate::attributes;
use crate::durable;
use crate::error::Error;
use crate::escaped::{name_of, to_path};
use crate::extents::{self, Extent};
use crate::inode::Inode;
use crate::manifest::{Attributes, EntryKind, SkipReason};
use crate::place::{Metadata, Place, finish};
use crate::recorder::describe;
use crate::restore::write_content;
use crate::timestamp::Timestamp;
use crate::tree::{Found, Mounts, Visit, open_file, walk};
use crate::unpack::{Member, Members};

/// What was copied or unpacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Regular files.
    pub files: u64,
    /// Everything.
    pub entries: u64,
    /// Bytes of content.
    pub bytes: u64,
}

/// Copies a file, link or directory with its modes, owners, times, links, holes and attributes to `to`, which must not
/// exist yet and whose parent must. Durable when it returns; when it fails, what is at `to` is removed.
///
/// Sockets and other file systems inside are left out.
pub fn copy_tree(from: &Path, to: &Path) -> Result<Copied, Error> {
    let (mut place, name) = new_place(to)?;
    if to.starts_with(from) {
        return Err(Error::BadPath { path: to.to_path_buf(), why: "it is inside what is copied" });
    }
    copy_into(&mut place, from, name).map_err(|error| undo(error, to))
}

/// The same, to a new name in an open directory. What was copied before a failure is left there.
pub(crate) fn copy_into(place: &mut Place, from: &Path, name: &OsStr) -> Result<Copied, Error> {
    let mut copy = Copy {
        place,
        from,
        name,
        links: HashMap::new(),
        directories: Vec::new(),
        copied: Copied::default(),
        buffer: vec![0; 1 << 18],
    };
    if !walk(from, &Mounts::read(), &mut copy)? {
        return Err(Error::io("read", from, Errno::NOENT));
    }
    copy.finish()?;
    Ok(copy.copied)
}

/// The parent of a new thing, open, and its name there.
fn new_place(to: &Path) -> Result<(Place, &OsStr), Error> {
    if to.symlink_metadata().is_ok() {
        return Err(Error::Exists { path: to.to_path_buf() });
    }
    let name = to.file_name().ok_or_else(|| Error::BadPath { path: to.to_path_buf(), why: "it has no name" })?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((Place::open(parent)?, name))
}

fn undo(error: Error, to: &Path) -> Error {
    // It was not there before. The first error is the one to report.
    let _ = crate::remove::remove_tree(to).or_else(|_| std::fs::remove_file(to));
    error
}

struct Copy<'a> {
    place: &'a mut Place,
    from: &'a Path,
    name: &'a OsStr,
    links: HashMap<(u64, u64), PathBuf>,
    directories: Vec<(PathBuf, Inode, Attributes)>,
    copied: Copied,
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
        let inode = &found.inode;
        let owner = Some((inode.uid, inode.gid));
        finish(to.as_fd(), &path, &Metadata { mode: inode.mode, owner, mtime: inode.mtime, xattrs: &xattrs })
    }

    fn finish(&mut self) -> Result<(), Error> {
        for (relative, inode, xattrs) in self.directories.iter().rev() {
            let owner = Some((inode.uid, inode.gid));
            let metadata = Metadata { mode: inode.mode, owner, mtime: inode.mtime, xattrs };
            self.place.finish_directory(relative, &metadata)?;
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
        let owner = (inode.uid, inode.gid);
        if kind == EntryKind::Directory {
            self.place.directory(&relative)?;
            self.directories.push((relative, *inode, xattrs));
            return Ok(());
        }
        let metadata = Metadata { mode: inode.mode, owner: Some(owner), mtime: inode.mtime, xattrs: &xattrs };
        self.place.other(&relative, &kind, &metadata)
    }

    fn skipped(&mut self, _: &Path, _: SkipReason) -> Result<(), Error> {
        Ok(())
    }
}

/// Unpacks a `.tar`, `.tar.gz`, `.tgz` or `.tar.zst` into the new directory `to`. Durable when it returns; when it
/// fails, `to` is removed.
///
/// Files belong to whoever runs this, and neither setuid bits nor attributes are taken over. An archive with an
/// absolute name, a `..`, a link that points out of `to`, a special file, or a name that goes through a link is refused.
pub fn extract_archive(archive: &Path, to: &Path) -> Result<Copied, Error> {
    let (mut place, name) = new_place(to)?;
    unpack_into(&mut place, archive, name, None).map_err(|error| undo(error, to))
}

/// The same, to a new name in an open directory, and for `owner`, a user and a group, if one is given. What was
/// unpacked before a failure is left there.
pub(crate) fn unpack_into(
    place: &mut Place,
    archive: &Path,
    name: &OsStr,
    owner: Option<(u32, u32)>,
) -> Result<Copied, Error> {
    let failed = |error| Error::io("open", archive, error);
    let file = File::open(archive).map_err(failed)?;
    let mut magic = [0; 4];
    // Shorter files are no archives, and the reader says so.
    let known = file.read_at(&mut magic, 0).map_err(failed)?;
    let input: Box<dyn Read> = match magic.get(..known).unwrap_or_default() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(file).map_err(failed)?),
        _ => Box::new(file),
    };
    let mut members = Members::new(std::io::BufReader::with_capacity(1 << 17, input));
    place.top(name)?;
    let place = place.below(name.as_ref())?;
    let mut unpacking =
        Unpacking { archive, place, owner, made: BTreeSet::new(), directories: Vec::new(), copied: Copied::default() };
    let damaged =
        |error: std::io::Error| Error::ArchiveDamaged { archive: archive.to_path_buf(), why: error.to_string() };
    while let Some(member) = members.next().map_err(damaged)? {
        unpacking.one(&member, &mut members)?;
    }
    unpacking.finish()
}

struct Unpacking<'a> {
    archive: &'a Path,
    place: Place,
    owner: Option<(u32, u32)>,
    /// Every directory, also those that the archive does not list.
    made: BTreeSet<PathBuf>,
    directories: Vec<(PathBuf, u32, Timestamp)>,
    copied: Copied,
}

impl Unpacking<'_> {
    fn refuse<T>(&self, member: &Member, why: &str) -> Result<T, Error> {
        let name = name_of(&member.name).display().to_string();
        Err(Error::Refused { archive: self.archive.to_path_buf(), member: name, why: why.to_owned() })
    }

    fn one<R: Read>(&mut self, member: &Member, members: &mut Members<R>) -> Result<(), Error> {
        let Some(name) = inside(name_of(&member.name).as_ref()) else {
            return self.refuse(member, "its name leads out of the directory");
        };
        let none = Attributes::default();
        let mode = member.mode & 0o755;
        self.copied.entries += 1;
        if name.as_os_str().is_empty() {
            return Ok(());
        }
        let above = name.parent().unwrap_or(Path::new(""));
        self.place.directories(above)?;
        self.made.extend(above.ancestors().filter(|above| !above.as_os_str().is_empty()).map(Path::to_path_buf));
        let metadata = Metadata { mode, owner: self.owner, mtime: member.mtime, xattrs: &none };
        match member.tag {
            EntryType::Directory => {
                self.place.directories(&name)?;
                self.made.insert(name.clone());
                self.directories.push((name, mode | 0o700, member.mtime));
                Ok(())
            }
            EntryType::Regular | EntryType::Continuous => {
                let mut file = self.place.file(&name)?;
                let path = self.place.path_of(&name);
                write_content(&mut file, members, member, self.archive, &path, &|| false)?;
                file.flush().map_err(|error| Error::io("write", &path, error))?;
                self.copied.files += 1;
                self.copied.bytes += member.size;
                finish(file.as_fd(), &path, &metadata)
            }
            EntryType::Symlink => {
                let target = to_path(member.link.clone());
                let from_top = name.parent().unwrap_or(Path::new("")).join(&target);
                if !climbs_first(&target) || inside(&from_top).is_none() {
                    return self.refuse(member, "it is a link that points out of the directory");
                }
                self.place.other(&name, &EntryKind::Symlink { target }, &metadata)
            }
            EntryType::Link => match inside(name_of(&member.link).as_ref()) {
                Some(first) => self.place.hard_link(&first, &name),
                None => self.refuse(member, "it is a link that points out of the directory"),
            },
            _ => self.refuse(member, "it is a special file"),
        }
    }

    fn finish(mut self) -> Result<Copied, Error> {
        let none = Attributes::default();
        if let Some((uid, gid)) = self.owner {
            for directory in &self.made {
                self.place.own(directory, (uid, gid))?;
            }
            let given = rustix::fs::fchown(self.place.fd(), Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            given.map_err(|error| Error::io("set the owner of", &self.place.path_of(Path::new("")), error))?;
        }
        for (name, mode, mtime) in self.directories.iter().rev() {
            let metadata = Metadata { mode: *mode, owner: self.owner, mtime: *mtime, xattrs: &none };
            self.place.finish_directory(name, &metadata)?;
        }
        durable::sync_tree(self.place.fd(), &self.place.path_of(Path::new("")))?;
        Ok(self.copied)
    }
}

/// A relative name without `.` and `..`, when it stays inside of where it starts.
fn inside(name: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

/// Whether every `..` of a link's target comes before any name: after a name that is itself a link, it leads elsewhere.
fn climbs_first(target: &Path) -> bool {
    let mut rest = target.components().skip_while(|part| *part == Component::ParentDir);
    rest.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

//! Archives that others made: what they hold, and unpacking them.
//!
//! An archive from elsewhere is not trusted: no name, link or mode in it reaches anything outside of where it is unpacked.
//! One judgement of each member serves both, so that what would be refused is known before anything is unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Gid, Uid};
use tar::EntryType;

use crate::content::write_content;
use crate::copy::{Counted, new_place, undo};
use crate::durable;
use crate::error::Error;
use crate::escaped::{name_of, to_path};
use crate::manifest::{Attributes, EntryKind};
use crate::place::{Metadata, Place, finish};
use crate::timestamp::Timestamp;
use crate::unpack::{Member, Members, Piece};

/// One entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packed {
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
    Symlink(PathBuf),
}

/// What the archive holds that `input` reads, by names below the place where it is unpacked. `archive` is its name in errors.
///
/// Whatever [`extract_archive`] refuses is refused here. Of a name that comes twice, the last one counts.
pub fn list_archive(input: impl Read + Seek + 'static, archive: &Path) -> Result<BTreeMap<PathBuf, Packed>, Error> {
    let mut members = open_members(input, archive)?;
    let mut listing = BTreeMap::new();
    while let Some(member) = members.next().map_err(|error| damaged(archive, &error))? {
        let Some(Asked { name, what }) = judged(archive, &member)? else { continue };
        for above in name.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            listing.entry(above.to_path_buf()).or_insert(Packed::Directory);
        }
        let packed = match what {
            What::Directory => Packed::Directory,
            What::Symlink(target) => Packed::Symlink(target),
            What::HardLink(first) => match listing.get(&first) {
                Some(packed @ (Packed::File { .. } | Packed::Symlink(_))) => packed.clone(),
                _ => return refuse(archive, &member, "it is a link to what does not come before it"),
            },
            What::File => {
                let mut hasher = blake3::Hasher::new();
                let read = members.content::<io::Error>(&member, |piece| {
                    match piece {
                        Piece::Data(bytes) => drop(hasher.update(bytes)),
                        Piece::Hole(length) => crate::digest::update_zeros(&mut hasher, length),
                    }
                    Ok(())
                });
                read.map_err(|error| damaged(archive, &error))?;
                Packed::File { digest: hasher.finalize(), executable: member.mode & 0o100 != 0 }
            }
        };
        listing.insert(name, packed);
    }
    Ok(listing)
}

fn open_members(
    mut input: impl Read + Seek + 'static,
    archive: &Path,
) -> Result<Members<io::BufReader<Box<dyn Read>>>, Error> {
    let failed = |error| Error::io("read", archive, error);
    let mut magic = Vec::new();
    // Shorter files are no archives, and the reader says so.
    input.by_ref().take(4).read_to_end(&mut magic).map_err(failed)?;
    input.rewind().map_err(failed)?;
    let input: Box<dyn Read> = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(input)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(input).map_err(failed)?),
        _ => Box::new(input),
    };
    Ok(Members::new(io::BufReader::with_capacity(1 << 17, input)))
}

fn damaged(archive: &Path, error: &io::Error) -> Error {
    Error::NoArchive { archive: archive.to_path_buf(), why: error.to_string() }
}

fn refuse<T>(archive: &Path, member: &Member, why: &str) -> Result<T, Error> {
    let name = name_of(&member.name).display().to_string();
    Err(Error::Refused { archive: archive.to_path_buf(), member: name, why: why.to_owned() })
}

/// What a member asks for, once it is known to stay inside.
struct Asked {
    name: PathBuf,
    what: What,
}

enum What {
    Directory,
    File,
    Symlink(PathBuf),
    HardLink(PathBuf),
}

/// `None` for the directory itself.
fn judged(archive: &Path, member: &Member) -> Result<Option<Asked>, Error> {
    const OUT: &str = "it is a link that points out of the directory";
    let refused = |why: &str| refuse(archive, member, why);
    let Some(name) = inside(name_of(&member.name).as_ref()) else {
        return match member.name.first() {
            Some(b'/') => refused("its name is absolute; pack the artifact with names that begin at its own directory"),
            _ => refused("its name leads out of the directory"),
        };
    };
    let what = match member.tag {
        EntryType::Directory => What::Directory,
        EntryType::Regular | EntryType::Continuous => What::File,
        EntryType::Symlink => {
            let target = to_path(member.link.clone());
            let from_top = name.parent().unwrap_or(Path::new("")).join(&target);
            if !climbs_first(&target) || inside(&from_top).is_none() {
                return refused(OUT);
            }
            What::Symlink(target)
        }
        EntryType::Link => match inside(name_of(&member.link).as_ref()) {
            Some(first) => What::HardLink(first),
            None => return refused(OUT),
        },
        EntryType::Char | EntryType::Block => return refused("it is a device; leave it out of the archive"),
        EntryType::Fifo => return refused("it is a named pipe; leave it out of the archive"),
        tag if tag.as_byte() == b'M' => {
            return refused("it goes on from another volume; pack the artifact as one archive");
        }
        _ => return refused("it is neither a file, a directory nor a link"),
    };
    if name.as_os_str().is_empty() {
        return match what {
            What::Directory => Ok(None),
            _ => refused("it has no name of its own"),
        };
    }
    Ok(Some(Asked { name, what }))
}

/// Unpacks a `.tar`, `.tar.gz`, `.tgz` or `.tar.zst` into the new directory `to`. Durable when it returns; when it
/// fails, `to` is removed.
///
/// Files belong to the caller, and neither setuid bits nor attributes are taken over. An archive with an
/// absolute name, a `..`, a link that points out of `to`, a special file, or a name that goes through a link is refused.
pub fn extract_archive(archive: &Path, to: &Path) -> Result<Counted, Error> {
    let to = new_place(to)?;
    let mut place = Place::around(&to)?;
    unpack_into(&mut place, archive, to.name(), None).map_err(|error| undo(error, &to))
}

/// The same, to a new name in an open directory, and for `owner`, a user and a group, if one is given. What was
/// unpacked before a failure is left there.
pub(crate) fn unpack_into(
    place: &mut Place,
    archive: &Path,
    name: &OsStr,
    owner: Option<(u32, u32)>,
) -> Result<Counted, Error> {
    let file = File::open(archive).map_err(|error| Error::io("open", archive, error))?;
    let mut members = open_members(file, archive)?;
    place.top(name)?;
    let place = place.below(name.as_ref())?;
    let mut unpacking = Unpacking {
        archive,
        place,
        owner,
        made: BTreeSet::new(),
        named: BTreeSet::new(),
        directories: Vec::new(),
        copied: Counted::default(),
    };
    while let Some(member) = members.next().map_err(|error| damaged(archive, &error))? {
        unpacking.one(&member, &mut members)?;
    }
    unpacking.finish()
}

/// The mode of a directory that an archive has files in and does not list.
const UNLISTED: u32 = 0o755;

struct Unpacking<'a> {
    archive: &'a Path,
    place: Place,
    owner: Option<(u32, u32)>,
    /// Every directory, also those that the archive does not list.
    made: BTreeSet<PathBuf>,
    /// Every file and link.
    named: BTreeSet<PathBuf>,
    directories: Vec<(PathBuf, u32, Timestamp)>,
    copied: Counted,
}

impl Unpacking<'_> {
    fn one<R: Read>(&mut self, member: &Member, members: &mut Members<R>) -> Result<(), Error> {
        self.copied.entries += 1;
        let Some(Asked { name, what }) = judged(self.archive, member)? else { return Ok(()) };
        let none = Attributes::default();
        let mode = member.mode & 0o755;
        let above = name.parent().unwrap_or(Path::new(""));
        self.place.directories(above)?;
        self.made.extend(above.ancestors().filter(|above| !above.as_os_str().is_empty()).map(Path::to_path_buf));
        let metadata = Metadata { mode, owner: self.owner, mtime: member.mtime, xattrs: &none };
        // An archive that was appended to has the older one first.
        if !matches!(what, What::Directory) && !self.named.insert(name.clone()) {
            self.place.remove(&name)?;
        }
        match what {
            What::Directory => {
                self.place.directories(&name)?;
                self.made.insert(name.clone());
                self.directories.push((name, mode | 0o700, member.mtime));
                Ok(())
            }
            What::File => {
                let mut file = self.place.file(&name)?;
                let path = self.place.path_of(&name);
                write_content(&mut file, members, member, self.archive, &path, &|| false)?;
                file.flush().map_err(|error| Error::io("write", &path, error))?;
                self.copied.files += 1;
                self.copied.bytes += member.size;
                finish(file.as_fd(), &path, &metadata)
            }
            What::Symlink(target) => self.place.other(&name, &EntryKind::Symlink { target }, &metadata),
            What::HardLink(first) => self.place.hard_link(&first, &name),
        }
    }

    fn finish(mut self) -> Result<Counted, Error> {
        let none = Attributes::default();
        if let Some((uid, gid)) = self.owner {
            for directory in &self.made {
                self.place.own(directory, (uid, gid))?;
            }
            let given = rustix::fs::fchown(self.place.fd(), Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            given.map_err(|error| Error::io("set the owner of", &self.place.path_of(Path::new("")), error))?;
        }
        let listed: BTreeSet<&PathBuf> = self.directories.iter().map(|(name, ..)| name).collect();
        let now = Timestamp::now();
        // Inner ones before outer ones.
        for name in self.made.iter().rev().filter(|name| !listed.contains(name)) {
            let metadata = Metadata { mode: UNLISTED, owner: self.owner, mtime: now, xattrs: &none };
            self.place.finish_directory(name, &metadata)?;
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

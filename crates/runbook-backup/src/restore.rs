//! Puts a path back as it was: unpacked beside it, checked entry by entry, exchanged in one rename. `staging.rs` does the latter.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};

use crate::backup::{Backup, Stop, agrees};
use crate::compare::{differences, first_names};
use crate::digest::{Digest, update_zeros};
use crate::durable;
use crate::error::Error;
use crate::manifest::{Entry, EntryKind};
use crate::place::{Metadata, Place, finish, set_mtime};
use crate::staging::{NEW, Staging, finish_interrupted};
use crate::stream;
use crate::tree::Mounts;
use crate::unpack::{Member, Members, Piece};

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// Everything was as in the manifest already, and nothing was touched.
    pub identical: bool,
    /// Entries that are now in place, each checked against the manifest.
    pub entries: u64,
    /// Regular files among them.
    pub files: u64,
    /// Bytes of their content.
    pub bytes: u64,
    /// Where what was replaced is now. None when nothing was there.
    pub replaced: Option<PathBuf>,
}

impl Backup {
    /// Puts a root, or any path below one, back as it was.
    ///
    /// The copy is unpacked beside the path, compared with the manifest entry by entry, made durable, and put in place in
    /// one rename: interrupted at any point, either the original or the complete copy is there. What it replaces goes
    /// into the directory `aside` (see [`set_aside`](crate::set_aside)), never away. Where nothing was at the time of the
    /// backup, what is there now is set aside. A second call finds everything identical.
    pub fn restore(&self, path: &Path, aside: &Path, cancel: &dyn Fn() -> bool) -> Result<Restored, Error> {
        let path = self.covered(path)?;
        if aside.starts_with(&path) {
            return Err(Error::BadPath { path: aside.to_path_buf(), why: "it is inside what will be set aside" });
        }
        if self.dir().starts_with(&path) {
            return Err(Error::BadPath { path, why: "the backup itself is inside it" });
        }
        let mut replaced = finish_interrupted(&path, aside)?;
        let entries = self.manifest().subtree(&path);
        let identical = differences(entries, &path, &path, cancel)?.is_empty();
        if !identical {
            if let Some(mount) = Mounts::read().below(&path) {
                return Err(Error::MountPoint { path, mount: mount.to_path_buf() });
            }
            let now = if entries.is_empty() {
                crate::exchange::set_aside(&path, aside)?
            } else {
                self.replace(entries, &path, aside, cancel)?
            };
            replaced = now.or(replaced);
        }
        self.put_back_parent_time(&path)?;
        let sizes = entries.iter().filter_map(|entry| match entry.kind {
            EntryKind::File { size, .. } => Some(size),
            _ => None,
        });
        Ok(Restored {
            identical,
            entries: entries.len() as u64,
            files: sizes.clone().count() as u64,
            bytes: sizes.sum(),
            replaced,
        })
    }

    fn replace(
        &self,
        entries: &[Entry],
        path: &Path,
        aside: &Path,
        cancel: &dyn Fn() -> bool,
    ) -> Result<Option<PathBuf>, Error> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(parent).map_err(|error| Error::io("create", parent, error))?;
        let mut staging = Staging::beside(path)?;
        if let Err(error) = self.stage(entries, path, &mut staging, cancel) {
            // The first error is the one to report; a later call removes what is left.
            let _ = staging.discard();
            let needed = entries.iter().map(|entry| size_of(entry) + 4096).sum();
            let full = error.is_no_space();
            let free = durable::free_space(parent);
            return Err(if full { Error::NoSpace { path: parent.to_path_buf(), needed, free } } else { error });
        }
        staging.put_in_place(aside)
    }

    /// Unpacks into the staging directory, and checks it.
    fn stage(
        &self,
        entries: &[Entry],
        path: &Path,
        staging: &mut Staging,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let new = staging.new_path();
        let place = &mut staging.place;
        let mut stage = Stage { backup: self, entries, path, place, cancel, first: first_names(entries) };
        stage.directories()?;
        stage.files()?;
        stage.links()?;
        stage.finish_directories()?;
        match differences(entries, path, &new, cancel)?.into_iter().next() {
            Some(difference) => Err(Error::Unfaithful { path: difference.path, what: difference.what.to_string() }),
            None => Ok(()),
        }
    }

    /// The parent's own time, when the backup knows it: putting something in place changed it.
    fn put_back_parent_time(&self, path: &Path) -> Result<(), Error> {
        let Some(entry) = path.parent().and_then(|parent| self.manifest().entry(parent)) else { return Ok(()) };
        if entry.kind != EntryKind::Directory {
            return Ok(());
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let set = rustix::fs::openat(CWD, &entry.path, flags, Mode::empty()).and_then(|fd| set_mtime(fd, entry.mtime));
        set.map_err(|error| Error::io("set the time of", &entry.path, error))
    }
}

fn size_of(entry: &Entry) -> u64 {
    match (&entry.kind, &entry.hard_link_to) {
        (EntryKind::File { size, .. }, None) => *size,
        _ => 0,
    }
}

struct Stage<'a> {
    backup: &'a Backup,
    entries: &'a [Entry],
    path: &'a Path,
    place: &'a mut Place,
    cancel: &'a dyn Fn() -> bool,
    /// For files with several names: by the name that the archive has, the first one that is restored.
    first: HashMap<&'a Path, &'a Path>,
}

impl<'a> Stage<'a> {
    fn relative(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(self.path) {
            Ok(rest) if !rest.as_os_str().is_empty() => Path::new(NEW).join(rest),
            _ => PathBuf::from(NEW),
        }
    }

    /// The name under which a file is made; others are links to it.
    fn first_name(&self, entry: &'a Entry) -> &'a Path {
        let archived = entry.hard_link_to.as_deref().unwrap_or(&entry.path);
        self.first.get(archived).copied().unwrap_or(&entry.path)
    }

    fn check_cancel(&self) -> Result<(), Error> {
        if (self.cancel)() { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn directories(&mut self) -> Result<(), Error> {
        for entry in self.entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
            self.check_cancel()?;
            self.place.directory(&self.relative(&entry.path))?;
        }
        Ok(())
    }

    /// Inner ones before outer ones: making an entry changes the time of its directory.
    fn finish_directories(&mut self) -> Result<(), Error> {
        for entry in self.entries.iter().rev().filter(|entry| entry.kind == EntryKind::Directory) {
            self.place.finish_directory(&self.relative(&entry.path), &Metadata::from(entry))?;
        }
        Ok(())
    }

    fn links(&mut self) -> Result<(), Error> {
        for entry in self.entries.iter().filter(|entry| entry.kind != EntryKind::Directory) {
            let first = self.first_name(entry);
            if first != entry.path {
                self.place.hard_link(&self.relative(first), &self.relative(&entry.path))?;
            } else if !matches!(entry.kind, EntryKind::File { .. }) {
                self.place.other(&self.relative(&entry.path), &entry.kind, &Metadata::from(entry))?;
            }
        }
        Ok(())
    }

    fn files(&mut self) -> Result<(), Error> {
        let manifest = self.backup.manifest();
        let mut wanted: HashMap<(u32, u64), (&Entry, &Entry)> = HashMap::new();
        for entry in self.entries {
            if !matches!(entry.kind, EntryKind::File { .. }) || self.first_name(entry) != entry.path {
                continue;
            }
            // The content is with the file's first name, which may be outside of what is restored.
            let archived = entry.hard_link_to.as_ref().map_or(Some(entry), |first| manifest.entry(first));
            let archived = archived.ok_or_else(|| Error::ManifestDamaged {
                path: self.backup.dir().join(crate::manifest::MANIFEST),
                why: format!("{} is a further name of a file that is not there", entry.path.display()),
            })?;
            wanted.insert((archived.archive, archived.member), (archived, entry));
        }
        for (number, archive) in (0u32..).zip(&manifest.archives) {
            let mut left = wanted.keys().filter(|(archive, _)| *archive == number).count();
            if left == 0 {
                continue;
            }
            let path = self.backup.dir().join(&archive.file);
            let damaged = |why: String| Error::ArchiveDamaged { archive: path.clone(), why };
            stream::members(&path, |members| {
                while left > 0 {
                    self.check_cancel()?;
                    let member = members.next().map_err(|error| damaged(error.to_string()))?;
                    let member = member.ok_or_else(|| damaged(format!("{left} files are missing from it")))?;
                    let Some((archived, entry)) = wanted.get(&(number, member.index)) else { continue };
                    agrees(&member, archived).map_err(damaged)?;
                    self.file(members, &member, entry, &path)?;
                    left -= 1;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn file<R: io::Read>(
        &mut self,
        members: &mut Members<R>,
        member: &Member,
        entry: &Entry,
        archive: &Path,
    ) -> Result<(), Error> {
        let relative = self.relative(&entry.path);
        let mut file = self.place.file(&relative)?;
        let digest = write_content(&mut file, members, member, archive, &self.place.path_of(&relative), self.cancel)?;
        if !matches!(&entry.kind, EntryKind::File { blake3, .. } if *blake3 == digest) {
            let why = format!("the content of {} has digest {digest}, not the manifest's", entry.path.display());
            return Err(Error::ArchiveDamaged { archive: archive.to_path_buf(), why });
        }
        finish(file.as_fd(), &entry.path, &Metadata::from(entry))
    }
}

/// Writes a member's content to a new file, leaving holes where it had them.
pub(crate) fn write_content<R: io::Read>(
    file: &mut File,
    members: &mut Members<R>,
    member: &Member,
    archive: &Path,
    path: &Path,
    cancel: &dyn Fn() -> bool,
) -> Result<Digest, Error> {
    let mut hasher = blake3::Hasher::new();
    let failed = |error: io::Error| Stop::Failed(Error::io("write", path, error));
    let mut ends_in_hole = false;
    let written = members.content(member, |piece| {
        match piece {
            Piece::Data(bytes) => {
                hasher.update(bytes);
                file.write_all(bytes).map_err(failed)?;
            }
            Piece::Hole(length) => {
                update_zeros(&mut hasher, length);
                let length = i64::try_from(length).unwrap_or(i64::MAX);
                file.seek(SeekFrom::Current(length)).map_err(failed)?;
            }
        }
        ends_in_hole = matches!(piece, Piece::Hole(_));
        if cancel() { Err(Stop::Cancelled) } else { Ok(()) }
    });
    written.map_err(|stop| stop.within(archive, member))?;
    if ends_in_hole {
        file.set_len(member.size).map_err(|error| Error::io("write", path, error))?;
    }
    Ok(Digest::from_hasher(&hasher))
}

//! Puts a path back as it was: unpacked beside it, checked entry by entry, exchanged in one rename. `staging.rs` does the latter.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::aside::set_aside_at;
use crate::backup::{Backup, Covered, agrees, on_its_ground};
use crate::closed::Replaced;
use crate::compare::{self, differences, first_names};
use crate::content::write_content;
use crate::durable;
use crate::error::Error;
use crate::flags;
use crate::inode::Inode;
use crate::manifest::{Entry, EntryKind};
use crate::mounts::Mounts;
use crate::openat::{open_directory, open_file};
use crate::place::{Metadata, Place, finish, set_mtime};
use crate::spot::Spot;
use crate::staging::{NEW, Staging, finish_interrupted_at};
use crate::stream;
use crate::unpack::{Member, Members};

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
    pub replaced: Option<Replaced>,
}

impl Backup {
    /// Puts a root, or any path below one, back as it was.
    ///
    /// The copy is unpacked beside the path, compared with the manifest entry by entry, made durable, and put in place in
    /// one rename: interrupted at any point, either the original or the complete copy is there. What it replaces goes
    /// into the directory `aside` (see [`set_aside`](crate::set_aside)), never away. Where nothing was at the time of the
    /// backup, what is there now is set aside. A second call finds everything identical.
    pub fn restore(&self, path: &Path, aside: &Path, cancel: &dyn Fn() -> bool) -> Result<Restored, Error> {
        let Covered { name: path, root, real } = self.place_of(path)?;
        let entries = self.manifest().subtree(&path);
        // Where nothing was and no directory is that could hold something, there is nothing to move away.
        let spot = match entries.first() {
            Some(_) => Some(Spot::making(&path, 0o755)?),
            None => Spot::find(&path)?,
        };
        let Some(spot) = spot else { return Ok(restored(entries, true, None)) };
        if spot.real() != real {
            let (then, now) = (real.display(), spot.real().display());
            return Err(self.not_covered(&path, format!("it led to {then} then and leads to {now} now")));
        }
        on_its_ground(root, &spot)?;
        self.is_outside(&spot, aside)?;
        let mut replaced = finish_interrupted_at(&spot, aside)?;
        let identical = differences(entries, &path, &spot, compare::Stage::InPlace, cancel)?.is_empty();
        if !identical {
            Mounts::refuse_below(&spot)?;
            let now = if entries.is_empty() {
                set_aside_at(&spot, aside)?.map(Replaced::kept)
            } else {
                self.replace(entries, &spot, aside, cancel)?
            };
            replaced = now.or(replaced);
            self.is_there(entries, &path, &spot)?;
        }
        self.restore_parent_time(&path, &spot)?;
        spot.still_there()?;
        Ok(restored(entries, identical, replaced))
    }

    /// Neither the backup nor what is set aside may be in what is replaced, whatever the names say.
    fn is_outside(&self, spot: &Spot, aside: &Path) -> Result<(), Error> {
        let refused = |path: &Path, why| Err(Error::BadPath { path: path.to_path_buf(), why });
        if aside.starts_with(spot.path()) || spot.holds(aside)? {
            return refused(aside, "it is inside what will be set aside");
        }
        if self.dir().starts_with(spot.path()) || spot.holds(self.dir())? {
            return refused(spot.path(), "the backup itself is inside it");
        }
        Ok(())
    }

    /// What can be set only now is set: the time of the directory, which the exchange changes on some file systems, and
    /// flags. The entry is looked at once more where it is now.
    fn is_there(&self, entries: &[Entry], path: &Path, spot: &Spot) -> Result<(), Error> {
        let Some(top) = entries.first() else { return Ok(()) };
        if top.kind == EntryKind::Directory {
            let failed = |error| Error::io("set the time of", path, error);
            let dir = open_directory(spot.fd(), spot.name()).map_err(failed)?;
            set_mtime(&dir, top.mtime).map_err(failed)?;
        }
        set_flags(entries, path, spot)?;
        let now = spot.stat()?.map(|stat| Inode::new(&stat));
        match now {
            Some(now) if now.mtime == top.mtime && (now.uid, now.gid) == (top.uid, top.gid) => Ok(()),
            _ => {
                Err(Error::Unfaithful { path: path.to_path_buf(), what: "its time or owner, once in place".to_owned() })
            }
        }
    }

    fn replace(
        &self,
        entries: &[Entry],
        spot: &Spot,
        aside: &Path,
        cancel: &dyn Fn() -> bool,
    ) -> Result<Option<Replaced>, Error> {
        let mut staging = Staging::beside_spot(spot.beside(spot.name())?)?;
        if let Err(error) = self.stage(entries, spot.path(), &mut staging, cancel) {
            // The first error is the one to report; a later call removes what is left.
            let _ = staging.discard();
            let needed = entries.iter().map(|entry| size_of(entry) + 4096).sum();
            let full = error.is_no_space();
            let path = spot.parent().to_path_buf();
            let free = durable::free_space_at(spot.fd());
            return Err(if full { Error::NoSpace { path, needed, free } } else { error });
        }
        // One that may not be changed may not be moved aside either.
        if let Ok(fd) = open_file(spot.fd(), spot.name()) {
            flags::unlock(fd).map_err(|error| Error::io("take the flags off", spot.path(), error))?;
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
        let new = staging.new_spot()?;
        let place = &mut staging.place;
        let mut stage = Stage { backup: self, entries, path, place, cancel, first: first_names(entries) };
        stage.directories()?;
        stage.files()?;
        stage.links()?;
        stage.finish_directories()?;
        match differences(entries, path, &new, compare::Stage::Unflagged, cancel)?.into_iter().next() {
            Some(difference) => Err(Error::Unfaithful { path: difference.path, what: difference.what.to_string() }),
            None => Ok(()),
        }
    }

    /// The parent's own time, when the backup knows it: putting something in place changed it.
    fn restore_parent_time(&self, path: &Path, spot: &Spot) -> Result<(), Error> {
        let Some(entry) = path.parent().and_then(|parent| self.manifest().entry(parent)) else { return Ok(()) };
        if entry.kind != EntryKind::Directory {
            return Ok(());
        }
        set_mtime(spot.fd(), entry.mtime).map_err(|error| Error::io("set the time of", &entry.path, error))
    }
}

/// Sets what refuses every further change, so it is set when nothing is to be changed any more.
fn set_flags(entries: &[Entry], path: &Path, spot: &Spot) -> Result<(), Error> {
    let mut place = Place::around(spot)?;
    for entry in entries.iter().rev().filter(|entry| entry.flags != 0 && entry.hard_link_to.is_none()) {
        let rest = entry.path.strip_prefix(path).unwrap_or(Path::new(""));
        let relative: PathBuf = Path::new(spot.name()).join(rest).components().collect();
        place.set_flags(&relative, entry.flags)?;
    }
    Ok(())
}

fn restored(entries: &[Entry], identical: bool, replaced: Option<Replaced>) -> Restored {
    let sizes = entries.iter().filter_map(|entry| match entry.kind {
        EntryKind::File { size, .. } => Some(size),
        _ => None,
    });
    let (files, bytes) = (sizes.clone().count() as u64, sizes.sum());
    Restored { identical, entries: entries.len() as u64, files, bytes, replaced }
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

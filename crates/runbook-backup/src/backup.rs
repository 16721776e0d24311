//! An existing backup: what it covers, whether its archives are sound, and how a tree differs from it.
//!
//! Putting it back is `restore.rs`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tar::EntryType;

use crate::compare::{Change, Difference, Stage, differences};
use crate::content::content_digest;
use crate::copy::Counted;
use crate::error::Error;
use crate::escaped::{bytes_of, name_of};
use crate::ground::Ground;
use crate::limit::Limit;
use crate::manifest::{Entry, EntryKind, Manifest, Root};
use crate::mounts::Mounts;
use crate::pack::member_name;
use crate::plain_path::not_plain;
use crate::spot::{Spot, real};
use crate::stream;
use crate::unpack::{Member, Members};

/// A complete backup in its directory.
#[derive(Debug, Clone)]
pub struct Backup {
    dir: PathBuf,
    manifest: Manifest,
}

/// A path that a backup knows.
pub(crate) struct Covered<'a> {
    /// As the manifest names it.
    pub(crate) name: PathBuf,
    pub(crate) root: &'a Root,
    /// With the links above it followed.
    pub(crate) real: PathBuf,
}

impl Backup {
    /// Reads the manifest. Without a complete and unaltered one, there is no backup.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Ok(Self { dir: dir.to_path_buf(), manifest: Manifest::read(dir)? })
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The paths that it was asked to hold.
    #[must_use]
    pub fn roots(&self) -> &[Root] {
        &self.manifest.roots
    }

    /// Whether it knows what was at the path, absence included. What it left out it does not know.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        self.check_covers(path).is_ok()
    }

    /// The same, and an error that says why not.
    pub fn check_covers(&self, path: &Path) -> Result<(), Error> {
        self.place_of(path).map(drop)
    }

    /// The name under which [`restore`](Self::restore) puts the path back, for keeping until then. An error where it is
    /// not covered, or where a mounted file system at or below it would refuse to be exchanged.
    pub fn restorable(&self, path: &Path) -> Result<PathBuf, Error> {
        let Covered { name, root, .. } = self.place_of(path)?;
        let Some(spot) = Spot::find(&name)? else { return Ok(name) };
        on_its_ground(root, &spot)?;
        Mounts::refuse_below(&spot)?;
        Ok(name)
    }

    /// The path in the form that the manifest uses, when it is covered, its root, and where it was.
    ///
    /// Links above the path are followed, for a name says little about where it leads. The backup knows a path when
    /// nothing but directories was between it and its root: below a link it has nothing, and below a mount point neither.
    pub(crate) fn place_of(&self, path: &Path) -> Result<Covered<'_>, Error> {
        if let Some(why) = not_plain(path) {
            return Err(Error::BadPath { path: path.to_path_buf(), why });
        }
        let refused = |why: String| self.not_covered(path, why);
        let found = real(path)?;
        let roots = self.manifest.roots.iter().filter(|root| found.starts_with(&root.real));
        let root = roots.max_by_key(|root| root.real.as_os_str().len());
        let root = root.ok_or_else(|| refused("no path of it leads there".to_owned()))?;
        let now = real(&root.path)?;
        if now != root.real {
            let (then, now) = (root.real.display(), now.display());
            return Err(refused(format!("{} led to {then} then and leads to {now} now", root.path.display())));
        }
        let rest = found.strip_prefix(&root.real).map_err(|_| refused("no path of it leads there".to_owned()))?;
        let name: PathBuf = root.path.join(rest).components().collect();
        match self.manifest.hidden_by(root, &name) {
            Some(why) => Err(refused(why)),
            None => Ok(Covered { name, root, real: found }),
        }
    }

    pub(crate) fn not_covered(&self, path: &Path, why: String) -> Error {
        Error::NotCovered { path: path.to_path_buf(), dir: self.dir.clone(), why }
    }

    /// What of a path and of everything below it a restore cannot bring back as it was.
    #[must_use]
    pub fn limits(&self, path: &Path) -> Vec<Limit> {
        self.place_of(path).map_or_else(|_| Vec::new(), |covered| self.manifest.limits_below(&covered.name))
    }

    /// How a covered path differs now from what it was; empty when every byte, mode, owner, time, attribute and link is
    /// as it was. Differences are in the order of their paths.
    pub fn compare(&self, path: &Path) -> Result<Vec<Difference>, Error> {
        let Covered { name, root, .. } = self.place_of(path)?;
        let entries = self.manifest.subtree(&name);
        let missing = |entry: &Entry| Difference { path: entry.path.clone(), what: Change::Missing };
        let Some(spot) = Spot::find(&name)? else { return Ok(entries.iter().map(missing).collect()) };
        on_its_ground(root, &spot)?;
        differences(entries, &name, &spot, Stage::InPlace, &|| false)
    }

    /// Reads every archive to its end and compares every member with the manifest.
    pub fn verify(&self, cancel: &dyn Fn() -> bool) -> Result<Counted, Error> {
        let mut verified = Counted { entries: self.manifest.entries.len() as u64, files: 0, bytes: 0 };
        for (number, _) in (0u32..).zip(&self.manifest.archives) {
            let read = self.verify_archive(number, cancel)?;
            verified.files += read.files;
            verified.bytes += read.bytes;
        }
        Ok(verified)
    }

    /// The same for one archive, by its place in the manifest.
    pub(crate) fn verify_archive(&self, number: u32, cancel: &dyn Fn() -> bool) -> Result<Counted, Error> {
        let of_archive = |entry: &&Entry| entry.archive == number;
        let mut expected: HashMap<u64, &Entry> =
            self.manifest.entries.iter().filter(of_archive).map(|entry| (entry.member, entry)).collect();
        let mut verified = Counted { entries: expected.len() as u64, files: 0, bytes: 0 };
        let Some(archive) = self.manifest.archives.get(number as usize) else { return Ok(verified) };
        let path = self.dir.join(&archive.file);
        let damaged = |why: String| Error::ArchiveDamaged { archive: path.clone(), why };
        let (members, compressed) = stream::members(&path, |members| {
            let mut count = 0;
            while let Some(member) = members.next().map_err(|error| damaged(error.to_string()))? {
                if cancel() {
                    return Err(Error::Cancelled);
                }
                count += 1;
                match expected.remove(&member.index) {
                    Some(entry) => {
                        agrees(&member, entry).map_err(damaged)?;
                        self.verify_content(members, &member, entry, &path, &mut verified, cancel)?;
                    }
                    None => self.superseded(&member, number).map_err(damaged)?,
                }
            }
            Ok(count)
        })?;
        if let Some(entry) = expected.values().min_by_key(|entry| entry.member) {
            return Err(damaged(format!("{} is missing from it", entry.path.display())));
        }
        match compressed {
            Some(whole) if (whole.bytes, whole.digest, members) == (archive.bytes, archive.blake3, archive.members) => {
                Ok(verified)
            }
            Some(whole) if whole.bytes != archive.bytes => {
                Err(damaged(format!("it has {} bytes instead of {}", whole.bytes, archive.bytes)))
            }
            Some(_) => Err(damaged("its digest is not the one in the manifest".to_owned())),
            None => Err(damaged("its end cannot be decompressed".to_owned())),
        }
    }

    fn verify_content<R: std::io::Read>(
        &self,
        members: &mut Members<R>,
        member: &Member,
        entry: &Entry,
        archive: &Path,
        verified: &mut Counted,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let EntryKind::File { blake3, .. } = &entry.kind else { return Ok(()) };
        verified.files += 1;
        if entry.hard_link_to.is_some() {
            return Ok(());
        }
        let digest = content_digest(members, member, archive, cancel)?;
        verified.bytes += member.size;
        if digest == *blake3 {
            return Ok(());
        }
        let why = format!("the content of {} has digest {digest} instead of {blake3}", entry.path.display());
        Err(Error::ArchiveDamaged { archive: archive.to_path_buf(), why })
    }

    /// A member that no entry names must be an earlier state of one: copied again, or gone at a later pass.
    fn superseded(&self, member: &Member, archive: u32) -> Result<(), String> {
        let mut path = b"/".to_vec();
        path.extend_from_slice(member.name.strip_suffix(b"/").unwrap_or(&member.name));
        let path = Path::new(name_of(&path));
        let newer = |entry: &Entry| (entry.archive, entry.member) > (archive, member.index);
        let later = self.manifest.archives.iter().skip(archive as usize + 1);
        let removed = later.flat_map(|archive| &archive.removed_before).any(|removed| removed == path);
        if removed || self.manifest.entry(path).is_some_and(newer) {
            return Ok(());
        }
        Err(format!("its member {} ({}) is not in the manifest", member.index, path.display()))
    }
}

/// An error when another file system than then is where the place is.
pub(crate) fn on_its_ground(root: &Root, spot: &Spot) -> Result<(), Error> {
    let then = if spot.real() == root.real { &root.ground } else { &root.inside };
    match (then, Ground::of(spot.fd())) {
        (Some(then), Some(now)) if !now.is_same_as(then) => {
            Err(Error::OtherMount { path: spot.path().to_path_buf(), then: then.mount.clone(), now: now.mount })
        }
        _ => Ok(()),
    }
}

/// Whether a member's header says the same as the manifest.
pub(crate) fn agrees(member: &Member, entry: &Entry) -> Result<(), String> {
    let differs = |what: &str| {
        let path = entry.path.display();
        Err(format!("member {} and the manifest's entry {path} differ in their {what}", member.index))
    };
    let name = member.name.strip_suffix(b"/").unwrap_or(&member.name);
    if name != member_name(bytes_of(&entry.path)) {
        return differs("name");
    }
    if let Some(first) = &entry.hard_link_to {
        let same = member.tag == EntryType::Link && member.link == member_name(bytes_of(first));
        return if same { Ok(()) } else { differs("hard link") };
    }
    let tag = match entry.kind {
        EntryKind::File { .. } => EntryType::Regular,
        EntryKind::Directory => EntryType::Directory,
        EntryKind::Symlink { .. } => EntryType::Symlink,
        EntryKind::Fifo => EntryType::Fifo,
        EntryKind::CharDevice { .. } => EntryType::Char,
        EntryKind::BlockDevice { .. } => EntryType::Block,
    };
    if member.tag != tag {
        return differs("type");
    }
    match &entry.kind {
        EntryKind::File { size, .. } if *size != member.size => return differs("size"),
        EntryKind::Symlink { target } if bytes_of(target) != member.link => return differs("target"),
        _ => {}
    }
    if member.mode != entry.mode || member.mtime != entry.mtime || member.xattrs != entry.xattrs {
        return differs("mode, time or attributes");
    }
    Ok(())
}

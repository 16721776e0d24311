//! A directory beside a path in which its replacement is made, and the rename that puts it in place.
//!
//! `.<name>.runbook-<random>` can be entered by its maker alone, and everything in it is reached from the open directory,
//! so nobody who may write beside it plants a link. It holds `new`; from the moment that `new` is complete, a file
//! `ready` with the inode number of `new`; and, where two names cannot be exchanged, `old` for a moment. So a later call
//! can tell a half-made replacement, which may go, from an original that was not yet set aside, which may not.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::aside::keep;
use crate::closed::Replaced;
use crate::copy::{Counted, copy_into};
use crate::digest::Digest;
use crate::durable;
use crate::error::Error;
use crate::exchange::{Was, rename_to_free, swap};
use crate::foreign::unpack_into;
use crate::model::Model;
use crate::mounts::Mounts;
use crate::openat::names;
use crate::place::Place;
use crate::remove::{make_movable, restore_mode};
use crate::spot::Spot;

pub(crate) const NEW: &str = "new";
const READY: &str = "ready";
const MARKING: &str = "marking";
const OLD: &str = "old";
const TOP: &str = "top";

/// Where the replacement of a path is made.
pub struct Staging {
    target: Spot,
    /// The staging directory, in the directory that holds the target.
    here: Spot,
    pub(crate) place: Place,
}

impl Staging {
    /// An empty one beside `target`, whose parent must exist.
    pub fn beside(target: &Path) -> Result<Self, Error> {
        Self::beside_spot(Spot::known(target)?)
    }

    pub(crate) fn beside_spot(target: Spot) -> Result<Self, Error> {
        let here = new_directory(&target)?;
        let place = Place::private(&here)?;
        // A default ACL of the parent would reach everything that is made here.
        crate::attributes::clear_default_acl(place.fd()).map_err(|error| Error::io("prepare", here.path(), error))?;
        Ok(Self { target, here, place })
    }

    /// What it will be put in place of.
    #[must_use]
    pub fn target(&self) -> &Spot {
        &self.target
    }

    /// Where the replacement is, once it is made.
    #[must_use]
    pub fn new_path(&self) -> PathBuf {
        self.here.path().join(NEW)
    }

    /// The replacement, reached through what is held.
    pub(crate) fn new_spot(&self) -> Result<Spot, Error> {
        self.place.spot(NEW)
    }

    /// The replacement is a copy of `from`, as [`copy_tree`](crate::copy_tree) makes it, but for owners and ACLs: it
    /// belongs to whom `model` belongs, else to whoever runs this, and inherits from `model`.
    pub fn copy(&mut self, from: &Path, model: Option<&Model>) -> Result<Counted, Error> {
        model.map_or(Ok(()), |model| model.hand_on(&self.place, self.target.path()))?;
        copy_into(&mut self.place, &Spot::known(from)?, NEW.as_ref(), Model::givers(model))
    }

    /// The replacement is what the archive holds, as [`extract_archive`](crate::extract_archive) unpacks it. It belongs
    /// to whom `model` belongs, else to whoever runs this, and inherits from `model`.
    pub fn unpack(&mut self, archive: &Path, model: Option<&Model>) -> Result<Counted, Error> {
        model.map_or(Ok(()), |model| model.hand_on(&self.place, self.target.path()))?;
        unpack_into(&mut self.place, archive, NEW.as_ref(), model.map(Model::owner))
    }

    /// The replacement is one more name of the file at `of`.
    pub(crate) fn link(&mut self, of: &Spot) -> Result<(), Error> {
        rustix::fs::linkat(of.fd(), of.name(), self.place.fd(), NEW, AtFlags::empty())
            .map_err(|error| Error::io("link to", of.path(), error))
    }

    /// The replacement becomes the one directory inside of it, so many times.
    pub fn strip(&mut self, levels: usize) -> Result<(), Error> {
        if levels == 0 {
            return Ok(());
        }
        let failed = |error: Errno| Error::io("look into", self.here.path(), error);
        rustix::fs::renameat(self.place.fd(), NEW, self.place.fd(), TOP).map_err(failed)?;
        let mut inner = PathBuf::from(TOP);
        for _ in 0..levels {
            match self.place.names(&inner)?.as_slice() {
                [only] => inner.push(only),
                _ => {
                    return Err(Error::BadPath {
                        path: self.here.path().join(inner),
                        why: "it is not one single directory",
                    });
                }
            }
        }
        self.place.rename(&inner, NEW)
    }

    /// Puts the replacement in place, durably, and says where what was there is now: in the directory `aside`, or
    /// beside (see [`set_aside`](crate::set_aside)). None when nothing was there.
    ///
    /// It is one rename, or two where the file system cannot exchange names: then nothing is at the path for a moment.
    /// A path that holds a mounted file system is refused.
    pub fn put_in_place(mut self, aside: &Path) -> Result<Option<Replaced>, Error> {
        let replaced = self.mark_ready().and_then(|()| self.exchange(aside));
        let cleared = clear(&self.place, &self.here, &self.target, aside);
        let replaced = replaced?;
        let kept = cleared?;
        self.target.sync()?;
        self.target.still_there()?;
        Ok(kept.or(replaced))
    }

    /// Removes it again.
    pub fn discard(self) -> Result<(), Error> {
        self.here.remove_own().map(drop)
    }

    fn mark_ready(&self) -> Result<(), Error> {
        let marker = self.here.path().join(READY);
        let fd = self.place.fd();
        let failed = |error: io::Error| Error::io("write", &marker, error);
        let inode = self.place.inode(NEW).and_then(|found| found.ok_or(Errno::NOENT));
        let inode = inode.map_err(|error| failed(error.into()))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(fd, MARKING, flags, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(file.map_err(|error| failed(error.into()))?);
        file.write_all(inode.to_string().as_bytes()).map_err(failed)?;
        // A marker that is there says something.
        rustix::fs::renameat(fd, MARKING, fd, READY).map_err(|error| failed(error.into()))?;
        durable::sync_tree(fd, self.here.path())
    }

    /// The exchange, and what was there set aside. What cannot be set aside stays in the staging directory, which only
    /// its maker can enter: the target is as it should be all the same.
    fn exchange(&mut self, aside: &Path) -> Result<Option<Replaced>, Error> {
        let target = &self.target;
        Mounts::refuse_below(target)?;
        let failed = |error: Errno| Error::io("set the mode of", target.path(), error);
        let new_mode = make_movable(self.place.fd(), NEW.as_ref());
        let old_mode = make_movable(target.fd(), target.name());
        match swap(&mut self.place, NEW, OLD, target) {
            Ok(was) => {
                restore_mode(target.fd(), target.name(), new_mode).map_err(failed)?;
                let name = match was {
                    Was::Nothing => return Ok(None),
                    Was::Exchanged => NEW,
                    Was::Moved => OLD,
                };
                let spot = self.place.spot(name)?;
                match keep(&spot, target, aside) {
                    Ok(kept) => {
                        let kept = Spot::known(&kept)?;
                        restore_mode(kept.fd(), kept.name(), old_mode).map_err(failed)?;
                        Ok(Some(Replaced::kept(kept.path().to_path_buf())))
                    }
                    Err(_) => Replaced::closed_in(&self.place, &self.here, spot.path().to_path_buf()).map(Some),
                }
            }
            Err(error) => {
                restore_mode(target.fd(), target.name(), old_mode).map_err(failed)?;
                Err(error)
            }
        }
    }
}

/// A new directory beside `target`, ours alone.
fn new_directory(target: &Spot) -> Result<Spot, Error> {
    let prefix = prefix(target.name());
    // Names are tried until one is free; that somebody guesses the next one gains nothing.
    let random = RandomState::new();
    for attempt in 0u32..1000 {
        let mut name = prefix.clone();
        name.push(format!("{:016x}", random.hash_one(attempt)));
        let here = target.beside(&name)?;
        match rustix::fs::mkdirat(here.fd(), here.name(), Mode::RWXU) {
            Ok(()) => return Ok(here),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(Error::io("create a directory in", target.parent(), error)),
        }
    }
    Err(Error::io("create a directory in", target.parent(), Errno::EXIST))
}

/// What the names of the staging directories of a name begin with.
fn prefix(name: &OsStr) -> OsString {
    /// Names end at 255 bytes, and the random part needs room.
    const WHOLE: usize = 200;
    const CUT: usize = 160;
    let bytes = name.as_encoded_bytes();
    let mut prefix = OsString::from(".");
    if bytes.len() <= WHOLE {
        prefix.push(name);
    } else {
        // Long names that begin alike must not be taken for each other.
        prefix.push(crate::escaped::name_of(bytes.get(..CUT).unwrap_or(bytes)));
        prefix.push(Digest::of(bytes).to_string().get(..32).unwrap_or_default());
    }
    prefix.push(".runbook-");
    prefix
}

/// The staging directories that an interrupted replacement of the path left beside it.
pub fn unfinished(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let Some(target) = Spot::find(path)? else { return Ok(Vec::new()) };
    Ok(unfinished_at(&target)?.into_iter().map(|here| here.path().to_path_buf()).collect())
}

fn unfinished_at(target: &Spot) -> Result<Vec<Spot>, Error> {
    let prefix = prefix(target.name());
    let names = names(target.fd()).map_err(|error| Error::io("list", target.parent(), error))?;
    let own = rustix::process::geteuid().as_raw();
    let mut found = Vec::new();
    for name in names.into_iter().filter(|name| is_staging(name, &prefix)) {
        let here = target.beside(&name)?;
        let is_dir = |mode| rustix::fs::FileType::from_raw_mode(mode) == rustix::fs::FileType::Directory;
        if here.stat()?.is_some_and(|is| is_dir(is.st_mode) && is.st_uid == own && is.st_mode & 0o077 == 0) {
            found.push(here);
        }
    }
    Ok(found)
}

/// Finishes what an interrupted replacement of the path left: what was half made goes, an original is put back where
/// nothing is now, else set aside. Says where it was set aside.
pub fn finish_interrupted(path: &Path, aside: &Path) -> Result<Option<Replaced>, Error> {
    Spot::find(path)?.map_or(Ok(None), |target| finish_interrupted_at(&target, aside))
}

pub(crate) fn finish_interrupted_at(target: &Spot, aside: &Path) -> Result<Option<Replaced>, Error> {
    let mut kept = None;
    for here in unfinished_at(target)? {
        kept = clear(&Place::private(&here)?, &here, target, aside)?.or(kept);
    }
    Ok(kept)
}

fn is_staging(name: &OsStr, prefix: &OsStr) -> bool {
    let random = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
    random.is_some_and(|random| !random.is_empty() && random.iter().all(u8::is_ascii_alphanumeric))
}

/// Removes a staging directory. An original in it is put back or set aside first; one that cannot be stays, and so does
/// the directory: that is told by its path.
fn clear(place: &Place, here: &Spot, target: &Spot, aside: &Path) -> Result<Option<Replaced>, Error> {
    let ready = marker(place).map_err(|error| Error::io("read", &here.path().join(READY), error))?;
    let mut kept = None;
    for name in [NEW, OLD] {
        let spot = place.spot(name)?;
        let there = place.inode(name).map_err(|error| Error::io("look at", spot.path(), error))?;
        if !there.is_some_and(|there| name == OLD || ready.is_some_and(|ready| ready != there)) {
            continue;
        }
        if rename_to_free(place.fd(), name.as_ref(), target.fd(), target.name()).is_ok() {
            target.sync()?;
        } else {
            match keep(&spot, target, aside) {
                Ok(path) => kept = Some(Replaced::kept(path)),
                Err(error @ Error::MountPoint { .. }) => return Err(error),
                Err(_) => return Replaced::closed_in(place, here, spot.path().to_path_buf()).map(Some),
            }
        }
    }
    Mounts::refuse_below(here)?;
    here.remove_own()?;
    Ok(kept)
}

/// The inode number of a replacement that is complete.
fn marker(place: &Place) -> io::Result<Option<u64>> {
    let file = match rustix::fs::openat(place.fd(), READY, OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut inode = String::new();
    File::from(file).read_to_string(&mut inode)?;
    // Unreadable as a number, it matches no inode: what is there is kept rather than removed.
    Ok(Some(inode.parse().unwrap_or(0)))
}

//! A directory that is built beside another one by others, their exchange in one rename, and the way back by another one.
//!
//! `staging.rs` is for replacements that this crate makes itself and puts in place in the same breath. Here somebody else
//! builds, for minutes, and what was replaced stays where the replacement was: no file is moved or copied.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::closed::Closed;
use crate::descent::{Id, id_of};
use crate::digest::Digest;
use crate::durable;
use crate::error::Error;
use crate::exchange::{exchange_names, mount_point};
use crate::inode::Inode;
use crate::mounts::Mounts;
use crate::openat::{names, open_directory};
use crate::place::{Place, set_mtime};
use crate::remove::{make_movable, restore_mode};
use crate::spot::Spot;

/// A closed directory beside a target, in which what shall take its place is built.
pub struct Stage {
    target: Spot,
    /// The closed directory.
    here: Spot,
    place: Place,
    /// Where in it the replacement is built.
    tree: PathBuf,
}

/// Two directories by what they are: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// What is at the target.
    pub old: (u64, u64),
    /// What was built.
    pub new: (u64, u64),
}

/// Where the two directories of a [`Pair`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Each where it was noted.
    Apart,
    /// Each where the other one was.
    Exchanged,
    /// One of them is at neither place: something else did that.
    Neither,
}

/// Why two directories cannot be exchanged here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The file system does not exchange names.
    NotSupported,
    /// The target is in another mount than what is beside it, or in a lower layer of an overlay.
    OtherMount,
}

impl Stage {
    /// Where the stage of `target` for `purpose` is: one name beside it for each purpose.
    #[must_use]
    pub fn beside(target: &Path, purpose: &[u8]) -> PathBuf {
        // Not what `staging.rs` takes for its own, and hidden, so that who lists programs does not see it.
        const ROOM: usize = 160;
        let name = target.file_name().unwrap_or_default().as_encoded_bytes();
        let mut staged = OsString::from(".");
        staged.push(crate::escaped::name_of(name.get(..ROOM).unwrap_or(name)));
        staged.push(".runbook-stage-");
        let digest = Digest::of(&[name, &[0], purpose].concat()).to_string();
        staged.push(digest.get(..16).unwrap_or_default());
        target.with_file_name(staged)
    }

    /// The directory `dir` beside `target`, made if it is not there; `tree` is where in it the replacement will be.
    pub fn make(target: &Path, dir: &Path, tree: &Path) -> Result<Self, Error> {
        let target = Spot::known(target)?;
        let here = target.beside(dir.file_name().unwrap_or_default())?;
        match rustix::fs::mkdirat(here.fd(), here.name(), Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(Error::io("create a directory in", target.parent(), error)),
        }
        Self::held(target, here, tree)
    }

    /// The same, and `None` where it is not there.
    pub fn find(target: &Path, dir: &Path, tree: &Path) -> Result<Option<Self>, Error> {
        let Some(target) = Spot::find(target)? else { return Ok(None) };
        let here = target.beside(dir.file_name().unwrap_or_default())?;
        match here.stat()? {
            Some(_) => Self::held(target, here, tree).map(Some),
            None => Ok(None),
        }
    }

    fn held(target: Spot, here: Spot, tree: &Path) -> Result<Self, Error> {
        let place = Place::private(&here)?;
        Ok(Self { target, here, place, tree: tree.to_path_buf() })
    }

    /// Why the exchange could not be, tried with two empty directories; none where it could.
    pub fn obstacle(&mut self) -> Result<Option<Obstacle>, Error> {
        Mounts::refuse_below(&self.target)?;
        let tried = self.try_empty().and_then(|found| if found.is_none() { self.try_target() } else { Ok(found) });
        for left in ["probe/x", "probe", "other"] {
            let _ = rustix::fs::unlinkat(self.place.fd(), left, AtFlags::REMOVEDIR);
        }
        tried
    }

    /// Two empty directories, one of them deeper, as what is built is.
    fn try_empty(&self) -> Result<Option<Obstacle>, Error> {
        let failed = |error: Errno| Error::io("try an exchange in", self.here.path(), error);
        let fd = self.place.fd();
        for name in ["probe", "probe/x", "other"] {
            match rustix::fs::mkdirat(fd, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        match exchange_names(fd, "probe/x".as_ref(), fd, "other".as_ref()) {
            Ok(()) => Ok(None),
            Err(Errno::XDEV) => Ok(Some(Obstacle::OtherMount)),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(Some(Obstacle::NotSupported)),
            Err(error) => Err(failed(error)),
        }
    }

    /// On an overlay a directory of a lower layer cannot be renamed, and nothing tells it but a rename. This one cannot
    /// succeed: what it would replace is not empty.
    fn try_target(&self) -> Result<Option<Obstacle>, Error> {
        if Mounts::read()?.kind_of(self.place.fd()) != Some("overlay") {
            return Ok(None);
        }
        match rustix::fs::renameat(self.target.fd(), self.target.name(), self.place.fd(), "probe") {
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(None),
            Err(Errno::XDEV) => Ok(Some(Obstacle::OtherMount)),
            Err(error) => Err(Error::io("try to move", self.target.path(), error)),
            Ok(()) => Err(Error::io("try to move", self.target.path(), Errno::NOTEMPTY)),
        }
    }

    /// Both directories as they are now; an error where one of them is not there, or is no directory.
    pub fn pair(&mut self) -> Result<Pair, Error> {
        let absent = |path: &Path| Error::io("look at", path, Errno::NOTDIR);
        let (old, new) = self.both()?;
        let old = old.ok_or_else(|| absent(self.target.path()))?;
        let new = new.ok_or_else(|| absent(&self.tree_path()))?;
        Ok(Pair { old, new })
    }

    /// Where the directories of `pair` are.
    pub fn standing(&mut self, pair: &Pair) -> Result<Standing, Error> {
        let (target, built) = self.both()?;
        let (old, new) = (Some(pair.old), Some(pair.new));
        Ok(match (target, built) {
            both if both == (old, new) => Standing::Apart,
            both if both == (new, old) => Standing::Exchanged,
            _ => Standing::Neither,
        })
    }

    fn both(&mut self) -> Result<(Option<Id>, Option<Id>), Error> {
        let built = self.built()?.map(|spot| directory(&spot)).transpose()?.flatten();
        Ok((directory(&self.target)?, built))
    }

    /// The built directory, reached through what is held.
    fn built(&mut self) -> Result<Option<Spot>, Error> {
        let parent = self.tree.parent().unwrap_or(Path::new("")).to_path_buf();
        let name = self.tree.file_name().unwrap_or_default().to_os_string();
        if parent.as_os_str().is_empty() {
            return self.place.spot(&name).map(Some);
        }
        match self.place.below(&parent) {
            Ok(below) => below.spot(&name).map(Some),
            Err(error) if error.is(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Exchanges the two in one rename, durably. Each keeps the mode and the time of its top.
    pub fn exchange(&mut self) -> Result<(), Error> {
        Mounts::refuse_below(&self.target)?;
        let absent = Error::io("exchange", &self.tree_path(), Errno::NOENT);
        let built = self.built()?.ok_or(absent)?;
        let target = &self.target;
        let [time_of_old, time_of_new] = [top(target)?, top(&built)?];
        // Who is not root may move a directory to another one only if it may write it.
        let [mode_of_old, mode_of_new] = [target, &built].map(|spot| make_movable(spot.fd(), spot.name()));
        let done = exchange_names(built.fd(), built.name(), target.fd(), target.name());
        let [old, new] = if done.is_ok() { [&built, target] } else { [target, &built] };
        for (spot, mode) in [(old, mode_of_old), (new, mode_of_new)] {
            restore_mode(spot.fd(), spot.name(), mode)
                .map_err(|error| Error::io("set the mode of", spot.path(), error))?;
        }
        match done {
            Ok(()) => {}
            Err(Errno::BUSY) => return Err(mount_point(target)),
            Err(error) => return Err(Error::io("exchange", target.path(), error)),
        }
        // XFS takes the rename for a change of the directories themselves.
        for (spot, seen) in [(old, time_of_old), (new, time_of_new)] {
            let held = open_directory(spot.fd(), spot.name());
            held.and_then(|held| set_mtime(held, seen.mtime))
                .map_err(|error| Error::io("set the time of", spot.path(), error))?;
        }
        self.settle()
    }

    /// Makes durable which of the two has which name.
    pub fn settle(&mut self) -> Result<(), Error> {
        if let Some(built) = self.built()? {
            built.sync()?;
        }
        self.target.sync()?;
        self.target.still_there()
    }

    /// Makes everything that was built durable.
    pub fn sync(&self) -> Result<(), Error> {
        durable::sync_tree(self.place.fd(), self.here.path())?;
        self.target.sync()
    }

    /// Where the replacement is built, and where what was replaced is afterwards.
    #[must_use]
    pub fn tree_path(&self) -> PathBuf {
        self.here.path().join(&self.tree)
    }

    /// The closed directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.here.path()
    }

    /// The closed directory by what it is: for its removal.
    pub fn closed(&self) -> Result<Closed, Error> {
        let found =
            rustix::fs::fstat(self.place.fd()).map_err(|error| Error::io("look at", self.here.path(), error))?;
        Ok(Closed::new(self.here.path(), id_of(&found)))
    }

    /// Empties it: what an attempt that did not end has built goes.
    pub fn clear(&self) -> Result<(), Error> {
        Mounts::refuse_below(&self.here)?;
        let names = names(self.place.fd()).map_err(|error| Error::io("list", self.here.path(), error))?;
        for name in names {
            self.place.spot(&name)?.remove_own()?;
        }
        Ok(())
    }
}

/// What a directory is; none where there is none.
fn directory(spot: &Spot) -> Result<Option<Id>, Error> {
    let is_dir = |mode| rustix::fs::FileType::from_raw_mode(mode) == rustix::fs::FileType::Directory;
    Ok(spot.stat()?.filter(|found| is_dir(found.st_mode)).map(|found| id_of(&found)))
}

fn top(spot: &Spot) -> Result<Inode, Error> {
    let found = spot.stat()?.ok_or_else(|| Error::io("look at", spot.path(), Errno::NOENT))?;
    Ok(Inode::new(&found))
}

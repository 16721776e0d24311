//! What was replaced and could not be moved away: it stays beside its path, in a directory that only its maker may enter.
//!
//! That directory is known by what it is. Others who may write beside it can give its name to something else, and that is
//! not touched.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::Error;
use crate::mounts::Mounts;
use crate::openat::names;
use crate::place::Place;
use crate::remove::{Resistance, remove_at};
use crate::spot::Spot;

/// Where something is now that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Its path.
    pub path: PathBuf,
    /// The directory beside its old path in which it stayed; none where it is in the directory that it was meant for.
    pub closed: Option<Closed>,
}

impl Replaced {
    pub(crate) fn kept(path: PathBuf) -> Self {
        Self { path, closed: None }
    }

    /// Something in a staging directory, which stays.
    pub(crate) fn closed_in(place: &Place, here: &Spot, path: PathBuf) -> Result<Self, Error> {
        let found = rustix::fs::fstat(place.fd()).map_err(|error| Error::io("look at", here.path(), error))?;
        Ok(Self { path, closed: Some(Closed::new(here.path(), id(&found))) })
    }
}

/// A directory of ours, by its place and its identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Where it was made.
    pub dir: PathBuf,
    /// The device and the inode.
    pub id: (u64, u64),
}

/// What became of a directory that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Yes,
    /// It was gone before.
    WasGone,
    /// Something else has its name, and was left alone.
    IsAnother,
}

impl Closed {
    /// The directory that was made at `dir` and is the one with this device and inode.
    pub fn new(dir: &Path, id: (u64, u64)) -> Self {
        Self { dir: dir.to_path_buf(), id }
    }

    /// Whether it is where it was made; `None` where nothing has its name, `Some(false)` where something else has.
    pub fn is_there(&self) -> Option<bool> {
        match self.open() {
            Ok(Found::Nothing) => None,
            Ok(Found::It(..)) => Some(true),
            Ok(Found::Another) | Err(_) => Some(false),
        }
    }

    /// Removes it with all that it holds, through what is held open: what has taken its name meanwhile stays.
    pub fn remove(&self) -> Result<Removed, Error> {
        let (here, place) = match self.open()? {
            Found::Nothing => return Ok(Removed::WasGone),
            Found::Another => return Ok(Removed::IsAnother),
            Found::It(here, place) => (here, place),
        };
        Mounts::refuse_below(&here)?;
        let failed = |error: Errno| Error::io("remove", &self.dir, error);
        for name in names(place.fd()).map_err(failed)? {
            remove_at(place.fd(), &name, Resistance::IsBroken).map_err(failed)?;
        }
        // By its name only now, when it is empty: nothing is lost with whatever else is empty and has the name.
        match rustix::fs::unlinkat(here.fd(), here.name(), rustix::fs::AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(Removed::Yes),
            Err(Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => Ok(Removed::IsAnother),
            Err(error) => Err(failed(error)),
        }
    }

    fn open(&self) -> Result<Found, Error> {
        let Some(here) = Spot::find(&self.dir)? else { return Ok(Found::Nothing) };
        if here.stat()?.is_none() {
            return Ok(Found::Nothing);
        }
        let Ok(place) = Place::private(&here) else { return Ok(Found::Another) };
        let found = rustix::fs::fstat(place.fd()).map_err(|error| Error::io("look at", &self.dir, error))?;
        Ok(if id(&found) == self.id { Found::It(here, place) } else { Found::Another })
    }
}

/// What has the name of the directory.
enum Found {
    Nothing,
    Another,
    /// Held.
    It(Spot, Place),
}

fn id(found: &rustix::fs::Stat) -> (u64, u64) {
    let seen = crate::inode::Inode::new(found).seen;
    (seen.dev, seen.ino)
}

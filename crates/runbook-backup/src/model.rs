//! The directory that a new tree replaces, and what is taken over from it.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;

use crate::attributes;
use crate::copy::Givers;
use crate::error::Error;
use crate::inode::Inode;
use crate::openat::open_directory;
use crate::place::Place;
use crate::spot::Spot;

/// The directory that will be replaced, open, with what is taken over from it.
pub struct Model {
    pub(crate) fd: OwnedFd,
    pub(crate) inode: Inode,
}

impl Model {
    /// The directory at `path`; none where nothing is. A link is not followed.
    pub fn of(path: &Path) -> Result<Option<Self>, Error> {
        let failed = |error| Error::io("open", path, error);
        let Some(spot) = Spot::find(path)? else { return Ok(None) };
        let fd = match open_directory(spot.fd(), spot.name()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let inode = Inode::new(&rustix::fs::fstat(&fd).map_err(failed)?);
        Ok(Some(Self { fd, inode }))
    }

    /// The user and the group.
    pub(crate) fn owner(&self) -> (u32, u32) {
        (self.inode.uid, self.inode.gid)
    }

    /// To whom what is made belongs.
    pub(crate) fn givers(model: Option<&Self>) -> Givers {
        Givers::One(model.map(Self::owner))
    }

    /// Lets what is made in `place` from now on inherit what it would inherit in the model.
    pub(crate) fn hand_on(&self, place: &Place, path: &Path) -> Result<(), Error> {
        let failed = |error| Error::io("keep the default ACL of", path, error);
        let found = attributes::read(self.fd.as_fd()).map_err(failed)?;
        match found.0.get(attributes::DEFAULT_ACL) {
            Some(acl) => attributes::set(place.fd(), attributes::DEFAULT_ACL, acl).map_err(failed),
            None => Ok(()),
        }
    }
}

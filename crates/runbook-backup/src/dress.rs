//! What a new tree takes over from the directory that it replaces: the owner and the group, and for its top the mode, the
//! attributes and the ACLs. What is made in a directory with a default ACL or the setgid bit has these from it, and so
//! has the new tree.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;

use crate::attributes;
use crate::copy::Givers;
use crate::error::Error;
use crate::inode::Inode;
use crate::manifest::SkipReason;
use crate::mounts::Mounts;
use crate::place::Place;
use crate::spot::Spot;
use crate::staging::Staging;
use crate::tree::{Found, Visit, open_directory, walk};

const SETGID: u32 = 0o2000;

/// The directory that will be replaced, open, with what is taken over from it.
pub struct Model {
    fd: OwnedFd,
    inode: Inode,
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

impl Staging {
    /// Gives the top of the replacement, which is complete, what the model has, and the setgid bit of a model that has it
    /// to every directory of it.
    pub fn dress(&self, model: &Model) -> Result<(), Error> {
        let top = self.new_path();
        let failed = |error: Errno| Error::io("take over the owner and the mode of what was at", &top, error);
        if model.inode.mode & SETGID != 0 {
            walk(&self.new_spot()?, &Mounts::read(), &mut HandOnGroup)?;
        }
        let fd = open_directory(self.place.fd(), crate::staging::NEW.as_ref()).map_err(failed)?;
        let (uid, gid) = (Uid::from_raw(model.inode.uid), Gid::from_raw(model.inode.gid));
        rustix::fs::fchown(&fd, Some(uid), Some(gid)).map_err(failed)?;
        attributes::carry_over(&model.fd, &fd, &top)?;
        // Last: a new owner clears bits, and an ACL is limited by the mode.
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(model.inode.mode)).map_err(failed)
    }
}

/// Sets the setgid bit of directories.
struct HandOnGroup;

impl Visit for HandOnGroup {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error> {
        let Some(directory) = found.directory else { return Ok(()) };
        let mode = Mode::from_raw_mode(found.inode.mode | SETGID);
        rustix::fs::fchmod(directory, mode).map_err(|error| Error::io("set the mode of", found.path, error))
    }

    fn skipped(&mut self, _: &Path, _: SkipReason) -> Result<(), Error> {
        Ok(())
    }
}

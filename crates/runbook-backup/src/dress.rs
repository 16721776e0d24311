//! What a new tree takes over from the directory that it replaces: the owner and the group, and for its top the mode, the
//! attributes and the ACLs. What is made in a directory with a default ACL or the setgid bit has these from it, and so
//! has the new tree.

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;

use crate::attributes;
use crate::error::Error;
use crate::model::Model;
use crate::mounts::Mounts;
use crate::openat::open_directory;
use crate::staging::{NEW, Staging};
use crate::tree::{Found, Visit, walk};

const SETGID: u32 = 0o2000;

impl Staging {
    /// Gives the top of the replacement, which is complete, what the model has, and the setgid bit of a model that has it
    /// to every directory of it.
    pub fn dress(&self, model: &Model) -> Result<(), Error> {
        let top = self.new_path();
        let failed = |error: Errno| Error::io("take over the owner and the mode of what was at", &top, error);
        if model.inode.mode & SETGID != 0 {
            walk(&self.new_spot()?, &Mounts::read()?, &mut HandOnGroup)?;
        }
        let fd = open_directory(self.place.fd(), NEW.as_ref()).map_err(failed)?;
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
}

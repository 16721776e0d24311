//! Puts something prepared in place of something else in one rename. What was there goes to `aside.rs`.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use crate::compare::digest_at;
use crate::copy::{Givers, copy_into};
use crate::error::Error;
use crate::place::Place;
use crate::spot::Spot;

/// What was at a path, and where it is now.
pub(crate) enum Was {
    /// Nothing was there.
    Nothing,
    /// Under the name that the new one had.
    Exchanged,
    /// Under the name for the old one.
    Moved,
}

/// Puts `new` of the staging directory at `target`, durably. What was there is in the staging directory afterwards.
///
/// Where the file system exchanges two names, either the old or the new one is at `target` at every moment. NFS and some
/// others cannot: there the old one is moved out first, to `old`, and back again when the new one does not go in.
/// `target` itself is never followed when it is a link.
pub(crate) fn swap(staging: &mut Place, new: &str, old: &str, target: &Spot) -> Result<Was, Error> {
    let was = match exchange_names(staging.fd(), new.as_ref(), target.fd(), target.name()) {
        Ok(()) => Was::Exchanged,
        Err(Errno::NOENT) => {
            move_in(staging, new, target)?;
            Was::Nothing
        }
        Err(Errno::BUSY) => return Err(mount_point(target)),
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            let was = move_out(staging, old, target)?;
            move_in(staging, new, target).inspect_err(|_| {
                // What cannot go back here is put back or set aside with the staging directory.
                let _ = rename_to_free(staging.fd(), old.as_ref(), target.fd(), target.name());
            })?;
            was
        }
        Err(error) => return Err(Error::io("exchange", target.path(), error)),
    };
    target.sync()?;
    rustix::fs::fsync(staging.fd()).map_err(|error| Error::io("make durable", target.path(), error))?;
    Ok(was)
}

/// Exchanges two names: both are there at every moment.
pub(crate) fn exchange_names(
    dir: BorrowedFd<'_>,
    name: &OsStr,
    to: BorrowedFd<'_>,
    to_name: &OsStr,
) -> Result<(), Errno> {
    rustix::fs::renameat_with(dir, name, to, to_name, RenameFlags::EXCHANGE)
}

fn move_in(staging: &Place, new: &str, target: &Spot) -> Result<(), Error> {
    rename_to_free(staging.fd(), new.as_ref(), target.fd(), target.name())
        .map_err(|error| Error::io("put in place", target.path(), error))
}

/// Moves what is at `target` into the staging directory.
fn move_out(staging: &mut Place, old: &str, target: &Spot) -> Result<Was, Error> {
    match rustix::fs::renameat(target.fd(), target.name(), staging.fd(), old) {
        Ok(()) => Ok(Was::Moved),
        Err(Errno::NOENT) => Ok(Was::Nothing),
        Err(Errno::BUSY) => Err(mount_point(target)),
        // A directory of a lower layer of overlayfs cannot be renamed at all.
        Err(Errno::XDEV) => move_by_copy(target, staging, old.as_ref()).map(|()| Was::Moved),
        Err(error) => Err(Error::io("move", target.path(), error)),
    }
}

/// Moves where no rename reaches: it is copied, the copy compared and made durable under its name, and only then the
/// original is removed.
pub(crate) fn move_by_copy(from: &Spot, to: &mut Place, name: &OsStr) -> Result<(), Error> {
    const UNFINISHED: &str = ".runbook-copy";
    // What an earlier attempt left half-done.
    let copy = to.spot(UNFINISHED)?;
    copy.remove_own()?;
    copy_into(to, from, UNFINISHED.as_ref(), Givers::Source).inspect_err(|_| {
        // Half a copy is of no use, and on a disk that it has filled nothing else could be written, the journal included.
        let _ = copy.remove_own();
    })?;
    if digest_at(from)?.digest != digest_at(&copy)?.digest {
        return Err(Error::Unfaithful {
            path: from.path().to_path_buf(),
            what: "what was written meanwhile".to_owned(),
        });
    }
    let failed = |error: Errno| Error::io("keep a copy of", from.path(), error);
    rename_to_free(to.fd(), UNFINISHED.as_ref(), to.fd(), name).map_err(failed)?;
    rustix::fs::fsync(to.fd()).map_err(failed)?;
    from.remove_own()?;
    Ok(())
}

pub(crate) fn mount_point(spot: &Spot) -> Error {
    Error::MountPoint { path: spot.path().to_path_buf(), mount: spot.path().to_path_buf() }
}

/// Moves to a name where nothing is; else `EXIST`. A file system that cannot promise that is looked at first.
pub(crate) fn rename_to_free(
    dir: BorrowedFd<'_>,
    name: &OsStr,
    to: BorrowedFd<'_>,
    to_name: &OsStr,
) -> Result<(), Errno> {
    match rustix::fs::renameat_with(dir, name, to, to_name, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        done => return done,
    }
    match rustix::fs::statat(to, to_name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => rustix::fs::renameat(dir, name, to, to_name),
        Err(error) => Err(error),
    }
}

/// Makes the directory `aside` with all above it, ours alone, and holds it.
pub(crate) fn own_directory(aside: &Path) -> Result<Place, Error> {
    let spot = Spot::making(&aside.join("x"), 0o700)?;
    Place::around(&spot)
}

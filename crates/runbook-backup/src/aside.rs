//! Keeps what a replacement took the place of: in a directory of runbook's own, which leaves with the run.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::Error;
use crate::exchange::{mount_point, move_by_copy, own_directory, rename_to_free};
use crate::mounts::Mounts;
use crate::place::Place;
use crate::spot::Spot;

/// Names end at 255 bytes; a number has to fit behind.
const ROOM: usize = 240;

/// Moves what is at `path` into the directory `aside`, which is made when it is missing, and says where it is now.
///
/// From another file system it is copied there, the copy is compared and made durable, and then it is removed: nothing
/// stays beside `path`, where a service may look. Nothing is ever overwritten. None when nothing is there.
pub fn set_aside(path: &Path, aside: &Path) -> Result<Option<PathBuf>, Error> {
    Spot::find(path)?.map_or(Ok(None), |spot| set_aside_at(&spot, aside))
}

pub(crate) fn set_aside_at(spot: &Spot, aside: &Path) -> Result<Option<PathBuf>, Error> {
    if spot.stat()?.is_none() {
        return Ok(None);
    }
    Mounts::refuse_below(spot)?;
    keep(spot, spot, aside).map(Some)
}

/// Moves `from`, which was at `original`, into `aside`.
pub(crate) fn keep(from: &Spot, original: &Spot, aside: &Path) -> Result<PathBuf, Error> {
    let mut place = own_directory(aside)?;
    for number in 1u32.. {
        let name = numbered(original.name(), number);
        match moved(from, &mut place, &name) {
            Ok(()) => {
                rustix::fs::fsync(place.fd()).map_err(|error| Error::io("make durable", aside, error))?;
                rustix::fs::fsync(from.fd()).map_err(|error| Error::io("make durable", from.path(), error))?;
                return Ok(aside.join(name));
            }
            Err(error) if error.is(Errno::EXIST) => {}
            Err(error) if error.is(Errno::BUSY) => return Err(mount_point(original)),
            Err(error) => return Err(error),
        }
    }
    Err(Error::Exists { path: aside.join(original.name()) })
}

fn moved(from: &Spot, to: &mut Place, name: &OsStr) -> Result<(), Error> {
    match rename_to_free(from.fd(), from.name(), to.fd(), name) {
        Err(Errno::XDEV) if to.spot(name)?.stat()?.is_some() => Err(Error::io("set aside", from.path(), Errno::EXIST)),
        Err(Errno::XDEV) => move_by_copy(from, to, name),
        done => done.map_err(|error| Error::io("set aside", from.path(), error)),
    }
}

/// The name, and from the second on a number behind it.
fn numbered(name: &OsStr, number: u32) -> OsString {
    if number == 1 {
        return name.to_os_string();
    }
    let bytes = name.as_encoded_bytes();
    let mut numbered = crate::escaped::name_of(bytes.get(..ROOM).unwrap_or(bytes)).to_os_string();
    numbered.push(format!(".{number}"));
    numbered
}

//! Files with several names: the file itself is kept by one more name, so that it can come back as the one that its other
//! names are.

use std::path::Path;

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use crate::backup::{Backup, Covered, on_its_ground};
use crate::closed::Replaced;
use crate::compare::{Stage, differences};
use crate::error::Error;
use crate::exchange::own_directory;
use crate::inode::Inode;
use crate::manifest::EntryKind;
use crate::mounts::Mounts;
use crate::spot::Spot;
use crate::staging::Staging;

/// Gives a regular file that has several names one more, `kept`, whose directory is made when it is missing. False when
/// it has only one, or when the file cannot have another there: then its names come apart when it is replaced.
pub fn keep_name(path: &Path, kept: &Path) -> Result<bool, Error> {
    let Some(spot) = Spot::find(path)? else { return Ok(false) };
    let found = spot.stat()?.map(|stat| Inode::new(&stat));
    if found.is_none_or(|found| found.kind != FileType::RegularFile || found.links < 2) {
        return Ok(false);
    }
    let (Some(dir), Some(name)) = (kept.parent(), kept.file_name()) else { return Ok(false) };
    let place = own_directory(dir)?;
    match rustix::fs::linkat(spot.fd(), spot.name(), place.fd(), name, AtFlags::empty()) {
        Ok(()) | Err(Errno::EXIST) => {
            let failed = |error| Error::io("make durable", kept, error);
            rustix::fs::fsync(place.fd()).map_err(failed).map(|()| true)
        }
        // Another file system, one without links, a file that this user may not link to, or one that has too many.
        Err(_) => Ok(false),
    }
}

impl Backup {
    /// Puts the file at `path` back that [`keep_name`] kept, when it is as the backup holds it, so that it is the one
    /// that its other names are. What it replaces goes into `aside`. `None` when there is nothing to do or it cannot be
    /// had: [`restore`](Self::restore) looks at the path in any case.
    pub fn relink(&self, path: &Path, kept: &Path, aside: &Path) -> Result<Option<Replaced>, Error> {
        let Covered { name, root, real } = self.place_of(path)?;
        let Some(entry) = self.manifest().entry(&name).filter(|entry| matches!(entry.kind, EntryKind::File { .. }))
        else {
            return Ok(None);
        };
        let (Some(spot), Some(kept)) = (Spot::find(&name)?, Spot::find(kept)?) else { return Ok(None) };
        let inode = |spot: &Spot| spot.stat().map(|stat| stat.map(|stat| Inode::new(&stat).seen));
        let Some(held) = inode(&kept)? else { return Ok(None) };
        let is_it = inode(&spot)?.is_some_and(|there| (there.dev, there.ino) == (held.dev, held.ino));
        if is_it || spot.real() != real || on_its_ground(root, &spot).is_err() || Mounts::refuse_below(&spot).is_err() {
            return Ok(None);
        }
        let entries = std::slice::from_ref(entry);
        if !differences(entries, &name, &kept, Stage::InPlace, &|| false)?.is_empty() {
            return Ok(None);
        }
        let mut staging = Staging::beside_spot(spot)?;
        if let Err(error) = staging.link(&kept) {
            let _ = staging.discard();
            return if error.is(Errno::XDEV) { Ok(None) } else { Err(error) };
        }
        staging.put_in_place(aside)
    }
}

//! Removing what labs left whose process was killed: their rooms have no living holder.

use crate::error::{Result, WithPath};
use crate::room::{KEPT, Room};
use crate::site::Site;

/// Removes every room without a holder, with its processes, its network and its files. The caller holds the site's lock.
pub(crate) fn sweep(site: &Site) -> Result<()> {
    for room in rooms(site)? {
        if !room.is_held()? {
            room.demolish()?;
        }
    }
    Ok(())
}

/// Removes the room of the hosts that were kept.
pub(crate) fn remove_kept(site: &Site) -> Result<()> {
    Room::at(site, site.trees(), KEPT)?.demolish()
}

/// All rooms, held or not.
pub(crate) fn rooms(site: &Site) -> Result<Vec<Room>> {
    let dir = site.rooms();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&dir).with_path(&dir)? {
        let name = entry.with_path(&dir)?.file_name();
        found.push(Room::at(site, site.trees(), &name.to_string_lossy())?);
    }
    Ok(found)
}

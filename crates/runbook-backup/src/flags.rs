//! The flags that `chattr` sets, as far as they can be set again on a copy.

use std::os::fd::AsFd;

use rustix::io::Errno;

/// Synchronous, immutable, append-only, not dumped, no access times, synchronous directory. The letters of `lsattr`.
const KEPT: [(u32, char); 6] = [(0x8, 'S'), (0x10, 'i'), (0x20, 'a'), (0x40, 'd'), (0x80, 'A'), (0x1_0000, 'D')];
/// Those that refuse what a rename or a removal does.
const LOCKS: u32 = 0x30;

/// The flags of an open file or directory; none where the file system has none.
#[cfg(target_os = "linux")]
pub(crate) fn read(fd: impl AsFd) -> u32 {
    let mask = KEPT.iter().fold(0, |mask, (bit, _)| mask | bit);
    rustix::fs::ioctl_getflags(fd).map_or(0, |flags| flags.bits() & mask)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn read(_: impl AsFd) -> u32 {
    0
}

/// Sets exactly these, of those that are kept.
#[cfg(target_os = "linux")]
pub(crate) fn write(fd: impl AsFd, wanted: u32) -> Result<(), Errno> {
    let mask = KEPT.iter().fold(0, |mask, (bit, _)| mask | bit);
    let now = match rustix::fs::ioctl_getflags(&fd) {
        Ok(now) => now.bits(),
        Err(_) if wanted == 0 => return Ok(()),
        Err(error) => return Err(error),
    };
    let new = (now & !mask) | wanted;
    if new == now { Ok(()) } else { rustix::fs::ioctl_setflags(fd, rustix::fs::IFlags::from_bits_retain(new)) }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn write(_: impl AsFd, wanted: u32) -> Result<(), Errno> {
    if wanted == 0 { Ok(()) } else { Err(Errno::NOTSUP) }
}

/// Takes away what would refuse a removal.
pub(crate) fn unlock(fd: impl AsFd) -> Result<(), Errno> {
    let now = read(&fd);
    if now & LOCKS == 0 { Ok(()) } else { write(fd, now & !LOCKS) }
}

/// As `lsattr` writes them.
pub(crate) fn letters(flags: u32) -> String {
    let set: String = KEPT.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, letter)| *letter).collect();
    if set.is_empty() { "none".to_owned() } else { set }
}

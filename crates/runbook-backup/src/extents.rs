//! Which parts of a file hold data, so that holes are neither read nor stored.

use std::os::fd::BorrowedFd;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

/// A run of data. Between runs, and after the last one, a file reads as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) start: u64,
    pub(crate) length: u64,
}

/// The file's runs of data, in order, cut at `size`. File systems that cannot tell give one run.
pub(crate) fn of(fd: BorrowedFd<'_>, size: u64) -> Result<Vec<Extent>, Errno> {
    let mut extents = Vec::new();
    let mut at = 0;
    while at < size {
        let start = match rustix::fs::seek(fd, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL) if at == 0 => return Ok(vec![Extent { start: 0, length: size }]),
            Err(error) => return Err(error),
        };
        if start >= size {
            break;
        }
        let end = rustix::fs::seek(fd, SeekFrom::Hole(start))?.min(size);
        extents.push(Extent { start, length: end.saturating_sub(start) });
        at = end.max(start + 1);
    }
    Ok(extents)
}

/// The map that a sparse member of a PAX archive begins with (GNU format 1.0), padded to whole blocks.
///
/// A file that ends in a hole gets an empty run at its end: GNU tar takes the length from there.
pub(crate) fn to_map(extents: &[Extent], size: u64) -> Vec<u8> {
    let ends_in_hole = extents.last().is_none_or(|last| last.start + last.length < size);
    let end = ends_in_hole.then_some(Extent { start: size, length: 0 });
    let mut text = format!("{}\n", extents.len() + usize::from(ends_in_hole));
    for extent in extents.iter().chain(&end) {
        text.push_str(&format!("{}\n{}\n", extent.start, extent.length));
    }
    let mut map = text.into_bytes();
    map.resize(map.len().next_multiple_of(512), 0);
    map
}

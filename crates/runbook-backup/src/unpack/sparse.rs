//! Which parts of a sparse file a member holds, in each way that GNU tar has had to say so.

use std::io;

use tar::{EntryType, Header};

use super::records::{MAP, Records, bad};
use crate::extents::Extent;

/// How long a block is.
pub(super) const BLOCK: usize = 512;

/// What gives the next block of an archive.
pub(super) type NextBlock<'a> = &'a mut dyn FnMut() -> io::Result<[u8; BLOCK]>;

/// Where a member says which parts of its file it holds.
#[derive(Debug)]
pub(super) enum Holes {
    /// It holds all of it.
    None,
    /// At the head of its content.
    Within,
    /// Before its content.
    Known(Vec<Extent>),
}

/// Which parts of a sparse file follow, in each way that GNU tar has had, and how long it is.
pub(super) fn holes(header: &Header, records: &Records, next: NextBlock<'_>) -> io::Result<(Holes, Option<u64>)> {
    let number = |key: &[u8]| {
        let text = records.get(key).and_then(|value| std::str::from_utf8(value).ok());
        text.map(|text| text.parse::<u64>().map_err(|_| bad("a size of a sparse file is no number"))).transpose()
    };
    let sized = |size: Option<u64>| size.ok_or_else(|| bad("a sparse file has no size"));
    if header.entry_type() == EntryType::GNUSparse {
        return old_map(header, next);
    }
    if let Some(map) = records.get(MAP) {
        let size = sized(number(b"GNU.sparse.size")?.or(number(b"GNU.sparse.realsize")?))?;
        let text = String::from_utf8_lossy(map);
        let numbers: Result<Vec<u64>, _> =
            text.split(',').filter(|word| !word.is_empty()).map(str::parse::<u64>).collect();
        let numbers = numbers.map_err(|_| bad("the map of a sparse file is not made of numbers"))?;
        return Ok((Holes::Known(ordered(&numbers, size)?), Some(size)));
    }
    match number(b"GNU.sparse.major")? {
        None => Ok((Holes::None, None)),
        Some(1) => Ok((Holes::Within, Some(sized(number(b"GNU.sparse.realsize")?)?))),
        Some(_) => Err(bad("it holds a sparse file in a format that is not known")),
    }
}

/// The map of the old format: in the header, and in as many blocks behind it as are needed.
fn old_map(header: &Header, next: NextBlock<'_>) -> io::Result<(Holes, Option<u64>)> {
    let gnu = header.as_gnu().ok_or_else(|| bad("a sparse file has no map"))?;
    let size = gnu.real_size()?;
    let mut numbers = Vec::new();
    let mut take = |runs: &[tar::GnuSparseHeader]| -> io::Result<()> {
        for run in runs.iter().filter(|run| !run.is_empty()) {
            numbers.extend([run.offset()?, run.length()?]);
        }
        Ok(())
    };
    take(&gnu.sparse)?;
    let mut goes_on = gnu.is_extended();
    while goes_on {
        let mut more = tar::GnuExtSparseHeader::new();
        more.as_mut_bytes().copy_from_slice(&next()?);
        take(more.sparse())?;
        goes_on = more.is_extended();
    }
    Ok((Holes::Known(ordered(&numbers, size)?), Some(size)))
}

/// The map at the head of a sparse member: lines of decimal numbers, padded to whole blocks.
pub(super) fn map(size: u64, next: NextBlock<'_>) -> io::Result<Vec<Extent>> {
    let mut numbers = Numbers { block: [0; BLOCK], at: BLOCK };
    let count = numbers.next(next)?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.extend([numbers.next(next)?, numbers.next(next)?]);
    }
    ordered(&all, size)
}

/// Starts and lengths by turns as runs that do not overlap, inside of a file of this size.
fn ordered(numbers: &[u64], size: u64) -> io::Result<Vec<Extent>> {
    let mut end = 0;
    let runs = numbers.chunks(2).map(|pair| match pair {
        [start, length] if *start >= end && start.checked_add(*length).is_some_and(|end| end <= size) => {
            end = start + length;
            Ok(Extent { start: *start, length: *length })
        }
        _ => Err(bad("the map of a sparse file is out of order")),
    });
    runs.collect()
}

struct Numbers {
    block: [u8; BLOCK],
    at: usize,
}

impl Numbers {
    fn next(&mut self, next: NextBlock<'_>) -> io::Result<u64> {
        let mut number: u64 = 0;
        loop {
            if self.at == BLOCK {
                (self.block, self.at) = (next()?, 0);
            }
            let byte = self.block.get(self.at).copied().unwrap_or(0);
            self.at += 1;
            match byte {
                b'\n' => return Ok(number),
                b'0'..=b'9' => {
                    let next = number.checked_mul(10).and_then(|number| number.checked_add(u64::from(byte - b'0')));
                    number = next.ok_or_else(|| bad("the map of a sparse file is too large"))?;
                }
                _ => return Err(bad("the map of a sparse file is not made of numbers")),
            }
        }
    }
}

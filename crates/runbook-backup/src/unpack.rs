//! Reads the members of tar archives: ours, and those of other tars (Version 7, ustar, PAX, GNU with its long
//! names and each of its forms of sparse files).
//!
//! Names are handed out as they are; the caller must not trust them.

mod records;
mod sparse;

use std::io::{self, Read};

use tar::{EntryType, Header};

use self::records::{Records, bad, check_sum, parse_records, too_early, until_zero, with_equals};
use self::sparse::{BLOCK, Holes, holes, map};
use crate::manifest::Attributes;
use crate::timestamp::Timestamp;

/// Far above what long names and attributes need; a larger one is an attack on memory.
const RECORDS_LIMIT: u64 = 8 << 20;
const CHUNK: usize = 1 << 18;

/// One member, before its content.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) index: u64,
    pub(crate) name: Vec<u8>,
    pub(crate) tag: EntryType,
    pub(crate) link: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) mtime: Timestamp,
    pub(crate) xattrs: Attributes,
    /// The length of the file that it unpacks to.
    pub(crate) size: u64,
    holes: Holes,
}

/// A piece of a file's content, in order.
pub(crate) enum Piece<'a> {
    Data(&'a [u8]),
    Hole(u64),
}

/// The members of an archive, one after the other.
pub(crate) struct Members<R> {
    input: R,
    next_index: u64,
    /// Content of the current member that was not read yet, and the padding after it.
    left: u64,
    padding: u64,
    /// A block that was read to see what it is.
    peeked: Option<[u8; BLOCK]>,
    global: Records,
    buffer: Vec<u8>,
}

impl<R: Read> Members<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, next_index: 0, left: 0, padding: 0, peeked: None, global: Records::new(), buffer: vec![0; CHUNK] }
    }

    pub(crate) fn into_input(self) -> R {
        self.input
    }

    /// The next member, or None at the end. Content that was not asked for is skipped.
    pub(crate) fn next(&mut self) -> io::Result<Option<Member>> {
        self.skip_rest()?;
        let mut records = self.global.clone();
        let (mut long_name, mut long_link) = (None, None);
        loop {
            let block = self.block()?;
            if block.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            let header = Header::from_byte_slice(&block);
            check_sum(header, self.next_index)?;
            self.left = header.entry_size()?;
            self.padding = self.left.next_multiple_of(BLOCK as u64) - self.left;
            match header.entry_type() {
                EntryType::XHeader => parse_records(&self.whole()?, &mut records)?,
                EntryType::XGlobalHeader => {
                    let whole = self.whole()?;
                    parse_records(&whole, &mut self.global)?;
                    records.extend(self.global.clone());
                }
                EntryType::GNULongName => long_name = Some(until_zero(self.whole()?)),
                EntryType::GNULongLink => long_link = Some(until_zero(self.whole()?)),
                // The label of a volume is no member.
                tag if tag.as_byte() == b'V' => self.skip_rest()?,
                _ => return self.member(header, &records, long_name, long_link).map(Some),
            }
        }
    }

    fn member(
        &mut self,
        header: &Header,
        records: &Records,
        long_name: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
    ) -> io::Result<Member> {
        let get = |key: &[u8]| records.get(key).cloned();
        let text = |key: &[u8]| records.get(key).and_then(|value| std::str::from_utf8(value).ok());
        if let Some(size) = text(b"size") {
            self.left = size.parse().map_err(|_| bad("a size is no number"))?;
            self.padding =
                self.left.checked_next_multiple_of(BLOCK as u64).ok_or_else(|| bad("a size is too large"))? - self.left;
        }
        let name = get(b"path").or(long_name).unwrap_or_else(|| header.path_bytes().into_owned());
        let tag = match header.entry_type() {
            // So the tars of Version 7 write a directory.
            EntryType::Regular if name.ends_with(b"/") => EntryType::Directory,
            // A directory with a list of its names, of an incremental backup.
            tag if tag.as_byte() == b'D' => EntryType::Directory,
            tag => tag,
        };
        self.only_content(header.entry_type())?;
        let mtime = match text(b"mtime") {
            Some(time) => time.parse().map_err(bad)?,
            None => Timestamp { seconds: i64::try_from(header.mtime()?).unwrap_or(i64::MAX), nanos: 0 },
        };
        let attributes = records.iter().filter_map(|(key, value)| {
            let name = key.strip_prefix(b"SCHILY.xattr.")?;
            Some((with_equals(name), value.clone()))
        });
        let (holes, real_size) = holes(header, records, &mut || self.block())?;
        let name = get(b"GNU.sparse.name").filter(|_| !matches!(holes, Holes::None)).unwrap_or(name);
        self.next_index += 1;
        Ok(Member {
            index: self.next_index - 1,
            name,
            link: get(b"linkpath")
                .or(long_link)
                .or_else(|| header.link_name_bytes().map(|name| name.into_owned()))
                .unwrap_or_default(),
            tag: if tag == EntryType::GNUSparse { EntryType::Regular } else { tag },
            mode: header.mode()? & 0o7777,
            mtime,
            xattrs: Attributes(attributes.collect()),
            size: real_size.unwrap_or(self.left),
            holes,
        })
    }

    /// Decides whether content follows. What a directory, a link or a device says about its size is none. Of a hard link
    /// old tars say the size of the file and write nothing, new ones may write it once more: what follows tells.
    fn only_content(&mut self, tag: EntryType) -> io::Result<()> {
        match tag {
            EntryType::Directory | EntryType::Symlink | EntryType::Char | EntryType::Block | EntryType::Fifo => {
                (self.left, self.padding) = (0, 0);
            }
            EntryType::Link if self.left > 0 => {
                let next = self.block()?;
                let is_header = check_sum(Header::from_byte_slice(&next), 0).is_ok();
                if is_header || next.iter().all(|byte| *byte == 0) {
                    self.peeked = Some(next);
                    (self.left, self.padding) = (0, 0);
                } else {
                    (self.left, self.padding) = ((self.left + self.padding).saturating_sub(BLOCK as u64), 0);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The next block where a header may stand.
    fn block(&mut self) -> io::Result<[u8; BLOCK]> {
        if let Some(peeked) = self.peeked.take() {
            return Ok(peeked);
        }
        let mut block = [0; BLOCK];
        self.input.read_exact(&mut block).map_err(too_early)?;
        Ok(block)
    }

    /// Hands out the content of the member that `next` gave last. The pieces together are `member.size` long.
    pub(crate) fn content<E: From<io::Error>>(
        &mut self,
        member: &Member,
        mut take: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let map = match &member.holes {
            Holes::None => return self.pour(member.size, &mut take),
            Holes::Within => map(member.size, &mut || self.map_block())?,
            Holes::Known(map) => map.clone(),
        };
        let mut at = 0;
        for run in map {
            if run.start > at {
                take(Piece::Hole(run.start - at))?;
            }
            self.pour(run.length, &mut take)?;
            at = run.start + run.length;
        }
        if member.size > at {
            take(Piece::Hole(member.size - at))?;
        }
        Ok(())
    }

    fn pour<E: From<io::Error>>(
        &mut self,
        length: u64,
        take: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = length;
        while left > 0 {
            let now = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
            let chunk = self.buffer.get_mut(..now).unwrap_or_default();
            if self.left < now as u64 {
                return Err(bad("a member is shorter than its map says").into());
            }
            self.input.read_exact(chunk).map_err(too_early)?;
            self.left -= now as u64;
            left -= now as u64;
            take(Piece::Data(chunk))?;
        }
        Ok(())
    }

    /// A block of the map that stands at the head of the content.
    fn map_block(&mut self) -> io::Result<[u8; BLOCK]> {
        let cut = || bad("the map of a sparse file is cut short");
        self.left = self.left.checked_sub(BLOCK as u64).ok_or_else(cut)?;
        let mut block = [0; BLOCK];
        self.input.read_exact(&mut block).map_err(too_early)?;
        Ok(block)
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        let rest = self.left.checked_add(self.padding).ok_or_else(|| bad("a size is too large"))?;
        let skipped = io::copy(&mut (&mut self.input).take(rest), &mut io::sink())?;
        (self.left, self.padding) = (0, 0);
        if skipped == rest { Ok(()) } else { Err(bad("it ends too early")) }
    }

    fn whole(&mut self) -> io::Result<Vec<u8>> {
        if self.left > RECORDS_LIMIT {
            return Err(bad("an extended header is too large"));
        }
        let mut bytes = vec![0; usize::try_from(self.left).unwrap_or(0)];
        self.input.read_exact(&mut bytes).map_err(too_early)?;
        self.left = 0;
        self.skip_rest()?;
        Ok(bytes)
    }
}

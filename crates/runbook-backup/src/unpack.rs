//! Reads the members of tar archives: ours, and those of other tars (Version 7, ustar, PAX, GNU with its long
//! names and each of its forms of sparse files).
//!
//! Names are handed out as they are; whoever unpacks them must not trust them.

use std::collections::BTreeMap;
use std::io::{self, Read};

use tar::{EntryType, Header};

use crate::extents::Extent;
use crate::manifest::Attributes;
use crate::timestamp::Timestamp;

const BLOCK: usize = 512;
/// Far above what long names and attributes need; a larger one is an attack on memory.
const RECORDS_LIMIT: u64 = 8 << 20;
const CHUNK: usize = 1 << 18;
const MAP: &[u8] = b"GNU.sparse.map";

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

/// Where a member says which parts of its file it holds.
#[derive(Debug)]
enum Holes {
    /// It holds all of it.
    None,
    /// At the head of its content.
    Within,
    /// Before its content.
    Known(Vec<Extent>),
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
    global: BTreeMap<Vec<u8>, Vec<u8>>,
    buffer: Vec<u8>,
}

fn bad(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

impl<R: Read> Members<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            next_index: 0,
            left: 0,
            padding: 0,
            peeked: None,
            global: BTreeMap::new(),
            buffer: vec![0; CHUNK],
        }
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
        records: &BTreeMap<Vec<u8>, Vec<u8>>,
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
        let (holes, real_size) = self.holes(header, records)?;
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

    /// Which parts of a sparse file follow, in each way that GNU tar has had, and how long it is.
    fn holes(&mut self, header: &Header, records: &BTreeMap<Vec<u8>, Vec<u8>>) -> io::Result<(Holes, Option<u64>)> {
        let number = |key: &[u8]| {
            let text = records.get(key).and_then(|value| std::str::from_utf8(value).ok());
            text.map(|text| text.parse::<u64>().map_err(|_| bad("a size of a sparse file is no number"))).transpose()
        };
        let sized = |size: Option<u64>| size.ok_or_else(|| bad("a sparse file has no size"));
        if header.entry_type() == EntryType::GNUSparse {
            return self.old_map(header);
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
    fn old_map(&mut self, header: &Header) -> io::Result<(Holes, Option<u64>)> {
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
            more.as_mut_bytes().copy_from_slice(&self.block()?);
            take(more.sparse())?;
            goes_on = more.is_extended();
        }
        Ok((Holes::Known(ordered(&numbers, size)?), Some(size)))
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
            Holes::Within => self.map(member.size)?,
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

    /// The map at the head of a sparse member: lines of decimal numbers, padded to whole blocks.
    fn map(&mut self, size: u64) -> io::Result<Vec<Extent>> {
        let mut numbers = Numbers { block: [0; BLOCK], at: BLOCK };
        let count = numbers.next(self)?;
        let mut all = Vec::new();
        for _ in 0..count {
            all.extend([numbers.next(self)?, numbers.next(self)?]);
        }
        ordered(&all, size)
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
    fn next<R: Read>(&mut self, members: &mut Members<R>) -> io::Result<u64> {
        let mut number: u64 = 0;
        loop {
            if self.at == BLOCK {
                if members.left < BLOCK as u64 {
                    return Err(bad("the map of a sparse file is cut short"));
                }
                members.input.read_exact(&mut self.block).map_err(too_early)?;
                members.left -= BLOCK as u64;
                self.at = 0;
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

fn too_early(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { bad("it ends too early") } else { error }
}

fn check_sum(header: &Header, index: u64) -> io::Result<()> {
    let bytes = header.as_bytes();
    let sum: u32 =
        bytes.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
    if header.cksum().ok() == Some(sum) { Ok(()) } else { Err(bad(format!("the header of member {index} is damaged"))) }
}

/// `<length> <keyword>=<value>\n`, any number of times. The value may hold any byte.
fn parse_records(mut bytes: &[u8], records: &mut BTreeMap<Vec<u8>, Vec<u8>>) -> io::Result<()> {
    while !bytes.is_empty() {
        let parsed = (|| {
            let blank = bytes.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(bytes.get(..blank)?).ok()?.parse().ok()?;
            let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            Some((record.get(..equals)?, record.get(equals + 1..)?, bytes.get(length..)?))
        })();
        let (keyword, value, rest) = parsed.ok_or_else(|| bad("an extended header is malformed"))?;
        // The first format of GNU tar has the map in records of one name; only together they say something.
        if matches!(keyword, b"GNU.sparse.offset" | b"GNU.sparse.numbytes") {
            let map = records.entry(MAP.to_vec()).or_default();
            map.extend_from_slice(value);
            map.push(b',');
        } else {
            records.insert(keyword.to_vec(), value.to_vec());
        }
        bytes = rest;
    }
    Ok(())
}

fn until_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    bytes
}

fn with_equals(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match after.get(..2) {
            Some(b"3D") if *first == b'%' => (b'=', after.get(2..)),
            Some(b"25") if *first == b'%' => (b'%', after.get(2..)),
            _ => (*first, Some(after)),
        };
        out.push(byte);
        rest = after.unwrap_or_default();
    }
    out
}

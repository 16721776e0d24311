//! Headers of members and the extended records before them.

use std::collections::BTreeMap;
use std::io;

use tar::Header;

/// The records of a member by their names.
pub(super) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// The name under which the map of a sparse file is kept that stands in records.
pub(super) const MAP: &[u8] = b"GNU.sparse.map";

pub(super) fn bad(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

pub(super) fn too_early(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { bad("it ends too early") } else { error }
}

pub(super) fn check_sum(header: &Header, index: u64) -> io::Result<()> {
    let bytes = header.as_bytes();
    let sum: u32 =
        bytes.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
    if header.cksum().ok() == Some(sum) { Ok(()) } else { Err(bad(format!("the header of member {index} is damaged"))) }
}

/// `<length> <keyword>=<value>\n`, any number of times. The value may hold any byte.
pub(super) fn parse_records(mut bytes: &[u8], records: &mut Records) -> io::Result<()> {
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

pub(super) fn until_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    bytes
}

pub(super) fn with_equals(name: &[u8]) -> Vec<u8> {
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

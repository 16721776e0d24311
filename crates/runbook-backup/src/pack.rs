//! Writes the members of a standard PAX archive: what `tar --format=posix --xattrs --acls --sparse` would write.
//!
//! `unpack.rs` reads it back. The `tar` crate's own builder and reader cut attribute values at newlines, so only its
//! header is used here.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use tar::{EntryType, Header};

use crate::acl;
use crate::escaped::bytes_of;
use crate::extents::{self, Extent};
use crate::manifest::{Entry, EntryKind};

const BLOCK: u64 = 512;
/// What fits into the fields of a plain header.
const NAME_LIMIT: usize = 100;
const ID_LIMIT: u32 = 0o7_777_777;
const SIZE_LIMIT: u64 = 0o77_777_777_777;

/// Whose name is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The user with this number.
    User(u32),
    /// The group with this number.
    Group(u32),
}

/// An archive being written.
pub(crate) struct Packer<'a, W> {
    out: W,
    members: u64,
    names: &'a dyn Fn(Owner) -> Option<String>,
    /// What it was asked, so that it is asked once.
    told: HashMap<Owner, String>,
    to_pad: u64,
    /// Where names begin, if not at the root.
    top: Option<&'a Path>,
}

impl<'a, W: Write> Packer<'a, W> {
    pub(crate) fn new(out: W, names: &'a dyn Fn(Owner) -> Option<String>) -> Self {
        Self { out, members: 0, names, told: HashMap::new(), to_pad: 0, top: None }
    }

    /// The same with names that begin at the directory `top`, which is `./` itself.
    pub(crate) fn below(self, top: &'a Path) -> Self {
        Self { top: Some(top), ..self }
    }

    /// Begins a member, and returns its number. Content follows through `data`, exactly as long as announced.
    pub(crate) fn begin(&mut self, entry: &Entry, sparse: Option<&[Extent]>) -> io::Result<u64> {
        let map = match (sparse, &entry.kind) {
            (Some(runs), EntryKind::File { size, .. }) => Some(extents::to_map(runs, *size)),
            _ => None,
        };
        let link = match (&entry.hard_link_to, &entry.kind) {
            (Some(first), _) => self.name_of(first),
            (None, EntryKind::Symlink { target }) => bytes_of(target),
            _ => b"",
        };
        let size = match (&entry.kind, &entry.hard_link_to) {
            (EntryKind::File { size, .. }, None) => match (sparse, &map) {
                (Some(runs), Some(map)) => runs.iter().map(|run| run.length).sum::<u64>() + map.len() as u64,
                _ => *size,
            },
            _ => 0,
        };
        let records = self.records(entry, link, size, sparse.is_some());
        let mut header = self.header(entry, link, size);
        if !records.is_empty() {
            self.extension(&mut header.clone(), &records)?;
        }
        header.set_cksum();
        self.out.write_all(header.as_bytes())?;
        if let Some(map) = map {
            self.out.write_all(&map)?;
        }
        self.to_pad = size.next_multiple_of(BLOCK) - size;
        self.members += 1;
        Ok(self.members - 1)
    }

    pub(crate) fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Ends a member's content.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        let zeros = [0; BLOCK as usize];
        self.out.write_all(zeros.get(..self.to_pad as usize).unwrap_or_default())
    }

    /// Ends the archive, and returns the number of members.
    pub(crate) fn finish(mut self) -> io::Result<(W, u64)> {
        self.out.write_all(&[0; 2 * BLOCK as usize])?;
        Ok((self.out, self.members))
    }

    fn name_of<'p>(&self, path: &'p Path) -> &'p [u8] {
        let inside = self.top.and_then(|top| path.strip_prefix(top).ok());
        inside.map_or_else(|| member_name(bytes_of(path)), bytes_of)
    }

    fn full_name(&self, entry: &Entry) -> Vec<u8> {
        let name = self.name_of(&entry.path);
        match entry.kind {
            EntryKind::Directory if name.is_empty() => b"./".to_vec(),
            EntryKind::Directory => [name, b"/"].concat(),
            _ => name.to_vec(),
        }
    }

    /// Empty if nobody tells it; a reader of the archive then uses the number.
    fn name(&mut self, owner: Owner) -> &[u8] {
        self.told.entry(owner).or_insert_with(|| (self.names)(owner).unwrap_or_default()).as_bytes()
    }

    fn header(&mut self, entry: &Entry, link: &[u8], size: u64) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(match (&entry.hard_link_to, &entry.kind) {
            (Some(_), _) => EntryType::Link,
            (None, EntryKind::File { .. }) => EntryType::Regular,
            (None, EntryKind::Directory) => EntryType::Directory,
            (None, EntryKind::Symlink { .. }) => EntryType::Symlink,
            (None, EntryKind::Fifo) => EntryType::Fifo,
            (None, EntryKind::CharDevice { .. }) => EntryType::Char,
            (None, EntryKind::BlockDevice { .. }) => EntryType::Block,
        });
        let name = self.full_name(entry);
        if let Some(fields) = header.as_ustar_mut() {
            fill(&mut fields.name, &name);
            fill(&mut fields.linkname, link);
            // A name too long for the field is left out: the number counts.
            for (field, owner) in
                [(&mut fields.uname, Owner::User(entry.uid)), (&mut fields.gname, Owner::Group(entry.gid))]
            {
                let name = self.name(owner);
                let room = field.len();
                fill(field, if name.len() < room { name } else { b"" });
            }
            let (major, minor) = match entry.kind {
                EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => (major, minor),
                _ => (0, 0),
            };
            fields.set_device_major(major);
            fields.set_device_minor(minor);
        }
        header.set_mode(entry.mode);
        header.set_uid(u64::from(entry.uid.min(ID_LIMIT)));
        header.set_gid(u64::from(entry.gid.min(ID_LIMIT)));
        header.set_size(size.min(SIZE_LIMIT));
        header.set_mtime(u64::try_from(entry.mtime.seconds).unwrap_or(0).min(SIZE_LIMIT));
        header
    }

    /// What a plain header cannot say.
    fn records(&self, entry: &Entry, link: &[u8], size: u64, sparse: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let name = self.full_name(entry);
        let long_name = name.len() > NAME_LIMIT || sparse;
        let long_link = link.len() > NAME_LIMIT;
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
        if (long_name && !text(&name)) || (long_link && !text(link)) {
            record(&mut out, b"hdrcharset", b"BINARY");
        }
        if sparse {
            record(&mut out, b"GNU.sparse.major", b"1");
            record(&mut out, b"GNU.sparse.minor", b"0");
            record(&mut out, b"GNU.sparse.name", &name);
            if let EntryKind::File { size, .. } = entry.kind {
                number(&mut out, b"GNU.sparse.realsize", size);
            }
        } else if long_name {
            record(&mut out, b"path", &name);
        }
        if long_link {
            record(&mut out, b"linkpath", link);
        }
        if entry.mtime.nanos != 0 || entry.mtime.seconds < 0 || entry.mtime.seconds as u64 > SIZE_LIMIT {
            number(&mut out, b"mtime", entry.mtime);
        }
        if size > SIZE_LIMIT {
            number(&mut out, b"size", size);
        }
        if entry.uid > ID_LIMIT {
            number(&mut out, b"uid", entry.uid);
        }
        if entry.gid > ID_LIMIT {
            number(&mut out, b"gid", entry.gid);
        }
        // A further name of a file shares its attributes.
        if entry.hard_link_to.is_none() {
            for (name, value) in &entry.xattrs.0 {
                if let Some((keyword, text)) = acl::to_text(name, value) {
                    record(&mut out, keyword.as_bytes(), text.as_bytes());
                }
                record(&mut out, &[b"SCHILY.xattr.", without_equals(name).as_slice()].concat(), value);
            }
        }
        out
    }

    fn extension(&mut self, header: &mut Header, records: &[u8]) -> io::Result<()> {
        header.set_entry_type(EntryType::XHeader);
        if let Some(fields) = header.as_ustar_mut() {
            fill(&mut fields.name, b"PaxHeaders/runbook");
            fill(&mut fields.linkname, b"");
        }
        header.set_mode(0o600);
        header.set_size(records.len() as u64);
        header.set_cksum();
        self.out.write_all(header.as_bytes())?;
        self.out.write_all(records)?;
        let zeros = [0; BLOCK as usize];
        let pad = (records.len() as u64).next_multiple_of(BLOCK) - records.len() as u64;
        self.out.write_all(zeros.get(..pad as usize).unwrap_or_default())
    }
}

/// The path without its leading slash, as every tar stores it.
pub(crate) fn member_name(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"/").unwrap_or(path)
}

fn fill(field: &mut [u8], value: &[u8]) {
    field.fill(0);
    for (to, from) in field.iter_mut().zip(value) {
        *to = *from;
    }
}

/// `<length> <keyword>=<value>\n`, where the length counts itself.
fn record(out: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + decimal_digits(length) != length {
        length = rest + decimal_digits(length);
    }
    out.extend_from_slice(format!("{length} ").as_bytes());
    for part in [keyword, b"=", value, b"\n"] {
        out.extend_from_slice(part);
    }
}

fn number(out: &mut Vec<u8>, keyword: &[u8], value: impl Display) {
    record(out, keyword, value.to_string().as_bytes());
}

fn decimal_digits(number: usize) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// GNU tar's own way for attribute names that hold the separator.
fn without_equals(name: &[u8]) -> Vec<u8> {
    name.iter()
        .flat_map(|byte| match byte {
            b'%' => b"%25".to_vec(),
            b'=' => b"%3D".to_vec(),
            byte => vec![*byte],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_record_counts_its_own_length() {
        for length in [1, 5, 88, 89, 90, 91, 92, 987, 988, 989, 990, 991, 992] {
            let mut out = Vec::new();
            super::record(&mut out, b"path", &vec![b'x'; length]);
            let told: usize = std::str::from_utf8(out.split(|b| *b == b' ').next().unwrap()).unwrap().parse().unwrap();
            assert_eq!(told, out.len());
        }
    }
}

//! The manifest: what a backup holds, entry by entry, and how it is written to and read from `manifest.json`.
//!
//! Making one is `create.rs`; comparing one with a tree is `compare.rs`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, HashingWriter};
use crate::error::Error;
use crate::escaped;
use crate::ground::Ground;
use crate::inode::Seen;
use crate::limit::Limit;
use crate::plain_path::not_plain;
use crate::timestamp::Timestamp;

/// The manifest's file name in a backup's directory.
pub const MANIFEST: &str = "manifest.json";
/// The newest format that this version writes and reads.
pub const FORMAT: u32 = 1;

const SEAL: &str = ",\"manifest_blake3\":\"";

/// Everything that a backup holds. Entries are sorted by path, a directory before what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format's version; see [`FORMAT`].
    pub format: u32,
    /// When the backup was made, in milliseconds since 1970, as the caller said.
    pub created_at_ms: i64,
    /// When reading began, by the host's clock: what changed near or after it is read again by the second pass.
    pub started: Timestamp,
    /// The paths that were asked for, without those inside another one.
    pub roots: Vec<Root>,
    /// The archives, in the order in which they are unpacked.
    pub archives: Vec<Archive>,
    /// What was there and is not in the backup.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// Files that changed every time they were read: the copy may mix old and new content.
    #[serde(with = "escaped::paths", default)]
    pub changed_while_read: Vec<PathBuf>,
    /// What was there and cannot be brought back as it was, sockets aside.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// Everything that is in the backup.
    pub entries: Vec<Entry>,
}

/// A path that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// Absolute.
    #[serde(with = "escaped::path")]
    pub path: PathBuf,
    /// Whether anything was there. When not, a restore moves away what is there now.
    pub present: bool,
    /// Where it was read: the path with the links above it followed.
    #[serde(with = "escaped::path")]
    pub real: PathBuf,
    /// The file system that its directory was in. None where the system did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<Ground>,
    /// The same of what is in it, when it is a directory: another one where it is a mount point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Ground>,
}

/// One archive file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Its name in the backup's directory.
    pub file: String,
    /// Its compressed size.
    pub bytes: u64,
    /// How many members it holds.
    pub members: u64,
    /// The digest of the compressed file.
    pub blake3: Digest,
    /// What earlier archives hold and the tree no longer had: delete these before unpacking this archive by hand.
    #[serde(with = "escaped::paths", default)]
    pub removed_before: Vec<PathBuf>,
}

/// Something that is not in the backup, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Where it was.
    #[serde(with = "escaped::path")]
    pub path: PathBuf,
    /// Why it was left out.
    pub why: SkipReason,
}

/// Why something is not in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// A socket belongs to the process that listens on it.
    Socket,
    /// Another file system is mounted there. Name it as a path of its own to have it backed up.
    MountPoint,
    /// It vanished between being listed and being read.
    Vanished,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socket => "it was a socket",
            Self::MountPoint => "another file system was mounted there",
            Self::Vanished => "it vanished while the backup was made",
        })
    }
}

/// One file, directory, link or special file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Absolute.
    #[serde(with = "escaped::path")]
    pub path: PathBuf,
    /// Its type and what only that type has.
    #[serde(flatten)]
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky, written in octal.
    #[serde(with = "octal")]
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// When the content last changed, to the nanosecond.
    pub mtime: Timestamp,
    /// What `chattr` set: the kernel's bits of those flags that can be set on a copy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub flags: u32,
    /// Extended attributes, POSIX ACLs among them.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub xattrs: Attributes,
    /// The first path of the same file, when this is another name of it.
    #[serde(with = "escaped::maybe_path", default, skip_serializing_if = "Option::is_none")]
    pub hard_link_to: Option<PathBuf>,
    /// Which archive has it: an index into `archives`.
    pub archive: u32,
    /// Which member of that archive it is, counted from 0.
    pub member: u64,
    /// What told this inode from others when it was read.
    pub seen: Seen,
}

/// The type of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EntryKind {
    /// A regular file.
    File {
        /// Its length.
        size: u64,
        /// The digest of its whole content, holes read as zeros.
        blake3: Digest,
        /// Whether it had holes.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sparse: bool,
    },
    /// A directory.
    Directory,
    /// A symbolic link; its target need not exist.
    Symlink {
        /// The target, as written.
        #[serde(with = "escaped::path")]
        target: PathBuf,
    },
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice {
        /// The driver's number.
        major: u32,
        /// The device's number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// The driver's number.
        major: u32,
        /// The device's number.
        minor: u32,
    },
}

impl EntryKind {
    /// The type in one word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Directory => "directory",
            Self::Symlink { .. } => "symlink",
            Self::Fifo => "fifo",
            Self::CharDevice { .. } => "char-device",
            Self::BlockDevice { .. } => "block-device",
        }
    }
}

/// Extended attributes by name. Written as a JSON object with hexadecimal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Attributes(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl Attributes {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Attributes> for BTreeMap<String, String> {
    fn from(from: Attributes) -> Self {
        from.0.iter().map(|(name, value)| (escaped::escape(name).into_owned(), escaped::to_hex(value))).collect()
    }
}

impl TryFrom<BTreeMap<String, String>> for Attributes {
    type Error = String;

    fn try_from(from: BTreeMap<String, String>) -> Result<Self, String> {
        let pairs = from.iter().map(|(name, value)| Ok((escaped::unescape(name)?, escaped::from_hex(value)?)));
        pairs.collect::<Result<_, String>>().map(Self)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(flags: &u32) -> bool {
    *flags == 0
}

mod octal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(mode: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        u32::from_str_radix(&text, 8).map_err(|_| D::Error::custom(format!("{text:?} is not an octal mode")))
    }
}

impl Manifest {
    /// The root that contains the path, if one does.
    #[must_use]
    pub fn root_of(&self, path: &Path) -> Option<&Root> {
        self.roots.iter().filter(|root| path.starts_with(&root.path)).max_by_key(|root| root.path.as_os_str().len())
    }

    /// The entry of a path.
    #[must_use]
    pub fn entry(&self, path: &Path) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.path.as_path().cmp(path)).ok()?;
        self.entries.get(at)
    }

    /// A path's entry and those of everything below it.
    #[must_use]
    pub fn subtree(&self, path: &Path) -> &[Entry] {
        self.entries.get(self.subtree_range(path)).unwrap_or_default()
    }

    /// Why nothing is known of a path below a root, if something above it was left out or is not a directory.
    pub(crate) fn hidden_by(&self, root: &Root, path: &Path) -> Option<String> {
        let mut between: Vec<&Path> = path.ancestors().take_while(|above| above.starts_with(&root.path)).collect();
        between.reverse();
        for above in between.into_iter().filter(|_| root.present) {
            let name = above.display();
            match self.entry(above).map(|entry| &entry.kind) {
                Some(EntryKind::Directory) => {}
                Some(_) if above == path => {}
                Some(other) => return Some(format!("{name} was a {} then", other.name())),
                None => {
                    let skipped = self.skipped.iter().find(|skipped| skipped.path == above);
                    return skipped.map(|skipped| format!("{name} was left out, because {}", skipped.why));
                }
            }
        }
        None
    }

    fn subtree_range(&self, path: &Path) -> Range<usize> {
        let from = self.entries.partition_point(|entry| entry.path.as_path() < path);
        let rest = self.entries.get(from..).unwrap_or_default();
        from..from + rest.partition_point(|entry| entry.path.starts_with(path))
    }

    /// Writes it durably in place of an older one. Until this returns, the older one counts.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        let target = dir.join(MANIFEST);
        let partial = dir.join("manifest.json.partial");
        let fail = |doing| move |source: io::Error| Error::io(doing, &dir.join(MANIFEST), source);
        let file = crate::durable::create_private(&partial)?;
        let mut out = HashingWriter::new(BufWriter::with_capacity(1 << 16, file));
        self.write_body(&mut out).map_err(fail("write"))?;
        let (mut out, digest, _) = out.finish();
        let end = format!("{SEAL}{digest}\"}}\n");
        out.write_all(end.as_bytes()).map_err(fail("write"))?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error).map_err(fail("write"))?;
        file.sync_all().map_err(fail("make durable"))?;
        std::fs::rename(&partial, &target).map_err(fail("put in place"))?;
        crate::durable::sync_directory(dir)
    }

    /// One entry a line, so that `grep` and `diff` work on it.
    fn write_body(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{{\"format\":{},\"created_at_ms\":{},\"started\":", self.format, self.created_at_ms)?;
        serde_json::to_writer(&mut *out, &self.started)?;
        let without_entries = serde_json::json!({
            "roots": self.roots, "archives": self.archives, "skipped": self.skipped, "limits": self.limits,
            "changed_while_read":
                self.changed_while_read.iter().map(|path| escaped::escape(escaped::bytes_of(path))).collect::<Vec<_>>(),
        });
        for (name, value) in without_entries.as_object().into_iter().flatten() {
            write!(out, ",\n\"{name}\":")?;
            serde_json::to_writer(&mut *out, value)?;
        }
        out.write_all(b",\n\"entries\":[")?;
        for (at, entry) in self.entries.iter().enumerate() {
            out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *out, entry)?;
        }
        out.write_all(b"\n]")
    }

    /// Reads one and checks that it is exactly what was written.
    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(MANIFEST);
        let damaged = |why: String| Error::ManifestDamaged { path: path.clone(), why };
        let bytes = match File::open(&path).and_then(|mut file| {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut file, &mut bytes).map(|_| bytes)
        }) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !dir.exists() => {
                let why = "it is not there";
                return Err(Error::NotABackup { dir: dir.to_path_buf(), why });
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                let why = "it has no manifest.json, so it was never finished";
                return Err(Error::NotABackup { dir: dir.to_path_buf(), why });
            }
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let tail = SEAL.len() + 64 + "\"}\n".len();
        let (body, end) = bytes.split_at(bytes.len().saturating_sub(tail));
        let told = end.strip_prefix(SEAL.as_bytes()).and_then(|end| end.get(..64));
        let told = told.ok_or_else(|| damaged("its end is missing".to_owned()))?;
        if Digest::of(body).to_string().as_bytes() != told {
            return Err(damaged("its content does not match the digest at its end".to_owned()));
        }
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if version.format > FORMAT {
            return Err(Error::NewerFormat { path, found: version.format, supported: FORMAT });
        }
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        manifest.check().map_err(damaged)?;
        Ok(manifest)
    }

    /// What the code relies on: order, and no path that is not a plain absolute one below a root.
    fn check(&self) -> Result<(), String> {
        for pair in self.entries.windows(2) {
            if let [a, b] = pair
                && a.path >= b.path
            {
                return Err(format!("{} is out of order or there twice", b.path.display()));
            }
        }
        for entry in &self.entries {
            let path = entry.path.display();
            if not_plain(&entry.path).is_some() || self.root_of(&entry.path).is_none() {
                return Err(format!("{path} is not a plain path below a root"));
            }
            if entry.archive as usize >= self.archives.len() {
                return Err(format!("{path} is in an archive that is not listed"));
            }
        }
        match self.archives.iter().find(|archive| archive.file.contains('/') || archive.file.starts_with("..")) {
            Some(archive) => Err(format!("{:?} is no archive of this directory", archive.file)),
            None => Ok(()),
        }
    }
}

//! What `stat` says about a file, in one form on every system.

use rustix::fs::{FileType, Mode, Stat};
use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inode {
    pub(crate) kind: FileType,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) links: u64,
    pub(crate) mtime: Timestamp,
    pub(crate) device: (u32, u32),
    pub(crate) seen: Seen,
    /// Bytes on disk, for telling a file with holes.
    pub(crate) allocated: u64,
}

/// What tells whether an inode was touched since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The file system's device number.
    pub dev: u64,
    /// The inode's number.
    pub ino: u64,
    /// When the inode last changed.
    pub ctime: Timestamp,
}

/// The widths of these fields differ between systems.
fn wide(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or(0)
}

fn narrow(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(0)
}

impl Inode {
    pub(crate) fn new(stat: &Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: narrow(Mode::from_raw_mode(stat.st_mode).bits()) & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: wide(stat.st_size),
            links: wide(stat.st_nlink),
            mtime: Timestamp { seconds: stat.st_mtime, nanos: narrow(stat.st_mtime_nsec) },
            device: (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)),
            seen: Seen {
                dev: wide(stat.st_dev),
                ino: wide(stat.st_ino),
                ctime: Timestamp { seconds: stat.st_ctime, nanos: narrow(stat.st_ctime_nsec) },
            },
            allocated: wide(stat.st_blocks).saturating_mul(512),
        }
    }

    /// Whether the file is the same and untouched between two looks at it.
    pub(crate) fn untouched_since(&self, earlier: &Self) -> bool {
        (self.seen, self.size, self.mtime) == (earlier.seen, earlier.size, earlier.mtime)
    }

    /// Whether it may have holes.
    pub(crate) fn has_holes(&self) -> bool {
        self.allocated < self.size
    }
}

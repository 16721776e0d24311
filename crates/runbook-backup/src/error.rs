//! What can go wrong, each variant naming the thing, the place and, where there is one, the next action.

use std::io;
use std::path::{Path, PathBuf};

/// Why a backup, a check or a restore did not happen. Whenever one is returned, the original is still in place; where it
/// could only be copied out of the way and was not removed to the end, the copy is whole and set aside.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked to stop.
    #[error("cancelled; nothing was replaced")]
    Cancelled,
    /// A system call failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// A verb: "read", "create", "exchange".
        doing: &'static str,
        /// What it was about.
        path: PathBuf,
        /// The system's own reason.
        source: io::Error,
    },
    /// The file system that holds `path` is full.
    #[error("no space left at {}: up to {needed} bytes are needed there and {free} are free; make room or choose another place", path.display())]
    NoSpace {
        /// What was being written.
        path: PathBuf,
        /// An upper bound, before compression.
        needed: u64,
        /// What the file system has left, once the partial data is gone.
        free: u64,
    },
    /// A path that no backup can be made of, or restored to.
    #[error("{} cannot be used: {why}", path.display())]
    BadPath {
        /// The path as given.
        path: PathBuf,
        /// What it should be instead.
        why: &'static str,
    },
    /// Something is already where a new thing should go.
    #[error("{} already exists; choose another place or move it away", path.display())]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// The directory holds no complete backup.
    #[error("{} is not a complete backup: {why}", dir.display())]
    NotABackup {
        /// The directory.
        dir: PathBuf,
        /// What is missing.
        why: &'static str,
    },
    /// The manifest was altered or cut short since it was written.
    #[error("the manifest {} is damaged: {why}; restore it from another copy, or open the archive with tar", path.display())]
    ManifestDamaged {
        /// The manifest's file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The manifest was written by a newer version.
    #[error("the manifest {} has format {found}, this version reads up to {supported}; use the newer version", path.display())]
    NewerFormat {
        /// The manifest's file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        supported: u32,
    },
    /// An archive does not hold what the manifest says.
    #[error("the archive {} is damaged or does not belong to its manifest: {why}", archive.display())]
    ArchiveDamaged {
        /// The archive's file.
        archive: PathBuf,
        /// Which member and how it differs.
        why: String,
    },
    /// A file that is given as an archive is none, or is damaged.
    #[error("the archive {} cannot be read: {why}", archive.display())]
    NoArchive {
        /// The file.
        archive: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An archive has a member that would leave the directory it is unpacked to, or that cannot be unpacked.
    #[error("the archive {} is refused at member {member:?}: {why}", archive.display())]
    Refused {
        /// The archive's file.
        archive: PathBuf,
        /// The member's name.
        member: String,
        /// The reason.
        why: String,
    },
    /// The backup does not hold what is or was at the path.
    #[error("{} is not covered by the backup {}: {why}", path.display(), dir.display())]
    NotCovered {
        /// The path.
        path: PathBuf,
        /// The backup.
        dir: PathBuf,
        /// What stands between them.
        why: String,
    },
    /// A mounted file system cannot be exchanged by a rename.
    #[error("{} cannot be replaced: {} is a mount point; unmount it, or restore the paths below it one by one", path.display(), mount.display())]
    MountPoint {
        /// What should be restored.
        path: PathBuf,
        /// The mount at or below it.
        mount: PathBuf,
    },
    /// Another file system than then is mounted where the path leads.
    #[error("{} is not touched: it was in the file system mounted at {} then, and leads into the one at {} now; unmount what covers it, or mount what is gone", path.display(), then.display(), now.display())]
    OtherMount {
        /// The path.
        path: PathBuf,
        /// Where the file system was mounted that had it.
        then: PathBuf,
        /// Where the one is mounted that would have it now.
        now: PathBuf,
    },
    /// A path leads through a link that somebody else can let lead elsewhere at any moment.
    #[error("{} leads through {}, a symlink that user {owner} made to {}; name the directory itself, if it is the right one", path.display(), link.display(), target.display())]
    SomebodysLink {
        /// The path.
        path: PathBuf,
        /// The link.
        link: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Where it leads.
        target: PathBuf,
    },
    /// A path leads through a link that somebody else may have put there, whoever made it: its directory is that one's, or
    /// everybody's.
    #[error(
        "{} leads through {}, a symlink to {} in a directory that others may change; name the directory itself, if it is the right one",
        path.display(), link.display(), target.display()
    )]
    LooseLink {
        /// The path.
        path: PathBuf,
        /// The link.
        link: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// What a step would change could not be put back by this process: nothing was changed.
    #[error("{} could not be put back: {why}", path.display())]
    NoWayBack {
        /// What could not be put back.
        path: PathBuf,
        /// What stands in the way.
        why: String,
        /// What to do about it.
        help: String,
    },
    /// What was unpacked is not what the manifest says, so it was not put in place.
    #[error("the restored copy of {} differs from the manifest in {what}; the original was left in place", path.display())]
    Unfaithful {
        /// The entry.
        path: PathBuf,
        /// How it differs.
        what: String,
    },
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { doing, path: path.to_path_buf(), source: source.into() }
    }

    /// Whether the system gave this reason.
    pub(crate) fn is(&self, errno: rustix::io::Errno) -> bool {
        matches!(self, Self::Io { source, .. } if source.raw_os_error() == Some(errno.raw_os_error()))
    }

    /// Whether the cause is a full disk, directly or through a quota.
    pub(crate) fn is_no_space(&self) -> bool {
        match self {
            Self::NoSpace { .. } => true,
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }
}
